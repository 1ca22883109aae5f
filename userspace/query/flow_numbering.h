// SPDX-License-Identifier: BSD-2-Clause
// flow_numbering.h - what the numbers of flows (flowInd) depend on: the packets of the input and the options of the
// run.
//
// The same packets with the same options give the same numbers; with others, a number names another flow. A run writes
// its facts into PREFIX_headers.txt, a list of flows carries them on, and who reads the list compares:
//
//   "# flowInd: " NAME "=" VALUE LF
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace flowxdp::query {

class FlowNumbering {
  public:
    void set(const std::string& name, const std::string& value);
    // Takes a line of a file if it is a fact.
    void take(std::string_view line);
    // Takes the facts of a headers file; a file that cannot be read has none.
    void take_file(const std::string& path);

    [[nodiscard]] bool empty() const { return facts_.empty(); }
    // Empty: not known.
    [[nodiscard]] std::string find(const std::string& name) const;
    // The facts as lines of a file.
    [[nodiscard]] std::string text() const;
    // Names of facts whose values differ, or that one of the two lacks; of those alone that begin with the prefix.
    [[nodiscard]] std::vector<std::string> differences(const FlowNumbering& other, std::string_view prefix) const;

    bool operator==(const FlowNumbering&) const = default;

  private:
    std::map<std::string, std::string> facts_;
};

} // namespace flowxdp::query
