// SPDX-License-Identifier: BSD-2-Clause
// The block format (draft-ietf-opsawg-pcapng): sections of either byte order, interfaces of their own link types.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "capture/capture_format.h"

namespace flowxdp {

namespace {

constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a; // the same in both byte orders
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kObsoletePacket = 2;
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kInterfaceStatistics = 5;
constexpr std::uint32_t kEnhancedPacket = 6;

constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;

constexpr std::uint16_t kOptionEnd = 0;
constexpr std::uint16_t kOptionInterfaceName = 2;
constexpr std::uint16_t kOptionDescription = 3; // of an interface
constexpr std::uint16_t kOptionEndTime = 3;     // of interface statistics
constexpr std::uint16_t kOptionApplication = 4; // of a section
constexpr std::uint16_t kOptionTimeResolution = 9;
constexpr std::uint16_t kOptionTimeOffset = 14;

constexpr std::size_t kBlockHeaderBytes = 8;  // type, total length
constexpr std::size_t kBlockTrailerBytes = 4; // total length again
constexpr std::size_t kSmallestBlockBytes = kBlockHeaderBytes + kBlockTrailerBytes;
constexpr std::size_t kSmallestSectionBytes = 28;
constexpr std::size_t kToVersionBytes = 16; // of a section header, its version included
// A block that must be in memory whole: a frame of the largest size and generous options.
constexpr std::uint32_t kMaxBlockBytes = kMaxCapturedBytes + (1U << 20);
constexpr std::uint16_t kPcapngMajor = 1;

// Ticks of an interface's clock as nanoseconds since the epoch.
class TickScale {
  public:
    // resolution as if_tsresol holds it: bit 7 set = 2^-n, clear = 10^-n; offset_s as if_tsoffset.
    TickScale(std::uint8_t resolution, std::int64_t offset_s) : offset_s_(offset_s)
    {
        const int exponent = resolution & 0x7f;
        if ((resolution & 0x80) != 0) {
            shift_ = exponent;
            multiplier_ = 1'000'000'000;
        } else if (exponent <= 9) {
            for (int i = exponent; i < 9; ++i)
                multiplier_ *= 10;
        } else {
            // 2^64 ticks of 10^-38 s are less than a nanosecond, so a larger divisor changes nothing.
            for (int i = 9; i < std::min(exponent, 38); ++i)
                divisor_ *= 10;
        }
        plain_ = shift_ == 0 && divisor_ == 1 && offset_s == 0;
        plain_limit_ = static_cast<std::uint64_t>(kTimeLimitNs / multiplier_);
    }

    // Within kTimeLimitNs; *clamped counts the times that were not.
    [[nodiscard]] std::int64_t to_ns(std::uint64_t ticks, std::uint64_t* clamped) const
    {
        if (plain_ && ticks <= plain_limit_) [[likely]]
            return static_cast<std::int64_t>(ticks) * multiplier_;
        // 64 bits of ticks times 30 bits: any resolution fits.
        const auto scaled = (static_cast<unsigned __int128>(ticks) * static_cast<std::uint64_t>(multiplier_)) >> shift_;
        const __int128 ns = static_cast<__int128>(scaled / divisor_) + static_cast<__int128>(offset_s_) * 1'000'000'000;
        const auto within = static_cast<std::int64_t>(std::clamp<__int128>(ns, -kTimeLimitNs, kTimeLimitNs));
        *clamped += within != ns ? 1 : 0;
        return within;
    }

  private:
    std::int64_t multiplier_ = 1;
    unsigned __int128 divisor_ = 1;
    int shift_ = 0;
    std::int64_t offset_s_;
    bool plain_ = false;
    std::uint64_t plain_limit_ = 0;
};

struct Interface {
    std::uint32_t link_type;
    std::uint32_t snap_len; // 0 = no limit
    std::uint32_t shown_id; // Frame::if_id
    TickScale scale;
};

// Prefixes in a live sensor's own capture (extract/capture_writer.h): application, and interface description.
constexpr std::string_view kOwnApplication = "flowxdp ";
constexpr std::string_view kOwnDescription = "ifindex ";

// Offsets into a packet block; all blocks but the simple one have them.
struct PacketLayout {
    std::size_t data; // first byte of the frame, from the block's start
    const char* name; // with its article
};
constexpr PacketLayout kEnhancedLayout = {28, "an enhanced packet block"};
constexpr PacketLayout kObsoleteLayout = {28, "a packet block"};
constexpr PacketLayout kSimpleLayout = {12, "a simple packet block"};

// Why a section of this version cannot be read, as a clause; empty: it can. block: at least 16 bytes of its header.
// Additions of another minor version can be skipped (draft-ietf-opsawg-pcapng 4.1).
template <bool kSwap>
std::string version_refusal(const std::uint8_t* block)
{
    const std::uint16_t major = load_u16<kSwap>(block + 12), minor = load_u16<kSwap>(block + 14);
    return major == kPcapngMajor
               ? std::string()
               : fmt::format("it is pcapng of version {}.{}; 1.0 is read, what later versions hold is not known", major,
                             minor);
}

class PcapngFormat final : public CaptureFormat {
  public:
    PcapngFormat() { info_.pcapng = true; }

