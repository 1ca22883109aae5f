// SPDX-License-Identifier: BSD-2-Clause
#include "tcp_flags/option_facts.h"

#include <fmt/format.h>

namespace flowxdp {
namespace {

constexpr std::uint8_t kEnd = 0, kNop = 1, kMss = 2, kScale = 3;

enum MptcpSubtype : std::uint8_t {
    kCapable = 0,
    kJoin = 1,
    kDss = 2,
    kAddAddress = 3,
    kRemoveAddress = 4,
};
constexpr std::uint8_t kDssFlags = 0x1f;  // DATA_FIN, mapping and acknowledgment, and their sizes
constexpr std::size_t kJoinThirdAck = 24; // its fourth byte is no address id

} // namespace

void OptionFacts::add(const OptionSegment& segment)
{
    // A SYN that was sent again may come first.
    const bool is_first_syn = segment.is_syn && (!syn_number || segment.number < syn_number);
    if (is_first_syn) {
        syn_number = segment.number;
        syn_window = segment.window;
        syn_mss = 0;
        syn_has_mss = syn_has_scale = syn_scale = syn_kinds_used = 0;
    }
    const std::span<const std::uint8_t> bytes = segment.options;
    for (std::size_t i = 0; i < bytes.size();) {
        const std::uint8_t kind = bytes[i];
        std::size_t length = 1; // what follows an end is padding, and listed in JA4T
        if (kind != kEnd && kind != kNop) {
            length = i + 1 < bytes.size() ? bytes[i + 1] : 0;
            if (length < 2 || i + length > bytes.size())
                return; // cut or malformed: not listed
        }
        if (is_first_syn && syn_kinds_used < kMostKinds)
            syn_kinds[syn_kinds_used++] = kind;
        const std::span<const std::uint8_t> option = bytes.subspan(i, length);
        if (is_first_syn && kind == kMss && length == 4) {
            syn_has_mss = 1;
            syn_mss = static_cast<std::uint16_t>(option[2] << 8 | option[3]);
        } else if (is_first_syn && kind == kScale && length == 3) {
            syn_has_scale = 1;
            syn_scale = option[2];
        } else if (kind == kMptcp && length >= 3) {
            add_mptcp(option, segment.number);
        }
        i += length;
    }
}

void OptionFacts::add_mptcp(std::span<const std::uint8_t> option, std::uint64_t number)
{
    const unsigned subtype = option[2] >> 4;
    mptcp_subtypes = static_cast<std::uint16_t>(mptcp_subtypes | 1u << subtype);
    if (option.size() < 4)
        return;
    const std::uint8_t value = option[3];
    if (subtype == kCapable) {
        mptcp_flags |= value;
    } else if (subtype == kDss) {
        dss_flags |= value & kDssFlags;
    } else if ((subtype == kJoin && option.size() != kJoinThirdAck) || subtype == kAddAddress ||
               subtype == kRemoveAddress) {
        if (number >= address_number) {
            address_number = number;
            address_id = value;
        }
    }
}

std::string OptionFacts::ja4t() const
{
    if (!syn_number)
        return {};
    std::string text = fmt::format("{}_", syn_window);
    for (unsigned i = 0; i < syn_kinds_used; i++)
        fmt::format_to(std::back_inserter(text), "{}{}", i ? "-" : "", syn_kinds[i]);
    if (!syn_kinds_used)
        text += "00";
    text += syn_has_mss ? fmt::format("_{}", syn_mss) : "_00";
    text += syn_has_scale ? fmt::format("_{}", syn_scale) : "_00";
    return text;
}

} // namespace flowxdp
