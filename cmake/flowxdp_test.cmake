# flowxdp_add_test(NAME capture_test SOURCES a.cpp LIBS flowxdp_capture [LABELS unit] [TIMEOUT 120]): one GoogleTest
# executable, each TEST a ctest case. Labels: unit bpf parity golden oracle system vm.
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
    if(ARG_LABELS MATCHES "bpf|system|vm")
        set(lock RESOURCE_LOCK kernel)
    endif()
    add_executable(${ARG_NAME} ${ARG_SOURCES})
    target_link_libraries(${ARG_NAME} PRIVATE ${ARG_LIBS} flowxdp_options GTest::gtest_main)
    target_include_directories(${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    gtest_discover_tests(${ARG_NAME} DISCOVERY_TIMEOUT 60
        PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} ${lock} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]"
        ENVIRONMENT "FLOWXDP_SOURCE_DIR=${PROJECT_SOURCE_DIR};FLOWXDP_BUILD_DIR=${PROJECT_BINARY_DIR}")
endfunction()

# flowxdp_add_fuzzer(NAME capture_fuzz SOURCES a.cpp LIBS flowxdp_capture): a libFuzzer target, only with FLOWXDP_FUZZ.
# .ci/run starts each from tests/fuzz/corpus/capture and tests/fuzz/regressions/capture. `fuzzers` builds them all.
function(flowxdp_add_fuzzer)
    cmake_parse_arguments(ARG "" "NAME" "SOURCES;LIBS" ${ARGN})
    if(FLOWXDP_FUZZ)
        add_executable(${ARG_NAME} ${ARG_SOURCES})
        target_link_libraries(${ARG_NAME} PRIVATE ${ARG_LIBS} flowxdp_options)
        target_link_options(${ARG_NAME} PRIVATE -fsanitize=fuzzer)
        if(NOT TARGET fuzzers)
            add_custom_target(fuzzers)
        endif()
        add_dependencies(fuzzers ${ARG_NAME})
    endif()
endfunction()
