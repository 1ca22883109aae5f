// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <random>

#include "capture/decompress.h"
#include "read_frames.h"

namespace flowxdp::test {
namespace {

Bytes gzip(const Bytes& data)
{
    z_stream stream = {};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    Bytes out(deflateBound(&stream, data.size()) + 64);
    stream.next_in = const_cast<Bytef*>(data.data());
    stream.avail_in = static_cast<uInt>(data.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

Bytes zstd(const Bytes& data)
{
    Bytes out(ZSTD_compressBound(data.size()));
    const std::size_t size = ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 3);
    EXPECT_EQ(ZSTD_isError(size), 0U);
    out.resize(size);
    return out;
}

Bytes joined(const Bytes& a, const Bytes& b)
{
    Bytes out = a;
    out.insert(out.end(), b.begin(), b.end());
    return out;
}

Bytes part(const Bytes& data, std::size_t from, std::size_t to)
{
    return {data.begin() + static_cast<std::ptrdiff_t>(from), data.begin() + static_cast<std::ptrdiff_t>(to)};
}

// Packets of noise, so that compressed and plain offsets go together; fixed seed.
Bytes noise_pcap(std::uint32_t packets)
{
    std::mt19937 random(7);
    PcapFile file;
    for (std::uint32_t i = 0; i < packets; ++i) {
        Bytes frame(1000);
        for (std::uint8_t& byte : frame)
            byte = static_cast<std::uint8_t>(random());
        file.packet(i, 0, frame);
    }
    return file.bytes();
}

struct Compressor {
    const char* name;
    Bytes (*compress)(const Bytes&);
};
constexpr Compressor kCompressors[] = {{"gzip", gzip}, {"zstd", zstd}};

TEST(Compressed, ReadsAsThePlainFileDoes)
{
    // Several buffers; very compressible data too, which comes out of the library in large runs.
    PcapFile zeros;
    for (std::uint32_t i = 0; i < 3000; ++i)
        zeros.packet(i, 0, Bytes(1400));
    for (const Bytes& plain : {noise_pcap(2500), zeros.bytes(), PcapFile().bytes()}) {
        const ReadResult expected = read_bytes(plain);
        for (const Compressor& compressor : kCompressors) {
            const Bytes compressed = compressor.compress(plain);
            for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, SIZE_MAX}) {
                if (piece == 1 && compressed.size() > 100'000)
                    continue;
                const ReadResult read = read_bytes(compressed, piece);
                EXPECT_EQ(read.error, "");
                EXPECT_EQ(read.frames, expected.frames) << compressor.name << " " << piece;
                EXPECT_TRUE(read.damages.empty()) << read.damages[0].reason;
            }
        }
    }
}

TEST(Compressed, ConcatenatedMembersAreOneStream)
{
    const Bytes plain = noise_pcap(20);
    for (const Compressor& compressor : kCompressors) {
        Bytes parts = joined(compressor.compress(part(plain, 0, 2)), compressor.compress(part(plain, 2, 5000)));
        parts = joined(parts, compressor.compress({}));
        parts = joined(parts, compressor.compress(part(plain, 5000, plain.size())));
        for (const std::size_t piece : {std::size_t{1}, SIZE_MAX}) {
            const ReadResult read = read_bytes(parts, piece);
            EXPECT_EQ(read.frames.size(), 20U) << compressor.name << read.error;
            EXPECT_TRUE(read.damages.empty());
        }
    }
}

TEST(Compressed, ZerosBehindGzipArePaddingAndOtherBytesAreNot)
{
    const Bytes good = gzip(noise_pcap(3));
    const ReadResult padded = read_bytes(joined(good, Bytes(700)));
    EXPECT_EQ(padded.frames.size(), 3U);
    EXPECT_TRUE(padded.damages.empty());
    const ReadResult followed = read_bytes(joined(good, {'x'}));
    EXPECT_EQ(followed.frames.size(), 3U);
    ASSERT_EQ(followed.damages.size(), 1U);
    EXPECT_EQ(followed.damages[0].reason, "bytes that are not gzip follow the gzip data");
    EXPECT_EQ(followed.damages[0].offset, noise_pcap(3).size());
}

TEST(Compressed, CutDataIsADamageBehindWhatDecompressed)
{
    const Bytes plain = noise_pcap(500);
    for (const Compressor& compressor : kCompressors) {
        const Bytes whole = compressor.compress(plain);
        const ReadResult read = read_bytes(part(whole, 0, whole.size() * 3 / 4));
        // zstd works in blocks of 128 KiB; of a cut block nothing comes out.
        EXPECT_GT(read.frames.size(), 250U) << compressor.name;
        EXPECT_LT(read.frames.size(), 500U);
        ASSERT_EQ(read.damages.size(), 1U);
        EXPECT_EQ(read.damages[0].reason, std::string("the ") + compressor.name + " data is cut: its end is missing");
        EXPECT_EQ(read.damages[0].offset, 24 + read.frames.size() * 1016);
    }
}

TEST(Compressed, MissingTrailerIsADamageThoughEveryPacketIsThere)
{
    const Bytes whole = gzip(noise_pcap(3));
    const ReadResult read = read_bytes(part(whole, 0, whole.size() - 1));
    EXPECT_EQ(read.frames.size(), 3U);
    ASSERT_EQ(read.damages.size(), 1U);
}

TEST(Compressed, WrongDataIsADamageThatSaysSo)
{
    const Bytes plain = noise_pcap(500);
    for (const Compressor& compressor : kCompressors) {
        Bytes wrong = compressor.compress(plain);
        if (compressor.compress == gzip)
            wrong[wrong.size() - 6] ^= 0xff; // of the check sum
        else
            wrong = joined(wrong, {0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 0x07, 0, 0}); // a block of the reserved type
        const ReadResult read = read_bytes(wrong);
        EXPECT_GT(read.frames.size(), 300U) << compressor.name;
        ASSERT_EQ(read.damages.size(), 1U);
        EXPECT_NE(read.damages[0].reason.find(std::string("the ") + compressor.name + " data is damaged: "),
                  std::string::npos)
            << read.damages[0].reason;
    }
}

TEST(Compressed, GoodZstdBlocksBeforeAWrongOneAreDelivered)
{
    // A frame of raw blocks by hand (RFC 8878 3.1.1): two good ones, then one of the reserved type.
    const Bytes plain = noise_pcap(200);
    constexpr std::size_t kBlock = 100'000;
    ByteWriter frame(false);
    frame.u32(0xfd2fb528).u8(0).u8(0x58);
    for (std::size_t at = 0; at < 2 * kBlock; at += kBlock)
        frame.u8((kBlock << 3) & 0xff).u16(kBlock >> 5).bytes(part(plain, at, at + kBlock));
    frame.u8((kBlock << 3 | 3 << 1) & 0xff).u16(kBlock >> 5).bytes(Bytes(kBlock));
    for (const std::size_t piece : {std::size_t{1}, std::size_t{70'000}, SIZE_MAX}) {
        const ReadResult read = read_bytes(frame.data(), piece);
        EXPECT_EQ(read.frames.size(), (2 * kBlock - 24) / 1016);
        ASSERT_EQ(read.damages.size(), 1U);
        EXPECT_EQ(read.damages[0].offset, 24 + read.frames.size() * 1016);
        EXPECT_EQ(read.damages[0].reason.find("the zstd data is damaged: "), 0U);
    }
}

TEST(Compressed, PiecesOfAWrongZstdHeaderChangeNothing)
{
    // A reserved bit is set (RFC 8878 3.1.1.1.1.4). zstd says so only behind the last field, and when a call's input
    // begins at the fifth byte, as after a good look at the first five, it takes it for a frame of zstd 0.7 instead.
    ByteWriter wrong(false);
    wrong.u32(0xfd2fb528).u8(0xfd).u32(0xfd2fb527).bytes(Bytes(60));
    const Bytes plain = noise_pcap(9);
    const Bytes behind_good = joined(zstd(plain), wrong.data());
    for (std::size_t piece = 1; piece <= 30; ++piece) {
        const ReadResult alone = read_bytes(wrong.data(), piece);
        EXPECT_EQ(alone.error, "the zstd data is damaged: Unsupported frame parameter") << piece;
        const ReadResult read = read_bytes(behind_good, piece);
        EXPECT_EQ(read.frames.size(), 9U) << piece;
        ASSERT_EQ(read.damages.size(), 1U);
        EXPECT_EQ(read.damages[0].reason, "the zstd data is damaged: Unsupported frame parameter") << piece;
        EXPECT_EQ(read.damages[0].offset, plain.size());
    }
}

TEST(Compressed, EveryZstdFrameHeaderIsReadInAnyPieces)
{
    // By hand, a last raw block in each: with and without a single segment, every length of the content size, a
    // skippable frame before it, no bytes and one byte too few at the end (RFC 8878 3.1.1.1, 3.1.2).
    const Bytes plain = noise_pcap(1);
    const auto block = static_cast<std::uint32_t>(plain.size() << 3 | 1);
    for (const std::uint8_t content_size_flag : {0, 1, 2, 3}) {
        for (const bool single_segment : {false, true}) {
            if (content_size_flag == 0 && single_segment)
                continue; // one byte, 255 at most
            ByteWriter frame(false);
            frame.u32(0x184d2a57).u32(3).u8(1).u8(2).u8(3).u32(0xfd2fb528);
            frame.u8(static_cast<std::uint8_t>(content_size_flag << 6 | (single_segment ? 0x20 : 0)));
            if (!single_segment)
                frame.u8(0x58);
            if (content_size_flag == 1)
                frame.u16(static_cast<std::uint16_t>(plain.size() - 256));
            if (content_size_flag >= 2)
                frame.u32(static_cast<std::uint32_t>(plain.size()));
            if (content_size_flag == 3)
                frame.u32(0);
            frame.u8(block & 0xff).u16(static_cast<std::uint16_t>(block >> 8)).bytes(plain);
            const Bytes whole = frame.data();
            for (const std::size_t piece : {1, 2, 3, 5, 7, 13, 5000}) {
                const ReadResult read = read_bytes(whole, piece);
                EXPECT_EQ(read.frames.size(), 1U) << +content_size_flag << single_segment << piece << read.error;
                EXPECT_TRUE(read.damages.empty());
                const ReadResult cut = read_bytes(part(whole, 0, whole.size() - 1), piece);
                ASSERT_EQ(cut.damages.size(), 1U);
                EXPECT_EQ(cut.damages[0].reason, "the zstd data is cut: its end is missing");
                EXPECT_EQ(cut.damages[0].offset, 24U);
            }
        }
    }
    const Bytes good = zstd(plain);
    const ReadResult begun = read_bytes(joined(good, {0x28, 0xb5}), 1);
    EXPECT_EQ(begun.damages.at(0).reason, "the zstd data is cut: its end is missing");
    const ReadResult followed = read_bytes(joined(good, {'x'}), 1);
    EXPECT_EQ(followed.damages.at(0).reason, "bytes that are not zstd follow the zstd data");
    EXPECT_EQ(followed.frames.size(), 1U);
}

TEST(Compressed, WhatIsInsideMustBeACapture)
{
    for (const Compressor& compressor : kCompressors) {
        EXPECT_EQ(read_bytes(compressor.compress({'h', 'e', 'l', 'l', 'o'})).error,
                  "decompressed, it is not a pcap or pcapng file (first bytes 0x68656c6c)");
        EXPECT_EQ(read_bytes(compressor.compress({})).damages.at(0).reason, "decompressed, it is empty");
    }
}

TEST(Compressed, MagicBytesDecideNotNames)
{
    EXPECT_EQ(compression_of(gzip({})), Compression::kGzip);
    EXPECT_EQ(compression_of(zstd({})), Compression::kZstd);
    EXPECT_EQ(compression_of(Bytes{0x51, 0x2a, 0x4d, 0x18}), Compression::kZstd);
    EXPECT_EQ(compression_of(PcapFile().bytes()), Compression::kNone);
    EXPECT_EQ(compression_of(Bytes{0x1f}), Compression::kNone);
    TempFolder dir;
    Result<std::unique_ptr<Capture>> capture = open_captures({dir.write("x.pcap", gzip(noise_pcap(9)))}, {});
    ASSERT_TRUE(capture.ok());
    EXPECT_EQ(read_all(**capture).size(), 9U);
    EXPECT_EQ((*capture)->bytes_read(), (*capture)->bytes_total());
}

} // namespace
} // namespace flowxdp::test
