// SPDX-License-Identifier: BSD-2-Clause
// filter_probe.h - a filter expression in filter_probe.bpf.c, on this machine's kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "kernel/sensor_object.h"

namespace flowxdp::test {

class FilterProbe {
  public:
    // Throws StartupError with the verifier's words when the kernel refuses.
    explicit FilterProbe(const FrameFilter& filter);

    // What the program says of a frame of at least 14 bytes: 1 or 0, -1 when test-run refused.
    int matches_xdp(std::span<const std::uint8_t> frame, std::uint32_t wire_len, std::uint32_t cap_len) const;
    // The same of a frame that leaves by a buffer in which it begins at an offset; both together at most kBufferBytes.
    int matches_leaving(std::span<const std::uint8_t> frame, std::uint32_t wire_len, std::uint32_t cap_len,
                        std::uint32_t begins) const;

    static constexpr std::size_t kBufferBytes = 3000; // test-run wants an skb in one page

  private:
    std::unique_ptr<bpf_object, BpfObjectDeleter> object_;
    int xdp_ = -1, leaving_ = -1, head_ = -1;
};

} // namespace flowxdp::test
