// SPDX-License-Identifier: BSD-2-Clause
// module_listing.h - what a replay would find in the module folders, for commands that describe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bundle_loader.h"
#include "plugin/plugin_library.h"

namespace flowxdp {

struct ModuleListing {
    ModuleFolders folders;
    std::optional<Bundle> bundle;     // nothing: none is usable
    std::vector<BrokenModule> broken; // folders, bundles and plugins
    FoundPlugins plugins;
};

// Throws StartupError as ModuleFolders::of().
ModuleListing list_modules(const std::string& library_folder);

} // namespace flowxdp
