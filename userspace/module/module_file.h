// SPDX-License-Identifier: BSD-2-Clause
// module_file.h - checks a shared library before it is loaded: dlopen() runs its constructors at once, so a refusal
// afterwards comes too late.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp {

// What this program and a library must agree on: two numbers that the library exports as data of this name.
struct ModuleInterface {
    const char* symbol;
    std::uint32_t version;
    std::uint32_t size; // bytes of the descriptor
};

// Whether the library may be loaded and exports the function `symbol`. kind: for the message ("plugin", "engine
// bundle"). Refused: a file that is no whole library for this machine, does not define the symbol, or was built for
// another interface. When this process has rights that its user has not, also refused: what somebody with fewer rights
// could have changed (module_trust.h).
Result<void> check_module(const std::string& path, const std::string& kind, const char* symbol,
                          const ModuleInterface& interface);

struct LoadedModule {
    std::shared_ptr<void> handle; // unloads it
    void* entry = nullptr;        // the function `symbol`
};
// check_module(), then dlopen(). Links in the path are followed before the check.
Result<LoadedModule> load_module(const std::string& path, const std::string& kind, const char* symbol,
                                 const ModuleInterface& interface);

// The first words of a constant that a library exports, read from the file. Nothing: it is no library, or has not so
// many of them.
std::optional<std::vector<std::uint32_t>> module_constant(const std::string& path, const char* symbol,
                                                          std::size_t words);

} // namespace flowxdp
