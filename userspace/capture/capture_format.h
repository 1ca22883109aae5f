// SPDX-License-Identifier: BSD-2-Clause
// capture_format.h - what a capture file format has to do: turn buffered bytes into frames.
//
// A format never reads: it is shown the bytes that are there, takes whole records from the front and says how many
// bytes the next one needs. So files, pipes, growing files and fuzzer input run through the same code.
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

// A captured frame larger than this is a lie: libpcap's limits are 256 KiB, and 128 MiB for D-Bus and USB only.
inline constexpr std::uint32_t kMaxCapturedBytes = 16U << 20;

struct FormatStep {
    std::size_t frames = 0;   // written to out
    std::size_t consumed = 0; // bytes taken from the front
    // With frames == 0 and no damage: bytes that must be there, counted behind the consumed ones, for the next step.
    std::size_t needed = 0;
    // Not empty: what stands behind the consumed bytes is no record; `frames` is 0 then, everything before was
    // delivered. A sentence without file and offset.
    std::string damage;
};

// What a file says of itself, as far as it was read.
struct FormatInfo {
    std::uint32_t link_type = 0; // of the first interface
    std::uint32_t snap_len = 0;  // bytes, of the first interface; 0 = no limit given
    bool pcapng = false;
    bool nanoseconds = false;        // time stamps of the first interface are finer than a microsecond
    std::uint64_t clamped_times = 0; // set to kTimeLimitNs so far
    // if_name of the section's interfaces that have one, by Frame::if_id.
    std::map<std::uint32_t, std::string> interface_names;
    // The sensor that wrote the file observed until then, ns since the epoch; 0 = the file does not say.
    std::int64_t observed_until_ns = 0;
};

class CaptureFormat {
  public:
    virtual ~CaptureFormat() = default;
    // Takes whole records from bytes, as long as out (not empty) has room. Frames point into bytes.
    virtual FormatStep parse(std::span<const std::uint8_t> bytes, std::span<Frame> out) = 0;
    // The input ends although `left` bytes stand unparsed: a sentence saying what is cut, empty when nothing is.
    [[nodiscard]] virtual std::string describe_cut(std::span<const std::uint8_t> left) const = 0;
    [[nodiscard]] virtual const FormatInfo& info() const = 0;
};

// The file header is whole: a format that stands behind it. Not whole, but right so far: needed > 0. Neither: unknown.
struct FormatOpening {
    std::unique_ptr<CaptureFormat> format;
    std::size_t consumed = 0;
    std::size_t needed = 0;
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
