// SPDX-License-Identifier: BSD-2-Clause
// plugin_source.h - a plugin's folder: NAME/NAME.cpp, and NAME/NAME.bpf.h when it has a kernel half.
#pragma once

#include <string>

#include "core/result.h"

namespace flowxdp {

struct PluginSource {
    std::string name;
    std::string folder; // whole, without links
    bool has_half = false;

    [[nodiscard]] std::string user_half() const { return folder + "/" + name + ".cpp"; }
    // Whether a file of the folder includes <fmt/...>: then the library is linked.
    [[nodiscard]] bool uses_fmt() const;
};

// Error: it is no plugin's folder, or, with privileges, one that somebody else could have changed.
Result<PluginSource> read_plugin_source(const std::string& folder);

// Whether it can be a plugin's: lower case letters, digits and _, not first a digit; at most 31.
bool is_plugin_name(const std::string& name);

} // namespace flowxdp
