# flowxdp_add_plugin(NAME): plugins/NAME/NAME.cpp as a module that flowxdp loads at start.
function(flowxdp_add_plugin name)
    add_library(plugin_${name} MODULE ${CMAKE_CURRENT_SOURCE_DIR}/${name}.cpp)
    set_target_properties(plugin_${name} PROPERTIES OUTPUT_NAME ${name} PREFIX ""
        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/flowxdp/plugins)
    target_link_libraries(plugin_${name} PRIVATE flowxdp_plugin_api)
    # Opened at run time, not linked: who builds the program gets its plugins as well.
    if(TARGET flowxdp)
        add_dependencies(flowxdp plugin_${name})
    endif()
    install(TARGETS plugin_${name} LIBRARY DESTINATION lib/flowxdp/plugins)
endfunction()
