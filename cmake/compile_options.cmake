# Target flowxdp_options carries every compile option; nothing is directory-wide.
add_library(flowxdp_options INTERFACE)
# The lists are also what `flowxdp plugin build` compiles with (bundle_flags.h).
set(FLOWXDP_CXX_FLAGS -Wall -Wextra -Wshadow -Wnon-virtual-dtor -ffp-contract=off -fno-omit-frame-pointer)
# g++ 12 sees overlapping memcpy in inlined std::string operator+ (GCC bug 105329): -Wno-restrict.
set(FLOWXDP_GNU_FLAGS -Wno-restrict)
# What reads hostile bytes is built so that a fault in it is hard to use. Sanitizers find more and do not go with it;
# FORTIFY needs optimised code.
set(FLOWXDP_HARD_FLAGS -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
set(FLOWXDP_HARD_LINK_FLAGS -Wl,-z,relro,-z,now,-z,noexecstack)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    # g++ 12 -O2 clears struct packet with rep stos: twice the time per packet.
    list(APPEND FLOWXDP_GNU_FLAGS -mmemset-strategy=unrolled_loop:-1:noalign)
    # Debian's crtbeginS.o bears no mark of a shadow stack, though nothing in it minds one: the linker is told.
    list(APPEND FLOWXDP_HARD_FLAGS -fcf-protection)
    list(APPEND FLOWXDP_HARD_LINK_FLAGS -Wl,-z,shstk)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    list(APPEND FLOWXDP_HARD_FLAGS -mbranch-protection=standard)
endif()
target_compile_options(flowxdp_options INTERFACE ${FLOWXDP_CXX_FLAGS})
if(FLOWXDP_WERROR)
    target_compile_options(flowxdp_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(flowxdp_options INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${FLOWXDP_GNU_FLAGS}>")
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT FLOWXDP_SANITIZE)
    target_compile_options(flowxdp_options INTERFACE ${FLOWXDP_HARD_FLAGS})
    target_link_options(flowxdp_options INTERFACE ${FLOWXDP_HARD_LINK_FLAGS})
endif()
if(FLOWXDP_SANITIZE)
    target_compile_options(flowxdp_options INTERFACE -fsanitize=${FLOWXDP_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(flowxdp_options INTERFACE -fsanitize=${FLOWXDP_SANITIZE})
endif()
if(FLOWXDP_FUZZ)
    target_compile_options(flowxdp_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# The public headers, "flowxdp/NAME": include/flowxdp/ (rows, options, plugins) and bpf/flowxdp/ (what both engines compile). Installed
# they are one folder. A plugin includes its own kernel half by NAME/NAME.bpf.h.
add_library(flowxdp_shared INTERFACE)
target_include_directories(flowxdp_shared INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/bpf
    ${PROJECT_SOURCE_DIR}/plugins ${PROJECT_BINARY_DIR}/generated)
target_link_libraries(flowxdp_shared INTERFACE flowxdp_options)

# For code that runs once: tests, the command line. To optimise it costs more time than it ever saves (a test with sanitizers: 10 s of
# clang 14 with -O1, 5 s with -O0).
set(FLOWXDP_ONCE_OPTIONS $<$<CONFIG:Release>:-O1> $<$<CONFIG:RelWithDebInfo>:-O0>)
