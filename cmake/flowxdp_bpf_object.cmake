# flowxdp_add_bpf_object(TARGET SOURCE OUTPUT [INCLUDES dir...] [DEPENDS file...]): one BPF C file compiled by clang, with
# BTF, rebuilt when a header it includes changes.
find_program(CLANG_BPF NAMES clang clang-14 clang-15 clang-16 REQUIRED)
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-multiarch OUTPUT_VARIABLE bpf_multiarch OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET)
if(NOT bpf_multiarch)
    set(bpf_multiarch ${CMAKE_LIBRARY_ARCHITECTURE})
endif()
# Of `flowxdp plugin build`, too (bundle_flags.h).
set(FLOWXDP_BPF_FLAGS -target bpf -std=gnu11 -Wall -Wextra -g -O2 -mcpu=v3 -idirafter /usr/include/${bpf_multiarch}) # asm/types.h

function(flowxdp_add_bpf_object target source output)
    cmake_parse_arguments(ARG "" "" "INCLUDES;DEPENDS" ${ARGN})
    list(TRANSFORM ARG_INCLUDES PREPEND -I)
    get_filename_component(name ${output} NAME)
    get_filename_component(folder ${output} DIRECTORY)
    file(MAKE_DIRECTORY ${folder})
    add_custom_command(OUTPUT ${output}
        COMMAND ${CLANG_BPF} ${FLOWXDP_BPF_FLAGS} -Werror ${ARG_INCLUDES} -MD -MF ${name}.d -MT ${output} -c ${source} -o ${output}
        DEPENDS ${source} ${ARG_DEPENDS}
        DEPFILE ${CMAKE_CURRENT_BINARY_DIR}/${name}.d
        WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}
        COMMENT "Building BPF object ${name}" VERBATIM)
    add_custom_target(${target} ALL DEPENDS ${output})
endfunction()
