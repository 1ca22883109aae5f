// SPDX-License-Identifier: BSD-2-Clause
// plugin_build.h - turns plugin folders into a bundle: this installation's plugins and these, compiled together.
//
// What is made stands beside the output folder until it is whole, and takes its place in one step: a build that fails
// leaves what was there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp {

// What a bundle is compiled from: installed beside the program, component dev.
struct BundleSources {
    std::string headers; // the folder above flowxdp/
    std::string bundle;  // with bpf/, engine/ and plugins/
    std::string modules; // the installation's lib/flowxdp, whose plugins stay
};
// Those of this program's installation. Error: they are not installed.
Result<BundleSources> installed_sources();

struct BuiltPlugin {
    unsigned number = 0;
    std::string name;
    bool is_new = false, has_half = false;
};
struct BuiltBundle {
    std::string folder;
    std::uint64_t layout_id = 0;
    std::vector<BuiltPlugin> plugins; // in order of numbers
};

// plugins: folders. output: the bundle's folder; a bundle that is there is replaced, anything else is an error.
// say: a line for each step. Error: what cannot be built, the compiler's words, the package that is missing.
Result<BuiltBundle> build_bundle(const BundleSources& sources, const std::vector<std::string>& plugins,
                                 const std::string& output, const std::function<void(const std::string&)>& say);

} // namespace flowxdp
