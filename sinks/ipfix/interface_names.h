// SPDX-License-Identifier: BSD-2-Clause
// interface_names.h - names of the rows' interface ids, for the interface options records.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/result.h"

namespace flowxdp::ipfix {

class InterfaceNames {
  public:
    // The name that the run has for an id.
    using NameOf = std::function<std::optional<std::string>(std::uint32_t id)>;

    // given: names that take precedence. run: names that the run knows; may be empty.
    InterfaceNames(std::map<std::uint32_t, std::string> given, NameOf run)
        : given_(std::move(given)), run_(std::move(run))
    {
    }

    // True when the id is new. Its name is then looked up and stored: the given one, else the run's, else "if" and the
    // id.
    bool learn(std::uint32_t id);
    [[nodiscard]] const std::map<std::uint32_t, std::string>& known() const { return known_; }

    // Parses "ID:NAME;ID:NAME". Error: says what is wrong.
    static Result<std::map<std::uint32_t, std::string>> parse(const std::string& text);

  private:
    std::map<std::uint32_t, std::string> given_;
    std::map<std::uint32_t, std::string> known_;
    NameOf run_;
};

} // namespace flowxdp::ipfix