    FormatStep parse(std::span<const std::uint8_t> bytes, std::span<Frame> out) override
    {
        FormatStep step;
        while (step.frames < out.size() && step.needed == 0) {
            std::span<const std::uint8_t> rest = bytes.subspan(step.consumed);
            std::string damage;
            if (skip_left_ > 0)
                damage = skip(rest, step);
            else if (rest.size() < kSmallestBlockBytes)
                step.needed = kSmallestBlockBytes;
            else
                damage = is_swapped(rest) ? take_block<true>(rest, step, out) : take_block<false>(rest, step, out);
            if (damage.empty())
                continue;
            // Frames before the damage are delivered first; the next call finds the damage again.
            if (step.frames == 0)
                step.damage = std::move(damage);
            break;
        }
        return step;
    }

    [[nodiscard]] std::string describe_cut(std::span<const std::uint8_t> left) const override
    {
        if (skip_left_ > 0)
            return fmt::format("the file ends inside a block, {} of {} bytes are there",
                               skip_length_ - skip_left_ + left.size(), skip_length_);
        if (left.empty())
            return {};
        if (left.size() < kSmallestBlockBytes)
            return fmt::format("the file ends inside a block header, {} bytes are left", left.size());
        const std::uint32_t length =
            is_swapped(left) ? load_u32<true>(left.data() + 4) : load_u32<false>(left.data() + 4);
        return fmt::format("the file ends inside a block, {} of {} bytes are there", left.size(), length);
    }

    [[nodiscard]] const FormatInfo& info() const override { return info_; }

  private:
    // A section header tells its own byte order: the magic follows the length that needs it.
    [[nodiscard]] bool is_swapped(std::span<const std::uint8_t> block) const
    {
        if (load_u32<false>(block.data()) != kSectionHeader)
            return swapped_;
        return load_u32<true>(block.data() + 8) == kByteOrderMagic;
    }

    // Skips a block that is not needed, without buffering it. skip_left_ == 4: the trailer is next.
    std::string skip(std::span<const std::uint8_t> rest, FormatStep& step)
    {
        const std::uint64_t body_left = skip_left_ - kBlockTrailerBytes;
        const auto over = static_cast<std::size_t>(std::min<std::uint64_t>(body_left, rest.size()));
        skip_left_ -= over;
        step.consumed += over;
        rest = rest.subspan(over);
        if (skip_left_ > kBlockTrailerBytes || rest.size() < kBlockTrailerBytes) {
            step.needed = kBlockTrailerBytes;
            return {};
        }
        const std::uint32_t trailer = swapped_ ? load_u32<true>(rest.data()) : load_u32<false>(rest.data());
        if (trailer != skip_length_)
            return trailer_damage(skip_length_, trailer);
        step.consumed += kBlockTrailerBytes;
        skip_left_ = 0;
        return {};
    }

    static std::string trailer_damage(std::uint32_t length, std::uint32_t trailer)
    {
        return fmt::format("a block's length is {} at its start and {} at its end", length, trailer);
    }

