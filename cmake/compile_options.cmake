# Target flowxdp_options carries every compile option; nothing is directory-wide.
add_library(flowxdp_options INTERFACE)
target_compile_options(flowxdp_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -ffp-contract=off -fno-omit-frame-pointer)
if(FLOWXDP_WERROR)
    target_compile_options(flowxdp_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 -O2 clears struct packet with rep stos: twice the time per packet (parser-facts 5).
    # g++ 12 sees overlapping memcpy in inlined std::string operator+ (GCC bug 105329): -Wno-restrict.
    target_compile_options(flowxdp_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>
        -mmemset-strategy=unrolled_loop:-1:noalign)
endif()
if(FLOWXDP_SANITIZE)
    target_compile_options(flowxdp_options INTERFACE -fsanitize=${FLOWXDP_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(flowxdp_options INTERFACE -fsanitize=${FLOWXDP_SANITIZE})
endif()
if(FLOWXDP_FUZZ)
    target_compile_options(flowxdp_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# The shared C headers and the kernel halves, for host code.
add_library(flowxdp_shared INTERFACE)
target_include_directories(flowxdp_shared INTERFACE ${PROJECT_SOURCE_DIR}/bpf/flowxdp ${PROJECT_SOURCE_DIR}/plugins
    ${PROJECT_BINARY_DIR}/generated)
target_link_libraries(flowxdp_shared INTERFACE flowxdp_options)

# For code that runs once: tests, the command line. To optimise it costs more time than it ever saves (options.cpp with CLI11: 26 s of
# g++ 12 with -O3, 15 s with -O1; a test with sanitizers: 10 s of clang 14 with -O1, 5 s with -O0).
set(FLOWXDP_ONCE_OPTIONS $<$<CONFIG:Release>:-O1> $<$<CONFIG:RelWithDebInfo>:-O0>)
