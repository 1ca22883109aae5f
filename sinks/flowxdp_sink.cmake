# flowxdp_add_sink(NAME [SOURCES FILE...] [LIBS LIB...] [PACKAGE "rows to X"]): sinks/NAME/NAME_sink.cpp as a module that flowxdp loads
# when it is named. SOURCES: what it is made of beside, as the library flowxdp_NAME_sink_parts with these LIBS. PACKAGE: a package of its
# own with this line, for one that links a library that flowxdp does not. NAME_sink_test.cpp beside it, where there is one, becomes its
# test, with the same library.
function(flowxdp_add_sink name)
    cmake_parse_arguments(ARG "" "PACKAGE" "SOURCES;LIBS" ${ARGN})
    set(libs ${ARG_LIBS} flowxdp_row)
    if(ARG_SOURCES)
        set(parts flowxdp_${name}_sink_parts)
        add_library(${parts} STATIC ${ARG_SOURCES})
        target_include_directories(${parts} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
        target_link_libraries(${parts} PUBLIC ${libs})
        set(libs ${parts})
    endif()
    add_library(sink_${name} MODULE ${CMAKE_CURRENT_SOURCE_DIR}/${name}_sink.cpp)
    set_target_properties(sink_${name} PROPERTIES OUTPUT_NAME ${name} PREFIX ""
        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/flowxdp/sinks)
    target_link_libraries(sink_${name} PRIVATE ${libs})
    # Opened at run time, not linked: who builds the program gets its sinks as well.
    if(TARGET flowxdp)
        add_dependencies(flowxdp sink_${name})
    endif()
    flowxdp_module_package(sink_${name} sink ${name} "${ARG_PACKAGE}")

    file(GLOB test CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}_sink_test.cpp)
    if(FLOWXDP_TESTS AND test)
        flowxdp_add_test(NAME ${name}_sink_test SOURCES ${test}
            LIBS flowxdp_sink ${libs} PkgConfig::ZLIB PkgConfig::ZSTD)
        target_compile_definitions(${name}_sink_test PRIVATE FLOWXDP_SINK_DIR="${PROJECT_BINARY_DIR}/lib/flowxdp/sinks")
        add_dependencies(${name}_sink_test sink_${name})
    endif()
endfunction()

# flowxdp_add_sink_server_test(NAME): sink_server.NAME runs NAME_server_test.py FLOWXDP of the sink's folder, which starts a real server.
# It says SKIP where there is none.
function(flowxdp_add_sink_server_test name)
    find_package(Python3 3.9 COMPONENTS Interpreter)
    if(NOT FLOWXDP_TESTS OR NOT Python3_FOUND OR NOT TARGET flowxdp)
        return()
    endif()
    add_test(NAME sink_server.${name} COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_SOURCE_DIR}/${name}_server_test.py $<TARGET_FILE:flowxdp>)
    set_tests_properties(sink_server.${name} PROPERTIES LABELS unit TIMEOUT 300 SKIP_RETURN_CODE 77)
endfunction()
