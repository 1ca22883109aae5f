// SPDX-License-Identifier: BSD-2-Clause
// sink_library.h - sinks by name: each is a module NAME.so that is loaded only when it is named.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "flowxdp/sink.h"
#include "module/module_folders.h"

namespace flowxdp {

// A sink that is loaded.
struct SinkModule {
    std::string path;
    const fx_sink* descriptor = nullptr;
    std::shared_ptr<void> handle; // dlclose
};

class SinkLibrary {
  public:
    explicit SinkLibrary(const std::string& folder) : folders_{folder} {}
    // The sinks of all module folders, nearest first. With a chosen folder the installation's count, too: such a folder
    // often holds a bundle and its plugins alone.
    explicit SinkLibrary(const ModuleFolders& folders);

    // Names of all modules, in order, whether or not they are usable.
    [[nodiscard]] std::vector<std::string> names() const;
    // Checks the module, then loads it. Error: there is none, or why it is not usable.
    [[nodiscard]] Result<SinkModule> load(const std::string& name) const;
    // The name of the sink that takes the rows of -w (FX_SINK_TAKES_PREFIX), read from the files: none is loaded.
    [[nodiscard]] Result<std::string> prefix_sink() const;

  private:
    // Where NAME.so is; empty: nowhere.
    [[nodiscard]] std::string path_of(const std::string& name) const;

    std::vector<std::string> folders_; // the first that has a NAME.so wins
};

} // namespace flowxdp
