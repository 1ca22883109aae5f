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

# flowxdp_add_packet_plugin(NAME MESSAGE FILE... TESTS FILE...): a plugin that reads packets of a protocol. What its messages say is the
# library flowxdp_NAME_message (MESSAGE), which its unit test NAME_message_test (TESTS) and its fuzzer have without a program. Beside it
# stand NAME_replay_test.py, run with each engine, and NAME_tshark.py, run over the captures of examples/.
function(flowxdp_add_packet_plugin name)
    cmake_parse_arguments(ARG "" "" "MESSAGE;TESTS" ${ARGN})
    set(message flowxdp_${name}_message)
    add_library(${message} STATIC ${ARG_MESSAGE})
    # Parsers of several versions of a protocol have one name.
    set_target_properties(${message} PROPERTIES UNITY_BUILD OFF)
    target_include_directories(${message} PUBLIC ${PROJECT_SOURCE_DIR}/plugins)
    target_link_libraries(${message} PUBLIC flowxdp_options)
    flowxdp_add_plugin(${name})
    target_link_libraries(plugin_${name} PRIVATE ${message})
    if(NOT FLOWXDP_TESTS)
        return()
    endif()
    flowxdp_add_test(NAME ${name}_message_test SOURCES ${ARG_TESTS} LIBS ${message} flowxdp_test_packets)
    find_package(Python3 3.9 COMPONENTS Interpreter)
    if(NOT TARGET flowxdp OR NOT Python3_FOUND)
        return()
    endif()
    set(replay_test Python3::Interpreter -B ${CMAKE_CURRENT_SOURCE_DIR}/${name}_replay_test.py $<TARGET_FILE:flowxdp>)
    add_test(NAME ${name}.replay COMMAND ${replay_test})
    set_tests_properties(${name}.replay PROPERTIES LABELS unit TIMEOUT 120)
    add_test(NAME parity.${name} COMMAND ${replay_test} bpf)
    set_tests_properties(parity.${name} PROPERTIES LABELS parity TIMEOUT 120 SKIP_RETURN_CODE 77 RESOURCE_LOCK kernel)
    add_test(NAME oracle.${name} COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_SOURCE_DIR}/${name}_tshark.py
        --flowxdp $<TARGET_FILE:flowxdp> ${PROJECT_SOURCE_DIR}/examples)
    set_tests_properties(oracle.${name} PROPERTIES LABELS oracle TIMEOUT 300 SKIP_RETURN_CODE 77)
endfunction()
