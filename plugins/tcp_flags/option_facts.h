// SPDX-License-Identifier: BSD-2-Clause
// option_facts.h - what the options of a direction's segments say that no count says: JA4T, and multipath TCP (RFC
// 8684).
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace flowxdp {

// A segment whose options were handed out.
struct OptionSegment {
    std::span<const std::uint8_t> options; // as captured: header bytes from the 21st on
    std::uint64_t number;                  // in its direction, from 1
    std::uint16_t window;                  // raw
    bool is_syn;
};

// Of one direction. Plain bytes, zero at first. The order in which segments are added does not matter.
struct OptionFacts {
    static constexpr unsigned kMostKinds = 40; // a header has no more bytes for them
    static constexpr unsigned kMptcp = 30;

    std::uint64_t syn_number;     // of the first SYN; 0: none
    std::uint64_t address_number; // of the segment that told the address id last
    std::uint16_t syn_window, syn_mss;
    std::uint16_t mptcp_subtypes; // bit n: subtype n
    std::uint8_t syn_has_mss, syn_has_scale, syn_scale;
    std::uint8_t syn_kinds_used;
    std::uint8_t mptcp_flags; // of MP_CAPABLE, or-ed
    std::uint8_t address_id;
    std::uint8_t dss_flags; // or-ed
    std::uint8_t pad[3];
    std::uint8_t syn_kinds[kMostKinds];

    void add(const OptionSegment& segment);
    // "64240_2-4-8-1-3_1460_7": window, kinds, MSS and window scale of the first SYN, 00 for what it lacks; empty: no
    // SYN was seen.
    [[nodiscard]] std::string ja4t() const;

  private:
    void add_mptcp(std::span<const std::uint8_t> option, std::uint64_t number);
};

} // namespace flowxdp