    // Takes the block at the front of rest (at least 12 bytes), if it is whole. Returns the damage, empty = none.
    template <bool kSwap>
    std::string take_block(std::span<const std::uint8_t> rest, FormatStep& step, std::span<Frame> out)
    {
        const std::uint8_t* block = rest.data();
        const std::uint32_t type = load_u32<kSwap>(block);
        const std::uint32_t length = load_u32<kSwap>(block + 4);
        if (type == kSectionHeader && load_u32<kSwap>(block + 8) != kByteOrderMagic)
            return fmt::format("a section header has the byte-order magic 0x{:08x}", load_u32<kSwap>(block + 8));
        if (length % 4 != 0 || length < kSmallestBlockBytes)
            return fmt::format("a block of type 0x{:08x} claims {} bytes, not a multiple of 4 from {} on", type, length,
                               kSmallestBlockBytes);
        if (!is_read_whole(type)) {
            step.consumed += kBlockHeaderBytes;
            skip_left_ = length - kBlockHeaderBytes;
            skip_length_ = length;
            return {};
        }
        if (length > kMaxBlockBytes)
            return fmt::format("a block of type 0x{:08x} claims {} bytes, at most {} are believed", type, length,
                               kMaxBlockBytes);
        if (rest.size() < length) {
            step.needed = length;
            return {};
        }
        const std::uint32_t trailer = load_u32<kSwap>(block + length - kBlockTrailerBytes);
        if (trailer != length)
            return trailer_damage(length, trailer);
        std::string damage = type == kEnhancedPacket         ? enhanced_packet<kSwap>(block, length, out[step.frames])
                             : type == kSectionHeader        ? section_header<kSwap>(block, length)
                             : type == kInterfaceDescription ? interface_description<kSwap>(block, length)
                             : type == kInterfaceStatistics  ? interface_statistics<kSwap>(block, length)
                             : type == kSimplePacket         ? simple_packet<kSwap>(block, length, out[step.frames])
                                                             : obsolete_packet<kSwap>(block, length, out[step.frames]);
        if (!damage.empty())
            return damage;
        step.consumed += length;
        if (type != kSectionHeader && type != kInterfaceDescription && type != kInterfaceStatistics)
            ++step.frames;
        return {};
    }

    [[nodiscard]] bool is_read_whole(std::uint32_t type) const
    {
        return type == kEnhancedPacket || type == kSectionHeader || type == kInterfaceDescription ||
               type == kSimplePacket || type == kObsoletePacket || (own_section_ && type == kInterfaceStatistics);
    }

