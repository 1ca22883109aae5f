// SPDX-License-Identifier: BSD-2-Clause
#include "capture/decompress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace flowxdp {

namespace {

constexpr std::size_t kInputBytes = 256 * 1024;

// Compressed input with a place in it, shared by both decompressors.
class CompressedInput {
  public:
    CompressedInput(std::unique_ptr<ByteSource> source, std::span<const std::uint8_t> taken)
        : source_(std::move(source)), buffer_(std::max(kInputBytes, taken.size())), end_(taken.size())
    {
        std::memcpy(buffer_.data(), taken.data(), taken.size());
    }

    [[nodiscard]] std::span<std::uint8_t> left() { return {buffer_.data() + begin_, end_ - begin_}; }
    void advance(std::size_t bytes) { begin_ += bytes; }
    // Precondition: left() is empty.
    SourceRead refill()
    {
        SourceRead got = source_->read(buffer_);
        begin_ = 0;
        end_ = got.bytes;
        return got;
    }
    [[nodiscard]] std::uint64_t raw_bytes() const { return source_->raw_bytes(); }

  private:
    std::unique_ptr<ByteSource> source_;
    std::vector<std::uint8_t> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_;
};

class GzipSource final : public ByteSource {
  public:
    explicit GzipSource(CompressedInput input) : input_(std::move(input)) {}
    ~GzipSource() override
    {
        if (started_)
            inflateEnd(&stream_);
    }
    GzipSource(const GzipSource&) = delete;
    GzipSource& operator=(const GzipSource&) = delete;

    Result<void> start()
    {
        // 15 + 16: the largest window, a gzip header expected.
        if (inflateInit2(&stream_, 15 + 16) != Z_OK)
            return Error{"zlib cannot start: out of memory"};
        started_ = true;
        return {};
    }

    SourceRead read(std::span<std::uint8_t> out) override
    {
        if (failure_.end != SourceEnd::kNone)
            return failure_;
        stream_.next_out = out.data();
        // zlib counts in 32 bits; a part of a larger buffer is as good.
        const auto room = static_cast<uInt>(std::min<std::size_t>(out.size(), 1U << 30));
        stream_.avail_out = room;
        SourceRead result;
        while (stream_.avail_out == room && result.end == SourceEnd::kNone) {
            // zlib may hold output back when out was full: ask it before reading on.
            if (input_.left().empty() && !more_inside_) {
                SourceRead got = input_.refill();
                if (got.bytes == 0) {
                    result = end_of_input(std::move(got));
                    break;
                }
            }
            if (between_members_)
                result = next_member();
            else
                result = inflate_some();
        }
        if (result.end == SourceEnd::kFailed)
            failure_ = result;
        // Output before a failure comes first, the failure at the next call.
        if (stream_.avail_out != room)
            return {.bytes = room - stream_.avail_out, .end = SourceEnd::kNone, .reason = {}};
        return result;
    }

    [[nodiscard]] std::uint64_t raw_bytes() const override { return input_.raw_bytes(); }

  private:
    [[nodiscard]] SourceRead end_of_input(SourceRead got) const
    {
        if (got.end == SourceEnd::kEnd && !between_members_)
            return {.bytes = 0, .end = SourceEnd::kCut, .reason = "the gzip data is cut: its end is missing"};
        return got;
    }

    SourceRead next_member()
    {
        std::span<std::uint8_t> left = input_.left();
        // gzip's own tools pad with zeros for tapes and accept them; so do we.
        std::size_t zeros = 0;
        while (zeros < left.size() && left[zeros] == 0)
            ++zeros;
        if (zeros > 0) {
            input_.advance(zeros);
            return {};
        }
        if (left[0] != 0x1f)
            return {.bytes = 0, .end = SourceEnd::kFailed, .reason = "bytes that are not gzip follow the gzip data"};
        inflateReset(&stream_);
        between_members_ = false;
        return {};
    }

    SourceRead inflate_some()
    {
        std::span<std::uint8_t> left = input_.left();
        stream_.next_in = left.data();
        stream_.avail_in = static_cast<uInt>(left.size());
        const int status = inflate(&stream_, Z_NO_FLUSH);
        input_.advance(left.size() - stream_.avail_in);
        more_inside_ = status == Z_OK && stream_.avail_out == 0;
        if (status == Z_STREAM_END) {
            between_members_ = true;
            return {};
        }
        // Z_BUF_ERROR only means that more input is needed.
        if (status == Z_OK || status == Z_BUF_ERROR)
            return {};
        return {.bytes = 0,
                .end = SourceEnd::kFailed,
                .reason = std::string("the gzip data is damaged: ") +
                          (stream_.msg != nullptr ? stream_.msg : zError(status))};
    }

