// SPDX-License-Identifier: BSD-2-Clause
// plugin_library.h - plugins' user halves as files: finds, checks and loads them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine.h"
#include "flowxdp/plugin.h"
#include "module/module_folders.h"

namespace flowxdp {

// One that is loaded.
struct PluginLibrary {
    std::string path;
    const fx_plugin* descriptor;
    std::shared_ptr<void> handle; // unloads it
};

// Error: the file and why it is not usable (wrong interface version, wrong size, something is missing).
Result<PluginLibrary> load_plugin_library(const std::string& path);

// Every NAME.so of one folder, in order of numbers. Throws StartupError when one is not usable, or has a name or number
// twice.
std::vector<PluginLibrary> load_plugin_libraries(const std::string& folder);

struct FoundPlugins {
    std::vector<PluginLibrary> usable; // in order of numbers
    std::vector<BrokenModule> broken;  // left out: not usable, or without what they need
    std::vector<BrokenModule> hidden;  // left out: a nearer folder has one of that name, or the bundle lacks their half
};

// The plugins of all folders. bundle_folder: those of this folder come first; one with a kernel half comes from
// nowhere else, because both halves are made from one source. Empty: there is no bundle. bundle: what their sizes are
// compared with; null: with nothing.
FoundPlugins find_plugins(const ModuleFolders& folders, const std::string& bundle_folder,
                          const bundle_descriptor* bundle);

// Whether a plugin counts packets: it has a kernel half.
bool has_kernel_half(const fx_plugin& plugin);
// Why a plugin does not go with a bundle; empty: it does.
std::string half_problem(const fx_plugin& plugin, const bundle_descriptor& bundle);

} // namespace flowxdp
