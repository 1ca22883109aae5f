// SPDX-License-Identifier: BSD-2-Clause
// The classic format (draft-ietf-opsawg-pcap), with nanoseconds, the modified record header and old length orders.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "capture/capture_format.h"

namespace flowxdp {

namespace {

static_assert(std::endian::native == std::endian::little || std::endian::native == std::endian::big);

constexpr std::size_t kFileHeaderBytes = 24;
constexpr std::size_t kRecordHeaderBytes = 16;
// Alexey Kuznetzov's patch: interface index, protocol and packet type after the usual 16 bytes.
constexpr std::size_t kModifiedRecordHeaderBytes = 24;

constexpr std::uint32_t kMagicMicro = 0xa1b2c3d4;
constexpr std::uint32_t kMagicNano = 0xa1b23c4d;
constexpr std::uint32_t kMagicModified = 0xa1b2cd34;

constexpr std::uint16_t kPcapMajor = 2;
constexpr std::uint16_t kMajorOfDgUx = 543; // written by its tcpdump, with the old order of lengths

// Before version 2.3 the original length stood first; 2.3 writers did either.
enum class LengthOrder { kCapturedFirst, kOriginalFirst, kSmallerIsCaptured };

class PcapFormat final : public CaptureFormat {
  public:
    PcapFormat(bool swapped, std::uint32_t magic, std::uint16_t major, std::uint16_t minor, const FormatInfo& info)
        : swapped_(swapped), fraction_ns_(magic == kMagicNano ? 1 : 1000),
          header_bytes_(magic == kMagicModified ? kModifiedRecordHeaderBytes : kRecordHeaderBytes), info_(info)
    {
        if (minor < 3 || major == kMajorOfDgUx)
            order_ = LengthOrder::kOriginalFirst;
        else if (minor == 3)
            order_ = LengthOrder::kSmallerIsCaptured;
    }

    FormatStep parse(std::span<const std::uint8_t> bytes, std::span<Frame> out) override
    {
        return swapped_ ? parse_as<true>(bytes, out) : parse_as<false>(bytes, out);
    }

    [[nodiscard]] std::string describe_cut(std::span<const std::uint8_t> left) const override
    {
        if (left.empty())
            return {};
        if (left.size() < header_bytes_)
            return fmt::format("the file ends inside a record header, {} of {} bytes are there", left.size(),
                               header_bytes_);
        const std::uint32_t cap_len =
            swapped_ ? lengths<true>(left.data()).captured : lengths<false>(left.data()).captured;
        return fmt::format("the file ends inside a packet, {} of {} captured bytes are there",
                           left.size() - header_bytes_, cap_len);
    }

    [[nodiscard]] const FormatInfo& info() const override { return info_; }

  private:
    struct Lengths {
        std::uint32_t captured;
        std::uint32_t original;
    };

    template <bool kSwap>
    [[nodiscard]] Lengths lengths(const std::uint8_t* record) const
    {
        Lengths result = {load_u32<kSwap>(record + 8), load_u32<kSwap>(record + 12)};
        if (order_ != LengthOrder::kCapturedFirst) [[unlikely]] {
            if (order_ == LengthOrder::kOriginalFirst || result.captured > result.original)
                std::swap(result.captured, result.original);
        }
        return result;
    }

    template <bool kSwap>
    FormatStep parse_as(std::span<const std::uint8_t> bytes, std::span<Frame> out)
    {
        const std::uint8_t* at = bytes.data();
        const std::uint8_t* const end = at + bytes.size();
        FormatStep step;
        while (step.frames < out.size()) {
            const auto left = static_cast<std::size_t>(end - at);
            if (left < header_bytes_) {
                step.needed = header_bytes_;
                break;
            }
            const Lengths length = lengths<kSwap>(at);
            if (length.captured > kMaxCapturedBytes) [[unlikely]] {
                if (step.frames == 0)
                    step.damage = fmt::format("a record header claims {} captured bytes, at most {} are believed",
                                              length.captured, kMaxCapturedBytes);
                break;
            }
            if (left - header_bytes_ < length.captured) {
                step.needed = header_bytes_ + length.captured;
                break;
            }
            // A fraction of one second or more is added unchanged, as T2 does.
            const std::int64_t ts_ns = std::int64_t{load_u32<kSwap>(at)} * 1'000'000'000 +
                                       std::int64_t{load_u32<kSwap>(at + 4)} * fraction_ns_;
            out[step.frames++] = {.data = at + header_bytes_,
                                  .cap_len = length.captured,
                                  .wire_len = length.original,
                                  .ts_ns = ts_ns,
                                  .if_id = 0,
                                  .link_type = info_.link_type};
            at += header_bytes_ + length.captured;
        }
        step.consumed = static_cast<std::size_t>(at - bytes.data());
        return step;
    }

    bool swapped_;
    std::int64_t fraction_ns_;
    std::size_t header_bytes_;
    LengthOrder order_ = LengthOrder::kCapturedFirst;
    FormatInfo info_;
};

template <bool kSwap>
FormatOpening open_as(std::span<const std::uint8_t> bytes, std::uint32_t magic)
{
    FormatInfo info;
    info.snap_len = load_u32<kSwap>(bytes.data() + 16);
    // The upper half carries the length of a frame check sequence and reserved bits.
    info.link_type = load_u32<kSwap>(bytes.data() + 20) & 0xffff;
    info.nanoseconds = magic == kMagicNano;
    const std::uint16_t major = load_u16<kSwap>(bytes.data() + 4), minor = load_u16<kSwap>(bytes.data() + 6);
    FormatOpening opening;
    // Another major version may have any layout. No minor version after 4 was ever written; it is read as 2.4.
    if (major != kPcapMajor && major != kMajorOfDgUx) {
        opening.refusal =
            fmt::format("it is pcap of version {}.{}; 2.0 to 2.4 are read, what later versions hold is not "
                        "known",
                        major, minor);
        return opening;
    }
    opening.format = std::make_unique<PcapFormat>(kSwap, magic, major, minor, info);
    opening.consumed = kFileHeaderBytes;
    return opening;
}

bool is_pcap_magic(std::uint32_t magic)
{
    return magic == kMagicMicro || magic == kMagicNano || magic == kMagicModified;
}

} // namespace

FormatOpening open_pcap(std::span<const std::uint8_t> bytes)
{
    if (bytes.size() < 4)
        return {.format = nullptr, .consumed = 0, .needed = 4, .refusal = {}};
    const std::uint32_t magic = load_u32<false>(bytes.data());
    const std::uint32_t swapped_magic = load_u32<true>(bytes.data());
    if (!is_pcap_magic(magic) && !is_pcap_magic(swapped_magic))
        return {};
    if (bytes.size() < kFileHeaderBytes)
        return {.format = nullptr, .consumed = 0, .needed = kFileHeaderBytes, .refusal = {}};
    return is_pcap_magic(magic) ? open_as<false>(bytes, magic) : open_as<true>(bytes, swapped_magic);
}

} // namespace flowxdp
