// SPDX-License-Identifier: BSD-2-Clause
#include "cli/module_listing.h"

#include <algorithm>

#include "core/result.h"

namespace flowxdp {

ModuleListing list_modules(const std::string& library_folder)
{
    ModuleListing listing{ModuleFolders::of(library_folder, ModuleUse::kReplay), std::nullopt, {}, {}};
    listing.broken = listing.folders.refused();
    try {
        listing.bundle = find_bundle(listing.folders, &listing.broken);
    } catch (const StartupError& error) {
        // A run ends here; a listing goes on. The installation's was tried twice.
        if (std::ranges::none_of(listing.broken, [&](const BrokenModule& b) { return b.reason == error.what(); }))
            listing.broken.push_back({listing.folders.all().front().path + "/libflowxdp_bundle.so", error.what()});
    }
    listing.plugins = find_plugins(listing.folders, listing.bundle ? listing.bundle->folder : "",
                                   listing.bundle ? listing.bundle->descriptor : nullptr);
    listing.broken.insert(listing.broken.end(), listing.plugins.broken.begin(), listing.plugins.broken.end());
    return listing;
}

} // namespace flowxdp
