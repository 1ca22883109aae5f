# What `flowxdp plugin build` needs beside the program: the public headers, and what a bundle is compiled from. It is installed (component
# dev), and stands in the build tree as links, so that a program that is not installed finds it at the same places.
#     include/flowxdp/            public headers
#     share/flowxdp/bundle/bpf/   the BPF program
#     share/flowxdp/bundle/engine/        the bundle's library
#     share/flowxdp/bundle/plugins/NAME/  kernel halves

# flowxdp_add_dev_files(FOLDER FILE...): installs these files there.
function(flowxdp_add_dev_files folder)
    install(FILES ${ARGN} DESTINATION ${folder} COMPONENT dev)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/${folder})
    foreach(file IN LISTS ARGN)
        get_filename_component(name ${file} NAME)
        file(CREATE_LINK ${file} ${PROJECT_BINARY_DIR}/${folder}/${name} SYMBOLIC)
    endforeach()
endfunction()

# flowxdp_add_bundle_sources(FOLDER FILE...): files of the calling folder, for share/flowxdp/bundle/FOLDER.
function(flowxdp_add_bundle_sources folder)
    list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
    flowxdp_add_dev_files(share/flowxdp/bundle/${folder} ${files})
endfunction()

# The compilers' options, for the program: "a", "b", ...
function(flowxdp_quote_flags variable)
    list(TRANSFORM ARGN PREPEND "\"")
    list(TRANSFORM ARGN APPEND "\"")
    list(JOIN ARGN ", " text)
    set(${variable} "${text}" PARENT_SCOPE)
endfunction()
flowxdp_quote_flags(bpf_flags ${FLOWXDP_BPF_FLAGS})
flowxdp_quote_flags(cxx_flags -std=c++20 -O3 -DNDEBUG -fPIC -fvisibility=hidden ${FLOWXDP_CXX_FLAGS} ${FLOWXDP_HARD_FLAGS})
flowxdp_quote_flags(gnu_flags ${FLOWXDP_GNU_FLAGS})
flowxdp_quote_flags(link_flags -shared ${FLOWXDP_HARD_LINK_FLAGS})
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/bundle_flags.h @ONLY CONTENT
"#pragma once
// Generated: what this flowxdp's own bundle and plugins were compiled with.
namespace flowxdp {
inline constexpr const char* kBpfFlags[] = {@bpf_flags@};
inline constexpr const char* kCxxFlags[] = {@cxx_flags@};
inline constexpr const char* kGnuFlags[] = {@gnu_flags@}; // g++ alone knows them
inline constexpr const char* kLinkFlags[] = {@link_flags@};
} // namespace flowxdp
")
