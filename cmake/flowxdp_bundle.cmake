# flowxdp_add_bundle(TARGET OBJECT target FOLDER dir PLUGINS name... [ROOTS dir...]): a bundle in a folder of its own, with the
# kernel halves of these plugins compiled in, in this order (number order): libflowxdp_bundle.so (TARGET) and flowxdp.bpf.o (OBJECT),
# made from one source. A plugin's kernel half is NAME/NAME.bpf.h below one of ROOTS (plugins/ when none is given).
function(flowxdp_add_bundle target)
    cmake_parse_arguments(ARG "" "OBJECT;FOLDER" "PLUGINS;ROOTS" ${ARGN})
    if(NOT ARG_ROOTS)
        set(ARG_ROOTS ${PROJECT_SOURCE_DIR}/plugins)
    endif()
    set(generated ${PROJECT_BINARY_DIR}/generated/${target})
    set(bpf ${PROJECT_SOURCE_DIR}/bpf)
    set(engine ${PROJECT_SOURCE_DIR}/userspace/engine)

    set(halves "")
    foreach(plugin IN LISTS ARG_PLUGINS)
        foreach(root IN LISTS ARG_ROOTS)
            if(EXISTS ${root}/${plugin}/${plugin}.bpf.h)
                list(APPEND halves ${plugin})
            endif()
        endforeach()
    endforeach()
    file(MAKE_DIRECTORY ${generated})
    add_custom_command(OUTPUT ${generated}/plugin_list.h
        COMMAND bundle_header halves ${generated}/plugin_list.h ${halves}
        DEPENDS bundle_header COMMENT "Listing the kernel halves of ${target}" VERBATIM)

    set(object ${ARG_FOLDER}/flowxdp.bpf.o)
    flowxdp_add_bpf_object(${ARG_OBJECT} ${bpf}/flowxdp.bpf.c ${object} INCLUDES ${bpf} ${ARG_ROOTS} ${generated}
        DEPENDS ${generated}/plugin_list.h)
    # The library bears the layout id of its object.
    add_custom_command(OUTPUT ${generated}/bundle_layout_id.h
        COMMAND bundle_header layout ${generated}/bundle_layout_id.h ${object}
        DEPENDS ${object} bundle_header COMMENT "Reading the record layout of ${target}" VERBATIM)

    add_library(${target} SHARED ${engine}/bundle.cpp ${engine}/native_engine.cpp ${engine}/flow_table.cpp
        ${generated}/plugin_list.h ${generated}/bundle_layout_id.h)
    # One target runs the commands; another would run them at the same time.
    add_dependencies(${target} ${ARG_OBJECT})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME flowxdp_bundle LIBRARY_OUTPUT_DIRECTORY ${ARG_FOLDER})
    target_include_directories(${target} PUBLIC ${engine} ${ARG_ROOTS} ${generated})
    target_link_libraries(${target} PUBLIC flowxdp_shared)
endfunction()
