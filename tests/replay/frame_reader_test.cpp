// SPDX-License-Identifier: BSD-2-Clause
// Every frame comes once and in order, whoever parses it.
#include "replay/frame_reader.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "../support/pcap_file.h"
#include "../support/temp_folder.h"

namespace flowxdp::test {
namespace {

constexpr std::uint64_t kFrames = 100000;

std::string frames_file(const TempFolder& dir)
{
    PcapFile file;
    for (std::uint32_t i = 0; i < kFrames; i++)
        file.packet(i / 1000, i % 1000, Bytes(60, static_cast<std::uint8_t>(i)));
    return dir.write("frames", file.bytes());
}

// "Parses" a frame to its number and its first byte.
class Numbers : public FrameParser {
  public:
    [[nodiscard]] std::size_t parsed_size() const override { return 16; }
    void parse(const engine_frame* frames, std::uint32_t n, void* parsed) const override
    {
        auto* word = static_cast<std::uint64_t*>(parsed);
        for (std::uint32_t i = 0; i < n; i++, word += 2) {
            word[0] = frames[i].packet_no;
            word[1] = frames[i].bytes[0];
        }
        const std::lock_guard lock(mutex_);
        blocks_++;
        changed_.notify_all();
    }
    void wait_for_blocks(std::size_t n) const
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return blocks_ >= n; });
    }

  private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    mutable std::size_t blocks_ = 0;
};

// Takes all blocks and returns how many were parsed ahead.
std::size_t take_all(FrameReader& reader)
{
    std::uint64_t frames = 0;
    std::size_t parsed = 0;
    while (reader.end() == FrameReader::End::kNotYet) {
        const FrameBlock* block = reader.next(std::chrono::milliseconds(100));
        if (!block)
            continue;
        parsed += !block->parsed.empty();
        for (std::size_t i = 0; i < block->frames.size(); i++) {
            const engine_frame& frame = block->frames[i];
            EXPECT_EQ(frame.packet_no, ++frames);
            EXPECT_EQ(frame.bytes[0], static_cast<std::uint8_t>(frames - 1));
            if (block->parsed.empty())
                continue;
            EXPECT_EQ(block->parsed[2 * i], frames);
            EXPECT_EQ(block->parsed[2 * i + 1], frame.bytes[0]);
        }
        EXPECT_EQ(block->input.frames, frames);
    }
    EXPECT_EQ(reader.end(), FrameReader::End::kInput);
    EXPECT_EQ(frames, kFrames);
    return parsed;
}

TEST(FrameReader, ParsesAheadWhileTheEngineIsBehind)
{
    const TempFolder dir;
    Result<std::unique_ptr<Capture>> capture = open_captures({frames_file(dir)}, {});
    ASSERT_TRUE(capture.ok()) << capture.error().message;
    const Numbers parser;
    FrameReader reader(**capture, {}, {}, nullptr, &parser);
    parser.wait_for_blocks(2); // nobody takes a block: the engine is behind
    EXPECT_GE(take_all(reader), 2U);
}

TEST(FrameReader, WithoutAParserNothingIsParsed)
{
    const TempFolder dir;
    Result<std::unique_ptr<Capture>> capture = open_captures({frames_file(dir)}, {});
    ASSERT_TRUE(capture.ok()) << capture.error().message;
    FrameReader reader(**capture, {}, {}, nullptr, nullptr);
    EXPECT_EQ(take_all(reader), 0U);
}

TEST(FrameReader, EndsWhileParsedBlocksWait)
{
    const TempFolder dir;
    Result<std::unique_ptr<Capture>> capture = open_captures({frames_file(dir)}, {});
    ASSERT_TRUE(capture.ok()) << capture.error().message;
    const Numbers parser;
    FrameReader reader(**capture, {}, {}, nullptr, &parser);
    parser.wait_for_blocks(1);
    EXPECT_NE(reader.next(std::chrono::milliseconds(100)), nullptr);
}

} // namespace
} // namespace flowxdp::test
