// SPDX-License-Identifier: BSD-2-Clause
// library_file.h - checks a shared library before it is loaded: dlopen() runs its constructors at once, so a refusal
// afterwards comes too late.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp {

// What this program and a library must agree on: two numbers that the library exports as data of this name.
struct LibraryInterface {
    const char* symbol;
    std::uint32_t version;
    std::uint32_t size; // bytes of the descriptor
};

// Whether the library may be loaded and exports the function `symbol`. kind: for the message ("plugin", "engine
// bundle"). Refused: a file that is no whole library for this machine, does not define the symbol, or was built for
// another interface. When this process has rights that others have not (root, capabilities of the file), also refused:
// a file or folder that others may write to, or whose owner is neither root, nor this user, nor the owner of the
// program itself.
Result<void> check_library(const std::string& path, const std::string& kind, const char* symbol,
                           const LibraryInterface& interface);

// The first words of a constant that a library exports, read from the file. Nothing: it is no library, or has not so
// many of them.
std::optional<std::vector<std::uint32_t>> library_constant(const std::string& path, const char* symbol,
                                                           std::size_t words);

} // namespace flowxdp
