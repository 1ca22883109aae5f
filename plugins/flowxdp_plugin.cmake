# flowxdp_add_plugin(NAME [TEST_SOURCES FILE...] [PACKAGE "columns of X"]): plugins/NAME/NAME.cpp as a module that flowxdp loads at
# start. PACKAGE: a package of its own with this line, for one that links a library that flowxdp does not. NAME_test.cpp beside it,
# where there is one, becomes the test of both halves, with tests/support/plugin_bench.h and TEST_SOURCES. NAME_rows_test.py beside it,
# where there is one, is run with the program and with each engine.
function(flowxdp_add_plugin name)
    cmake_parse_arguments(ARG "" "PACKAGE" "TEST_SOURCES" ${ARGN})
    add_library(plugin_${name} MODULE ${CMAKE_CURRENT_SOURCE_DIR}/${name}.cpp)
    set_target_properties(plugin_${name} PROPERTIES OUTPUT_NAME ${name} PREFIX ""
        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/flowxdp/plugins)
    target_link_libraries(plugin_${name} PRIVATE flowxdp_plugin_api)
    # Opened at run time, not linked: who builds the program gets its plugins as well.
    if(TARGET flowxdp)
        add_dependencies(flowxdp plugin_${name})
    endif()
    flowxdp_module_package(plugin_${name} plugin ${name} "${ARG_PACKAGE}")
    file(GLOB test CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}_test.cpp)
    if(FLOWXDP_TESTS AND test)
        flowxdp_add_test(NAME ${name}_test SOURCES ${test} ${ARG_TEST_SOURCES} LIBS flowxdp_plugin_bench)
        add_dependencies(${name}_test plugin_${name})
    endif()
    if(FLOWXDP_TESTS AND TARGET flowxdp AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${name}_rows_test.py)
        find_package(Python3 3.9 COMPONENTS Interpreter)
        if(Python3_FOUND)
            set(rows_test Python3::Interpreter -B ${CMAKE_CURRENT_SOURCE_DIR}/${name}_rows_test.py $<TARGET_FILE:flowxdp>)
            add_test(NAME rows.${name} COMMAND ${rows_test})
            set_tests_properties(rows.${name} PROPERTIES LABELS unit TIMEOUT 120)
            add_test(NAME parity.rows_${name} COMMAND ${rows_test} bpf)
            set_tests_properties(parity.rows_${name} PROPERTIES LABELS parity TIMEOUT 300 SKIP_RETURN_CODE 77 RESOURCE_LOCK kernel)
        endif()
    endif()
    # A bundle that somebody builds has this half, too.
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${name}.bpf.h)
        file(GLOB headers RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
        flowxdp_add_bundle_sources(plugins/${name} ${headers})
    endif()
endfunction()
