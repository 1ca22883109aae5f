// SPDX-License-Identifier: BSD-2-Clause
// plugin_template.h - a folder with a plugin to start from: it builds, and has a test that passes.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp {

struct NewPlugin {
    std::string name;
    unsigned number = 0;
    std::string folder; // in which the folder NAME is made
};

// The folder with the template's files, installed beside the program.
std::string installed_template();

// Writes FOLDER/NAME from the template. Returns the files. Never overwrites: error when the folder is there.
Result<std::vector<std::string>> write_new_plugin(const std::string& from, const NewPlugin& plugin);

} // namespace flowxdp
