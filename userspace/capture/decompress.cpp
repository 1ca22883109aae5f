// SPDX-License-Identifier: BSD-2-Clause
#include "capture/decompress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace flowxdp {

namespace {

constexpr std::size_t kInputBytes = 256 * 1024;

// Compressed input with a position in it, shared by both decompressors.
class CompressedInput {
  public:
    CompressedInput(std::unique_ptr<ByteSource> source, std::span<const std::uint8_t> taken)
        : source_(std::move(source)), buffer_(std::max(kInputBytes, taken.size())), end_(taken.size())
    {
        std::memcpy(buffer_.data(), taken.data(), taken.size());
    }

    [[nodiscard]] std::span<std::uint8_t> left() { return {buffer_.data() + begin_, end_ - begin_}; }
    void advance(std::size_t bytes) { begin_ += bytes; }
    // Reads until left() has at least `bytes` (at most kInputBytes), or says why it has fewer.
    SourceRead gather(std::size_t bytes)
    {
        if (end_ - begin_ >= bytes)
            return {};
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        while (end_ < bytes) {
            SourceRead got = source_->read(std::span(buffer_).subspan(end_));
            if (got.bytes == 0)
                return got;
            end_ += got.bytes;
        }
        return {};
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
        // zlib counts in 32 bits: a larger buffer is filled in part.
        const auto room = static_cast<uInt>(std::min<std::size_t>(out.size(), 1U << 30));
        stream_.avail_out = room;
        SourceRead result;
        while (stream_.avail_out == room && result.end == SourceEnd::kNone) {
            // zlib may hold output back when out was full: take it before reading more.
            if (input_.left().empty() && !more_inside_) {
                SourceRead got = input_.gather(1);
                if (got.end != SourceEnd::kNone) {
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
        // Output before a failure is returned first, the failure by the next call.
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
    SourceRead failure_; // returned by every later call
    bool started_ = false;
    bool between_members_ = false;
    bool more_inside_ = false;
};

// Length of the header of the frame (RFC 8878 3.1.1.1, skippable: 3.1.2) that starts with these bytes; 5: more bytes
// are needed to know; 0: no frame starts so.
std::size_t zstd_header_bytes(std::span<const std::uint8_t> start)
{
    constexpr std::array<std::uint8_t, 4> kFrame = {0x28, 0xb5, 0x2f, 0xfd};
    constexpr std::array<std::uint8_t, 4> kSkippable = {0x50, 0x2a, 0x4d, 0x18}; // 0x50 to 0x5f
    constexpr std::size_t kSkippableHeaderBytes = 8;
    constexpr std::size_t kToDescriptor = 5;
    const std::size_t known = std::min(start.size(), kFrame.size());
    if (known > 0 && (start[0] & 0xf0) == kSkippable[0])
        return std::equal(kSkippable.begin() + 1, kSkippable.begin() + known, start.begin() + 1) ? kSkippableHeaderBytes
                                                                                                 : 0;
    if (!std::equal(kFrame.begin(), kFrame.begin() + known, start.begin()))
        return 0;
    if (start.size() < kToDescriptor)
        return kToDescriptor;
    const std::uint8_t descriptor = start[4];
    constexpr std::array<std::size_t, 4> kDictionaryIdBytes = {0, 1, 2, 4};
    constexpr std::array<std::size_t, 4> kContentSizeBytes = {0, 2, 4, 8};
    const bool single_segment = (descriptor & 0x20) != 0;
    const unsigned content_size_flag = descriptor >> 6;
    return kToDescriptor + (single_segment ? 0 : 1) + kDictionaryIdBytes[descriptor & 3] +
           (single_segment && content_size_flag == 0 ? 1 : kContentSizeBytes[content_size_flag]);
}

struct ZstdContextDeleter {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// zstd's result for damaged input depends on how the input is split: a call that fails reports no output, and zstd
// looks for the magic of its old formats at the start of a call's input, not of the frame. So each call gets one whole
// frame header or one whole block, whatever pieces the source gives; less only at the end of the input.
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
            // Output may remain in the context when all input is taken: take it before reading more.
            ZSTD_inBuffer in = {input_.left().data(), 0, 0};
            if (!more_inside_) {
                SourceRead got = inside_frame_ ? gather_inside() : gather_header();
                if (got.end != SourceEnd::kNone)
                    return got;
                in = {input_.left().data(), std::min(input_.left().size(), wanted_), 0};
            }
            const std::size_t status = ZSTD_decompressStream(context_.get(), &output, &in);
            input_.advance(in.pos);
            // output.pos is undefined then: zstd 1.5 has set it to the end without writing a byte.
            if (ZSTD_isError(status) != 0)
                return failed(std::string("the zstd data is damaged: ") + ZSTD_getErrorName(status));
            inside_frame_ = status != 0;
            // zstd's request includes the header of the next block, which may already be damaged.
            wanted_ = status > kBlockHeaderBytes ? status - kBlockHeaderBytes : status;
            more_inside_ = inside_frame_ && output.pos == output.size;
        }
        return {.bytes = output.pos, .end = SourceEnd::kNone, .reason = {}};
    }

    [[nodiscard]] std::uint64_t raw_bytes() const override { return input_.raw_bytes(); }

  private:
    static constexpr std::size_t kBlockHeaderBytes = 3; // RFC 8878 3.1.1.2

    static SourceRead failed(std::string reason)
    {
        return {.bytes = 0, .end = SourceEnd::kFailed, .reason = std::move(reason)};
    }
    static SourceRead cut()
    {
        return {.bytes = 0, .end = SourceEnd::kCut, .reason = "the zstd data is cut: its end is missing"};
    }

    // Collects a whole frame header; zstd gets no part of it before.
    SourceRead gather_header()
    {
        for (wanted_ = 1;;) {
            SourceRead got = input_.gather(wanted_);
            const std::size_t length = zstd_header_bytes(input_.left());
            if (length == 0)
                return failed("bytes that are not zstd follow the zstd data");
            if (got.end == SourceEnd::kEnd && !input_.left().empty())
                return cut();
            if (got.end != SourceEnd::kNone || wanted_ == length)
                return got;
            wanted_ = length;
        }
    }

    // Collects wanted_ bytes, fewer at the end of the input: zstd outputs what it can of a cut block.
    SourceRead gather_inside()
    {
        SourceRead got = input_.gather(std::min(wanted_, kInputBytes));
        if (got.end != SourceEnd::kEnd)
            return got;
        return input_.left().empty() ? cut() : SourceRead{};
    }

    CompressedInput input_;
    std::unique_ptr<ZSTD_DCtx, ZstdContextDeleter> context_;
    std::size_t wanted_ = 0; // bytes of the next call's input
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
