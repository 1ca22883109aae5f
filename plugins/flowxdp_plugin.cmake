# flowxdp_add_plugin(NAME): plugins/NAME/NAME.cpp as a module that flowxdp loads at start.
function(flowxdp_add_plugin name)
    add_library(plugin_${name} MODULE ${CMAKE_CURRENT_SOURCE_DIR}/${name}.cpp)
    set_target_properties(plugin_${name} PROPERTIES OUTPUT_NAME ${name} PREFIX ""
        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/flowxdp/plugins)
    target_link_libraries(plugin_${name} PRIVATE flowxdp_plugin_api)
    install(TARGETS plugin_${name} LIBRARY DESTINATION lib/flowxdp/plugins)
endfunction()