    // Calls take(code, bytes) for each option of a block from `fixed` on. Returns the damage.
    template <bool kSwap, typename Take>
    static std::string each_option(const std::uint8_t* block, std::uint32_t length, std::uint32_t fixed,
                                   const char* name, Take take)
    {
        const std::uint8_t* at = block + fixed;
        const std::uint8_t* const end = block + length - kBlockTrailerBytes;
        while (end - at >= 4) {
            const std::uint16_t code = load_u16<kSwap>(at);
            const std::uint16_t size = load_u16<kSwap>(at + 2);
            at += 4;
            const std::ptrdiff_t padded = (size + 3) & ~3;
            if (code == kOptionEnd)
                break;
            if (padded > end - at)
                return fmt::format("option {} of {} claims {} bytes, {} are there", code, name, size, end - at);
            take(code, std::span<const std::uint8_t>(at, size));
            at += padded;
        }
        return {};
    }
    // At most kMaxInterfaceNameBytes of a name, without a part of a character (UTF-8) at the end.
    static std::string_view short_name(std::string_view name)
    {
        if (name.size() <= kMaxInterfaceNameBytes)
            return name;
        std::size_t end = kMaxInterfaceNameBytes;
        while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80)
            --end;
        return name.substr(0, end == 0 ? kMaxInterfaceNameBytes : end);
    }
    static std::string_view text_of(std::span<const std::uint8_t> bytes)
    {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    template <bool kSwap>
    std::string section_header(const std::uint8_t* block, std::uint32_t length)
    {
        if (length < kSmallestSectionBytes)
            return fmt::format("a section header block claims {} bytes, {} are the least", length,
                               kSmallestSectionBytes);
        if (const std::string refusal = version_refusal<kSwap>(block); !refusal.empty())
            return "a section follows that cannot be read: " + refusal;
        swapped_ = kSwap;
        interfaces_.clear();
        info_.interface_names.clear();
        own_section_ = false;
        // A broken option of a section is ignored: the section's packets are worth more.
        (void)each_option<kSwap>(block, length, kSmallestSectionBytes - kBlockTrailerBytes, "a section header",
                                 [this](std::uint16_t code, std::span<const std::uint8_t> value) {
                                     if (code == kOptionApplication)
                                         own_section_ = text_of(value).starts_with(kOwnApplication);
                                 });
        return {};
    }

    template <bool kSwap>
    std::string interface_description(const std::uint8_t* block, std::uint32_t length)
    {
        constexpr std::uint32_t kFixedBytes = 16;
        if (length < kFixedBytes + kBlockTrailerBytes)
            return fmt::format("an interface description block claims {} bytes, {} are the least", length,
                               kFixedBytes + kBlockTrailerBytes);
        if (interfaces_.size() == kMaxInterfaces)
            return fmt::format("a section describes more than {} interfaces", kMaxInterfaces);
        std::uint8_t resolution = 6;
        std::string name;
        std::int64_t offset_s = 0;
        auto shown_id = static_cast<std::uint32_t>(interfaces_.size());
        std::string damage = each_option<kSwap>(
            block, length, kFixedBytes, "an interface description",
            [&](std::uint16_t code, std::span<const std::uint8_t> value) {
                const std::string_view text = text_of(value);
                if (code == kOptionInterfaceName)
                    name = short_name(text.substr(0, text.find('\0')));
                if (code == kOptionTimeResolution && !value.empty())
                    resolution = value[0];
                if (code == kOptionTimeOffset && value.size() >= 8)
                    offset_s = static_cast<std::int64_t>(load_u64<kSwap>(value.data()));
                if (own_section_ && code == kOptionDescription && text.starts_with(kOwnDescription))
                    std::from_chars(text.data() + kOwnDescription.size(), text.data() + text.size(), shown_id);
            });
        if (!damage.empty())
            return damage;
        const std::uint32_t link_type = load_u16<kSwap>(block + 8);
        const std::uint32_t snap_len = load_u32<kSwap>(block + 12);
        interfaces_.push_back({link_type, snap_len, shown_id, TickScale(resolution, offset_s)});
        if (!name.empty())
            info_.interface_names.insert_or_assign(shown_id, std::move(name));
        if (!described_) {
            described_ = true;
            info_.link_type = link_type;
            info_.snap_len = snap_len;
            info_.nanoseconds = (resolution & 0x80) != 0 ? (resolution & 0x7f) >= 20 : resolution > 6;
        }
        return {};
    }

    // For own sections only: other writers' end times say when a program was stopped, not what a sensor saw.
    template <bool kSwap>
    std::string interface_statistics(const std::uint8_t* block, std::uint32_t length)
    {
        constexpr std::uint32_t kFixedBytes = 20;
        if (length < kFixedBytes + kBlockTrailerBytes)
            return fmt::format("an interface statistics block claims {} bytes, {} are the least", length,
                               kFixedBytes + kBlockTrailerBytes);
        const std::uint32_t if_id = load_u32<kSwap>(block + 8);
        return each_option<kSwap>(block, length, kFixedBytes, "an interface statistics block",
                                  [&](std::uint16_t code, std::span<const std::uint8_t> value) {
                                      if (code != kOptionEndTime || value.size() < 8 || if_id >= interfaces_.size())
                                          return;
                                      const std::uint64_t ticks = (std::uint64_t{load_u32<kSwap>(value.data())} << 32) |
                                                                  load_u32<kSwap>(value.data() + 4);
                                      std::uint64_t clamped = 0;
                                      info_.observed_until_ns = interfaces_[if_id].scale.to_ns(ticks, &clamped);
                                  });
    }

    template <bool kSwap>
    static std::uint64_t load_u64(const std::uint8_t* at)
    {
        std::uint64_t value;
        std::memcpy(&value, at, sizeof(value));
        return kSwap ? __builtin_bswap64(value) : value;
    }

    // Enhanced and obsolete blocks agree from their time stamp on. Fills the frame; returns the damage.
    template <bool kSwap>
    std::string timed_packet(const std::uint8_t* block, std::uint32_t length, const PacketLayout& layout,
                             std::uint32_t if_id, Frame& frame)
    {
        if (if_id >= interfaces_.size()) [[unlikely]]
            return fmt::format("{} names interface {}, the section describes {}", layout.name, if_id,
                               interfaces_.size());
        const std::uint32_t cap_len = load_u32<kSwap>(block + 20);
        const auto room = static_cast<std::uint32_t>(length - layout.data - kBlockTrailerBytes);
        if (cap_len > room) [[unlikely]]
            return fmt::format("{} claims {} captured bytes, it has room for {}", layout.name, cap_len, room);
        const Interface& interface = interfaces_[if_id];
        const std::uint64_t ticks = (std::uint64_t{load_u32<kSwap>(block + 12)} << 32) | load_u32<kSwap>(block + 16);
        last_ts_ns_ = interface.scale.to_ns(ticks, &info_.clamped_times);
        frame = {.data = block + layout.data,
                 .cap_len = cap_len,
                 .wire_len = load_u32<kSwap>(block + 24),
                 .ts_ns = last_ts_ns_,
                 .if_id = interface.shown_id,
                 .link_type = interface.link_type};
        return {};
    }

    template <bool kSwap>
    std::string enhanced_packet(const std::uint8_t* block, std::uint32_t length, Frame& frame)
    {
        if (length < kEnhancedLayout.data + kBlockTrailerBytes)
            return short_block(kEnhancedLayout, length);
        return timed_packet<kSwap>(block, length, kEnhancedLayout, load_u32<kSwap>(block + 8), frame);
    }

    template <bool kSwap>
    std::string obsolete_packet(const std::uint8_t* block, std::uint32_t length, Frame& frame)
    {
        if (length < kObsoleteLayout.data + kBlockTrailerBytes)
            return short_block(kObsoleteLayout, length);
        return timed_packet<kSwap>(block, length, kObsoleteLayout, load_u16<kSwap>(block + 8), frame);
    }

    template <bool kSwap>
    std::string simple_packet(const std::uint8_t* block, std::uint32_t length, Frame& frame)
    {
        if (length < kSimpleLayout.data + kBlockTrailerBytes)
            return short_block(kSimpleLayout, length);
        if (interfaces_.empty())
            return "a simple packet block belongs to interface 0, the section describes none";
        const Interface& interface = interfaces_.front();
        const std::uint32_t wire_len = load_u32<kSwap>(block + 8);
        // The block has no captured length: the interface's limit gives it.
        const std::uint32_t cap_len = interface.snap_len == 0 ? wire_len : std::min(interface.snap_len, wire_len);
        const auto room = static_cast<std::uint32_t>(length - kSimpleLayout.data - kBlockTrailerBytes);
        if (cap_len > room)
            return fmt::format("{} claims {} captured bytes, it has room for {}", kSimpleLayout.name, cap_len, room);
        frame = {.data = block + kSimpleLayout.data,
                 .cap_len = cap_len,
                 .wire_len = wire_len,
                 .ts_ns = last_ts_ns_,
                 .if_id = interface.shown_id,
                 .link_type = interface.link_type};
        return {};
    }

    static std::string short_block(const PacketLayout& layout, std::uint32_t length)
    {
        return fmt::format("a block claims {} bytes, too few for {}", length, layout.name);
    }

    bool swapped_ = false;
    bool own_section_ = false;          // written by a live sensor of flowxdp
    std::vector<Interface> interfaces_; // of this section
    std::int64_t last_ts_ns_ = 0;       // a simple packet block has no time: it takes its predecessor's
    bool described_ = false;
    std::uint64_t skip_left_ = 0; // bytes left of a skipped block, its trailer included; 0 = at a block
    std::uint32_t skip_length_ = 0;
    FormatInfo info_;
};

} // namespace

FormatOpening open_pcapng(std::span<const std::uint8_t> bytes)
{
    if (bytes.size() < 4)
        return {.format = nullptr, .consumed = 0, .needed = 4, .refusal = {}};
    if (load_u32<false>(bytes.data()) != kSectionHeader)
        return {};
    if (bytes.size() < kSmallestBlockBytes)
        return {.format = nullptr, .consumed = 0, .needed = kSmallestBlockBytes, .refusal = {}};
    const std::uint32_t magic = load_u32<false>(bytes.data() + 8);
    if (magic != kByteOrderMagic && magic != __builtin_bswap32(kByteOrderMagic))
        return {};
    if (bytes.size() < kToVersionBytes)
        return {.format = nullptr, .consumed = 0, .needed = kToVersionBytes, .refusal = {}};
    std::string refusal =
        magic == kByteOrderMagic ? version_refusal<false>(bytes.data()) : version_refusal<true>(bytes.data());
    if (!refusal.empty())
        return {.format = nullptr, .consumed = 0, .needed = 0, .refusal = std::move(refusal)};
    // The section header is a block like any other: nothing is consumed here.
    return {.format = std::make_unique<PcapngFormat>(), .consumed = 0, .needed = 0, .refusal = {}};
}

} // namespace flowxdp
