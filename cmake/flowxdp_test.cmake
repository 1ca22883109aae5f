# main() of every test, and what most of them include, compiled once: GoogleTest and the library's own headers take longer than
# what a test has of its own.
if(FLOWXDP_TESTS)
    add_library(flowxdp_test_main OBJECT ${PROJECT_SOURCE_DIR}/tests/support/test_main.cpp)
    target_link_libraries(flowxdp_test_main PUBLIC flowxdp_options fmt::fmt GTest::gtest)
    target_precompile_headers(flowxdp_test_main PRIVATE <gtest/gtest.h> <fmt/format.h> <algorithm> <array> <chrono> <cstdint> <cstring>
        <filesystem> <fstream> <functional> <map> <memory> <optional> <random> <set> <span> <string> <string_view> <thread> <vector>)
    # As programs are compiled: headers that were compiled otherwise are refused.
    set_target_properties(flowxdp_test_main PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(flowxdp_test_main PRIVATE -fPIE ${FLOWXDP_ONCE_OPTIONS})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # Of precompiled headers g++ 12 forgets that they are the library's, whose inlined strings it is wrong about (GCC bug 105329).
        target_compile_options(flowxdp_test_main PUBLIC -Wno-array-bounds -Wno-stringop-overflow)
    elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang") # a time in the file would make it another one for ccache
        target_compile_options(flowxdp_test_main PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    endif()
endif()

# flowxdp_add_test(NAME capture_test SOURCES a.cpp LIBS flowxdp_capture [LABELS unit] [TIMEOUT 120]): one GoogleTest
# executable, each TEST a ctest case; with sanitizers the executable is the case, because starting and ending such a process
# takes longer than most tests. Labels: unit bpf parity golden oracle system vm.
function(flowxdp_add_test)
    cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
    if(NOT ARG_LABELS)
        set(ARG_LABELS unit)
    endif()
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    # Tests that share the kernel (XDP programs, namespaces, the time of a VM) never run beside each other.
    set(lock "")
    if(ARG_LABELS MATCHES "bpf|parity|system|vm")
        set(lock RESOURCE_LOCK kernel COST 1000)
    endif()
    add_executable(${ARG_NAME} ${ARG_SOURCES})
    list(LENGTH ARG_SOURCES sources)
    if(sources GREATER 1) # tests have constants of one name in files of one target
        set_target_properties(${ARG_NAME} PROPERTIES UNITY_BUILD OFF)
    endif()
    target_link_libraries(${ARG_NAME} PRIVATE ${ARG_LIBS} flowxdp_options flowxdp_test_main)
    target_precompile_headers(${ARG_NAME} REUSE_FROM flowxdp_test_main)
    target_include_directories(${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_compile_options(${ARG_NAME} PRIVATE ${FLOWXDP_ONCE_OPTIONS})
    if(FLOWXDP_SANITIZE)
        add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
        set_tests_properties(${ARG_NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600 ${lock} ENVIRONMENT
            "GTEST_BRIEF=1;FLOWXDP_SOURCE_DIR=${PROJECT_SOURCE_DIR};FLOWXDP_BUILD_DIR=${PROJECT_BINARY_DIR}")
        return()
    endif()
    gtest_discover_tests(${ARG_NAME} DISCOVERY_TIMEOUT 60
        PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} ${lock} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]"
        ENVIRONMENT "FLOWXDP_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
        # Apart: of a list gtest_discover_tests (CMake 3.25) keeps the first element only.
        ENVIRONMENT_MODIFICATION "FLOWXDP_BUILD_DIR=set:${PROJECT_BINARY_DIR}")
endfunction()

# flowxdp_add_fuzzer(NAME capture_fuzz SOURCES a.cpp LIBS flowxdp_capture): with FLOWXDP_FUZZ a libFuzzer target, which .ci/run
# starts from tests/fuzz/corpus/capture and tests/fuzz/regressions/capture. Where these folders exist, the test capture_replay_test
# runs what they hold once: with FLOWXDP_FUZZ it is the fuzzer itself, else a program of its own.
function(flowxdp_add_fuzzer)
    cmake_parse_arguments(ARG "" "NAME" "SOURCES;LIBS" ${ARGN})
    string(REGEX REPLACE "_fuzz$" "" noun ${ARG_NAME})
    set(seeds "")
    foreach(folder IN ITEMS corpus regressions)
        if(EXISTS ${PROJECT_SOURCE_DIR}/tests/fuzz/${folder}/${noun})
            list(APPEND seeds ${PROJECT_SOURCE_DIR}/tests/fuzz/${folder}/${noun})
        endif()
    endforeach()
    if(NOT FLOWXDP_FUZZ)
        if(seeds)
            flowxdp_add_test(NAME ${noun}_replay_test SOURCES ${ARG_SOURCES} LIBS ${ARG_LIBS} flowxdp_corpus_replay)
        endif()
        return()
    endif()
    add_executable(${ARG_NAME} ${ARG_SOURCES})
    target_link_libraries(${ARG_NAME} PRIVATE ${ARG_LIBS} flowxdp_options)
    target_include_directories(${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_options(${ARG_NAME} PRIVATE -fsanitize=fuzzer)
    if(seeds)
        add_test(NAME ${noun}_replay_test COMMAND ${ARG_NAME} -runs=0 ${seeds})
        set_tests_properties(${noun}_replay_test PROPERTIES LABELS unit TIMEOUT 600)
    endif()
endfunction()
