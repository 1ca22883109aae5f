// SPDX-License-Identifier: BSD-2-Clause
// bundle_loader.h - opens an engine bundle: the library with the native engine beside the BPF object made from the same
// source.
#pragma once

#include <memory>
#include <string>

#include "engine.h"

namespace flowxdp {

struct Bundle {
    std::string folder;
    const bundle_descriptor* descriptor = nullptr;
    std::string bpf_object; // path of flowxdp.bpf.o; empty when the folder has none
    std::shared_ptr<void> handle;
};

// folder holds libflowxdp_bundle.so and flowxdp.bpf.o. Throws StartupError naming the file and the reason.
Bundle load_bundle(const std::string& folder);

// The folder with bundle and plugins: given (--lib) when it is not empty, else $FLOWXDP_LIB, else ../lib/flowxdp beside
// the running program. A program with more rights than its user ignores the environment and refuses --lib. Throws
// StartupError.
std::string library_folder(const std::string& given);
// ../lib/flowxdp from the running program. Throws StartupError when the system does not say where that is.
std::string installation_folder();

} // namespace flowxdp
