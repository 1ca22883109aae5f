// SPDX-License-Identifier: BSD-2-Clause
// flow_list.h - numbers of flows in a file: what --flows-to writes.
//
//   file = {line LF}
//   line = "#" text | number | number "-" number        ascending, none twice; the range includes both
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp::query {

class FlowList {
  public:
    void add(std::uint64_t flow) { flows_.push_back(flow); }
    // Sorts, and writes the file anew.
    Result<void> write(const std::string& path);
    // After write(): different numbers.
    [[nodiscard]] std::uint64_t count() const { return flows_.size(); }

  private:
    std::vector<std::uint64_t> flows_;
};

} // namespace flowxdp::query