    CompressedInput input_;
    z_stream stream_ = {};
    SourceRead failure_; // once met, for ever
    bool started_ = false;
    bool between_members_ = false;
    bool more_inside_ = false;
};

struct ZstdContextDeleter {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

class ZstdSource final : public ByteSource {
  public:
    explicit ZstdSource(CompressedInput input) : input_(std::move(input)) {}

    Result<void> start()
    {
        context_.reset(ZSTD_createDCtx());
        if (!context_)
            return Error{"zstd cannot start: out of memory"};
        return {};
    }

    SourceRead read(std::span<std::uint8_t> out) override
    {
        ZSTD_outBuffer output = {out.data(), out.size(), 0};
        while (output.pos == 0) {
            // Output may still wait inside the context when all input is taken: ask it before reading on.
            if (input_.left().empty() && !more_inside_) {
                SourceRead got = input_.refill();
                if (got.bytes == 0)
                    return end_of_input(std::move(got));
            }
            // zstd reports no output of a call that fails. So each call gets one block, or nothing while an earlier
            // block waits inside: a wrong block takes no good one with it.
            std::span<std::uint8_t> left = input_.left();
            ZSTD_inBuffer in = {left.data(), more_inside_ ? 0 : std::min(left.size(), wanted_), 0};
            const std::size_t status = ZSTD_decompressStream(context_.get(), &output, &in);
            input_.advance(in.pos);
            // output.pos means nothing then: zstd 1.5 has set it to the end without writing a byte.
            if (ZSTD_isError(status) != 0)
                return {.bytes = 0,
                        .end = SourceEnd::kFailed,
                        .reason = std::string("the zstd data is damaged: ") + ZSTD_getErrorName(status)};
            inside_frame_ = status != 0;
            // What zstd asks for includes the header of the block after, which may already be wrong.
            wanted_ = !inside_frame_               ? kFrameStartBytes
                      : status > kBlockHeaderBytes ? status - kBlockHeaderBytes
                                                   : status;
            more_inside_ = inside_frame_ && output.pos == output.size;
        }
        return {.bytes = output.pos, .end = SourceEnd::kNone, .reason = {}};
    }

    [[nodiscard]] std::uint64_t raw_bytes() const override { return input_.raw_bytes(); }

  private:
    [[nodiscard]] SourceRead end_of_input(SourceRead got) const
    {
        if (got.end == SourceEnd::kEnd && inside_frame_)
            return {.bytes = 0, .end = SourceEnd::kCut, .reason = "the zstd data is cut: its end is missing"};
        return got;
    }

    CompressedInput input_;
    // Smallest piece that begins a frame (RFC 8878 3.1.1): magic and frame header descriptor.
    static constexpr std::size_t kFrameStartBytes = 5;
    static constexpr std::size_t kBlockHeaderBytes = 3;

    std::unique_ptr<ZSTD_DCtx, ZstdContextDeleter> context_;
    std::size_t wanted_ = kFrameStartBytes;
    bool inside_frame_ = false;
    bool more_inside_ = false;
};

template <typename Source>
Result<std::unique_ptr<ByteSource>> start_source(CompressedInput input)
{
    auto source = std::make_unique<Source>(std::move(input));
    if (Result<void> started = source->start(); !started)
        return started.error();
    return std::unique_ptr<ByteSource>(std::move(source));
}

} // namespace

Compression compression_of(std::span<const std::uint8_t> first_bytes)
{
    if (first_bytes.size() < 4)
        return Compression::kNone;
    if (first_bytes[0] == 0x1f && first_bytes[1] == 0x8b)
        return Compression::kGzip;
    const bool frame = first_bytes[0] == 0x28 && first_bytes[1] == 0xb5 && first_bytes[2] == 0x2f;
    // RFC 8878 3.1.2: a skippable frame may come first (pzstd, seekable zstd).
    const bool skippable = (first_bytes[0] & 0xf0) == 0x50 && first_bytes[1] == 0x2a && first_bytes[2] == 0x4d;
    if ((frame && first_bytes[3] == 0xfd) || (skippable && first_bytes[3] == 0x18))
        return Compression::kZstd;
    return Compression::kNone;
}

const char* compression_name(Compression compression)
{
    switch (compression) {
    case Compression::kGzip:
        return "gzip";
    case Compression::kZstd:
        return "zstd";
    case Compression::kNone:
        break;
    }
    return "plain";
}

Result<std::unique_ptr<ByteSource>> decompress(Compression compression, std::unique_ptr<ByteSource> source,
                                               std::span<const std::uint8_t> taken)
{
    CompressedInput input(std::move(source), taken);
    if (compression == Compression::kZstd)
        return start_source<ZstdSource>(std::move(input));
    return start_source<GzipSource>(std::move(input));
}

} // namespace flowxdp
