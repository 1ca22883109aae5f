// SPDX-License-Identifier: BSD-2-Clause
#include "tcp_flags/checksums.h"

#include "flowxdp/packet.h"

namespace flowxdp {
namespace {

using Bytes = std::span<const std::uint8_t>;
constexpr std::uint8_t kIcmp = 1, kIgmp = 2, kTcp = 6, kUdp = 17, kRouting = 43, kIcmpV6 = 58;

std::uint32_t word(Bytes bytes, std::size_t at)
{
    return static_cast<std::uint32_t>(bytes[at]) << 8 | bytes[at + 1];
}

// RFC 1071: a sum of 16-bit words; an odd byte is followed by a zero.
class Sum {
  public:
    void add(Bytes bytes)
    {
        std::size_t i = 0;
        for (; i + 1 < bytes.size(); i += 2)
            sum_ += word(bytes, i);
        if (i < bytes.size())
            sum_ += static_cast<std::uint32_t>(bytes[i]) << 8;
    }
    void add(std::uint32_t value) { sum_ += (value >> 16) + (value & 0xffff); }
    // Bytes and their checksum add up to all ones.
    [[nodiscard]] bool is_right() const
    {
        std::uint64_t folded = sum_;
        while (folded >> 16)
            folded = (folded >> 16) + (folded & 0xffff);
        return folded == 0xffff;
    }

  private:
    std::uint64_t sum_ = 0;
};

// The last destination of an IPv6 packet, which its checksum is made with (RFC 8200 8.1): a routing header that is not
// used up has it. Empty: a type of routing header that is not known.
Bytes last_destination(Bytes packet, std::size_t l4)
{
    constexpr std::uint8_t kSource = 0, kMobile = 2, kSegment = 4; // RFC 2460 4.4, 6275 6.4, 8754 2
    const Bytes destination = packet.subspan(24, 16);
    std::uint8_t next = packet[6];
    for (std::size_t at = 40; at + 8 <= l4;) {
        const std::size_t length = (packet[at + 1] + std::size_t{1}) * 8;
        if (next == kRouting && packet[at + 3] != 0) {
            const std::uint8_t type = packet[at + 2];
            const std::size_t addresses = (length - 8) / 16;
            if ((type != kSource && type != kMobile && type != kSegment) || !addresses || at + length > l4)
                return {};
            return packet.subspan(at + 8 + (type == kSource ? addresses - 1 : 0) * 16, 16);
        }
        next = packet[at];
        at += length;
    }
    return destination;
}

void judge_l4(const packet_record& r, Bytes packet, std::size_t offset, ChecksumVerdict* verdict)
{
    Bytes segment = packet.subspan(offset);
    const bool v4 = r.ip_version == 4;
    const bool has_pseudo_header = r.ip_proto == kTcp || r.ip_proto == kUdp || r.ip_proto == kIcmpV6;
    switch (r.ip_proto) {
    case kTcp:
        if (segment.size() < 20)
            return;
        break;
    case kUdp: {
        if (segment.size() < 8)
            return;
        const std::size_t length = word(segment, 4);
        if (length < 8 || length > segment.size())
            return;
        segment = segment.first(length); // what the datagram has behind it is not part of the sum
        if (!word(segment, 6)) {         // none: in IPv6 an error (RFC 8200 8.1)
            verdict->l4_judged = verdict->l4_wrong = !v4;
            return;
        }
        break;
    }
    case kIcmp:
    case kIgmp:
    case kIcmpV6:
        if (segment.size() < 4)
            return;
        break;
    default:
        return;
    }
    Sum sum;
    if (has_pseudo_header) {
        const Bytes source = v4 ? packet.subspan(12, 4) : packet.subspan(8, 16);
        const Bytes destination = v4 ? packet.subspan(16, 4) : last_destination(packet, offset);
        if (destination.empty())
            return;
        sum.add(source);
        sum.add(destination);
        sum.add(std::uint32_t{r.ip_proto});
        sum.add(static_cast<std::uint32_t>(segment.size()));
    }
    sum.add(segment);
    verdict->l4_judged = true;
    verdict->l4_wrong = !sum.is_right();
}

} // namespace

ChecksumVerdict judge_checksums(const packet_record& r, Bytes packet, bool with_l4)
{
    ChecksumVerdict verdict;
    const bool v4 = r.ip_version == 4;
    if (packet.size() < (v4 ? 20U : 40U))
        return verdict;
    if (v4) {
        const std::size_t header = (packet[0] & 15U) * std::size_t{4};
        if (header < 20 || header > packet.size())
            return verdict;
        Sum sum;
        sum.add(packet.first(header));
        verdict.ip_wrong = !sum.is_right();
    }
    // Without a length of its own it is a buffer that the device still has to cut, and to make checksums for.
    const bool has_length = word(packet, v4 ? 2 : 4) != 0;
    const bool is_fragment = (r.flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT)) != 0;
    const bool is_whole = r.l3_end - r.l3_offset == packet.size();
    const std::size_t offset = r.l4_offset - r.l3_offset;
    if (with_l4 && has_length && !is_fragment && is_whole && r.l4_offset > r.l3_offset && offset <= packet.size())
        judge_l4(r, packet, offset, &verdict);
    return verdict;
}

} // namespace flowxdp
