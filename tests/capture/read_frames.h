// SPDX-License-Identifier: BSD-2-Clause
// read_frames.h - a whole capture in memory.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "capture/byte_source.h"
#include "capture/capture.h"
#include "capture/capture_file.h"
#include "support/pcap_file.h"
#include "support/temp_folder.h"

namespace flowxdp::test {

// A Frame that owns its bytes.
struct OwnedFrame {
    Bytes data;
    std::uint32_t wire_len;
    std::int64_t ts_ns;
    std::uint32_t if_id;
    std::uint32_t link_type;

    bool operator==(const OwnedFrame&) const = default;
};

inline OwnedFrame own(const Frame& frame)
{
    return {Bytes(frame.data, frame.data + frame.cap_len), frame.wire_len, frame.ts_ns, frame.if_id, frame.link_type};
}

// What came out of one file or stream.
struct ReadResult {
    std::vector<OwnedFrame> frames;
    std::vector<CaptureDamage> damages;
    CaptureFileInfo info;
    std::string error;
};

// Reads data as one file, given out in pieces.
inline ReadResult read_bytes(const Bytes& data, std::size_t piece = SIZE_MAX, std::size_t batch = 64)
{
    ReadResult result;
    CaptureFile file("memory", std::make_unique<MemorySource>(data, piece), data.size());
    Result<bool> header = file.read_header();
    if (!header) {
        result.error = header.error().message;
        return result;
    }
    if (*header) {
        std::vector<Frame> frames(batch);
        while (std::size_t count = file.read(frames)) {
            for (std::size_t i = 0; i < count; ++i)
                result.frames.push_back(own(frames[i]));
        }
    }
    file.finish();
    if (file.damage())
        result.damages.push_back(*file.damage());
    result.info = file.info();
    return result;
}

// Reads until the end of the stream.
inline std::vector<OwnedFrame> read_all(Capture& capture)
{
    std::vector<OwnedFrame> result;
    std::array<Frame, 16> frames;
    while (std::size_t count = capture.read(frames)) {
        for (std::size_t i = 0; i < count; ++i)
            result.push_back(own(frames[i]));
    }
    return result;
}

} // namespace flowxdp::test
