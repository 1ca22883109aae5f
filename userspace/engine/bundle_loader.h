// SPDX-License-Identifier: BSD-2-Clause
// bundle_loader.h - opens an engine bundle: the library with the native engine beside the BPF object made from the same
// source.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine.h"
#include "module/module_folders.h"

namespace flowxdp {

struct Bundle {
    std::string folder;
    const bundle_descriptor* descriptor = nullptr;
    std::string bpf_object; // path of flowxdp.bpf.o; empty when the folder has none
    std::shared_ptr<void> handle;
};

// folder holds libflowxdp_bundle.so and flowxdp.bpf.o. Error: the file and the reason.
Result<Bundle> open_bundle(const std::string& folder);
// The same. Throws StartupError.
Bundle load_bundle(const std::string& folder);

// The bundle of the chosen folder, else of the nearest one that has a usable one. Broken ones on the way are added to
// *broken. Throws StartupError when there is none.
Bundle find_bundle(const ModuleFolders& folders, std::vector<BrokenModule>* broken);

} // namespace flowxdp
