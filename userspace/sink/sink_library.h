// SPDX-License-Identifier: BSD-2-Clause
// sink_library.h - sinks by name: each is a module NAME.so that is loaded only when it is named.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "flowxdp/sink.h"

namespace flowxdp {

// A sink that is loaded.
struct SinkModule {
    std::string path;
    const fx_sink* descriptor = nullptr;
    std::shared_ptr<void> handle; // dlclose
};

class SinkLibrary {
  public:
    explicit SinkLibrary(std::string folder) : folder_(std::move(folder)) {}

    // Names of all modules, in order, whether or not they are usable.
    [[nodiscard]] std::vector<std::string> names() const;
    // Checks the module, then loads it. Error: there is none, or why it is not usable.
    [[nodiscard]] Result<SinkModule> load(const std::string& name) const;
    // The name of the sink that takes the rows of -w (FX_SINK_TAKES_PREFIX), read from the files: none is loaded.
    [[nodiscard]] Result<std::string> prefix_sink() const;

    // The sinks of a folder of modules; the installation's where it has none: a folder for --lib often holds a bundle
    // and its plugins alone.
    static SinkLibrary of(const std::string& library_folder);

  private:
    std::string folder_;
};

} // namespace flowxdp
