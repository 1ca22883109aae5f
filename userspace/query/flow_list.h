// SPDX-License-Identifier: BSD-2-Clause
// flow_list.h - numbers of flows: what --flows-to writes and --flows reads.
//
//   file = {line LF}
//   line = "#" text | number | number "-" number        ascending, none twice; the range includes both
//
// read() also takes the rows of flows and packets, as text, CSV or JSON: there the numbers are the column flowInd.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "query/flow_numbering.h"

namespace flowxdp::query {

class FlowList {
  public:
    void add(std::uint64_t flow) { add(flow, flow); }
    // Afterwards contains(), count(): read() and write() settle the list.
    void add(std::uint64_t first, std::uint64_t last);
    // What gave the flows their numbers; write() puts it into the file, read() finds it there.
    FlowNumbering numbering;

    // "-" is standard input. Beside a flow or packet file, the headers file tells the numbering. Error: a line that
    // names no flow, with its number; nothing is guessed.
    static Result<FlowList> read(const std::string& path);
    // The same of a text.
    static Result<FlowList> parse(std::string_view text);
    // What write() writes.
    [[nodiscard]] std::string text() const;
    // Writes the file anew.
    Result<void> write(const std::string& path);

    [[nodiscard]] bool contains(std::uint64_t flow) const;
    // Different numbers; kNoLimit when there are more.
    [[nodiscard]] std::uint64_t count() const;

  private:
    void settle();

    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges_; // ascending and apart, once settled
    bool settled_ = true;
};

} // namespace flowxdp::query
