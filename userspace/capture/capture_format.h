// SPDX-License-Identifier: BSD-2-Clause
// capture_format.h - the interface of a capture file format: turns buffered bytes into frames.
//
// A format never reads: it gets the buffered bytes, takes whole records from the front and says how many bytes the next
// one needs. So files, pipes, growing files and fuzzer input run through the same code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "capture/frame.h"

namespace flowxdp {

// A larger captured length is damage: libpcap's limits are 256 KiB, and 128 MiB for D-Bus and USB only.
inline constexpr std::uint32_t kMaxCapturedBytes = 16U << 20;

// Bounds of a pcapng section: as many interfaces as the obsolete packet block can name, each with the first bytes of
// its name. A block may hold a name of 65,535 bytes and compress to almost nothing.
inline constexpr std::size_t kMaxInterfaces = 1U << 16;
inline constexpr std::size_t kMaxInterfaceNameBytes = 128;

struct FormatStep {
    std::size_t frames = 0;   // written to out
    std::size_t consumed = 0; // bytes taken from the front
    // With frames == 0 and no damage: bytes after the consumed ones that the next step needs.
    std::size_t needed = 0;
    // Not empty: the bytes after the consumed ones are no record. `frames` is 0 then: all frames before were delivered.
    // A sentence without file and offset.
    std::string damage;
};

// A file's description of itself, as far as it was read.
struct FormatInfo {
    std::uint32_t link_type = 0; // of the first interface
    std::uint32_t snap_len = 0;  // bytes, of the first interface; 0 = no limit given
    bool pcapng = false;
    bool nanoseconds = false;        // time stamps of the first interface are finer than a microsecond
    std::uint64_t clamped_times = 0; // set to kTimeLimitNs so far
    // if_name of the section's interfaces that have one, by Frame::if_id.
    std::map<std::uint32_t, std::string> interface_names;
    // The sensor that wrote the file observed until then, ns since the epoch; 0 = not in the file.
    std::int64_t observed_until_ns = 0;
};

class CaptureFormat {
  public:
    virtual ~CaptureFormat() = default;
    // Takes whole records from bytes, as long as out (not empty) has room. Frames point into bytes.
    virtual FormatStep parse(std::span<const std::uint8_t> bytes, std::span<Frame> out) = 0;
    // The input ended with `left` unparsed: a sentence that says what is cut; empty = nothing.
    [[nodiscard]] virtual std::string describe_cut(std::span<const std::uint8_t> left) const = 0;
    [[nodiscard]] virtual const FormatInfo& info() const = 0;
};

// With a whole file header: the format that continues after it, or a refusal. With a valid part of a header: needed >
// 0. With neither: unknown.
struct FormatOpening {
    std::unique_ptr<CaptureFormat> format;
    std::size_t consumed = 0;
    std::size_t needed = 0;
    // Not empty: the format is known and cannot be read; a clause without the file's name.
    std::string refusal;
};

FormatOpening open_pcap(std::span<const std::uint8_t> bytes);
FormatOpening open_pcapng(std::span<const std::uint8_t> bytes);

// Loads from unaligned file bytes; kSwap for a file of the other byte order.
template <bool kSwap>
inline std::uint32_t load_u32(const std::uint8_t* at)
{
    std::uint32_t value;
    std::memcpy(&value, at, sizeof(value));
    return kSwap ? __builtin_bswap32(value) : value;
}

template <bool kSwap>
inline std::uint16_t load_u16(const std::uint8_t* at)
{
    std::uint16_t value;
    std::memcpy(&value, at, sizeof(value));
    return kSwap ? __builtin_bswap16(value) : value;
}

} // namespace flowxdp
