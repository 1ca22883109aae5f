// SPDX-License-Identifier: BSD-2-Clause
// filter.h - a tcpdump filter expression over frames of any link type.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "capture/frame.h"
#include "core/result.h"

namespace flowxdp {

// The classic BPF program of an expression for a link type (LINKTYPE_*), by libpcap. Error: the expression and
// libpcap's message, or that the filter has no answer (filter_memory.h). A word that is neither a number nor an address
// is looked up as a host name.
Result<std::vector<sock_filter>> compile_filter_program(const std::string& expression, std::uint32_t link_type);

// Compiled once per link type, on first sight of that link type. One thread uses it.
class PacketFilter {
  public:
    // Compiles the expression for Ethernet to find mistakes early. Error: as compile_filter_program().
    static Result<std::unique_ptr<PacketFilter>> compile(const std::string& expression);
    virtual ~PacketFilter() = default;

    // True when the frame matches. A link type for which the expression has no program matches nothing; the first
    // such frame is remembered in problems().
    virtual bool matches(const Frame& frame) = 0;
    [[nodiscard]] virtual const std::map<std::uint32_t, std::string>& problems() const = 0;
    [[nodiscard]] virtual const std::string& expression() const = 0;
};

} // namespace flowxdp
