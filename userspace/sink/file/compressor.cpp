// SPDX-License-Identifier: BSD-2-Clause
#include "sink/file/compressor.h"

#include <zlib.h>
#include <zstd.h>

#include <fmt/format.h>

namespace flowxdp {
namespace {

constexpr std::size_t kChunk = 64u << 10;

class GzipCompressor final : public Compressor {
  public:
    // 15 + 16: the largest window, gzip header and trailer.
    GzipCompressor()
        : ready_(deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK)
    {
    }
    ~GzipCompressor() override
    {
        if (ready_)
            deflateEnd(&stream_);
    }
    GzipCompressor(const GzipCompressor&) = delete;
    GzipCompressor& operator=(const GzipCompressor&) = delete;
    [[nodiscard]] bool ready() const { return ready_; }

    Result<void> add(std::string_view bytes, End end, TextBuffer* out) override
    {
        const int flush = end == End::kFinish ? Z_FINISH : end == End::kSync ? Z_SYNC_FLUSH : Z_NO_FLUSH;
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data())); // zlib's API lacks the const
        stream_.avail_in = static_cast<uInt>(bytes.size());
        int rc;
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(out->room(kChunk));
            stream_.avail_out = kChunk;
            rc = deflate(&stream_, flush);
            out->end(reinterpret_cast<const char*>(stream_.next_out));
            if (rc == Z_STREAM_ERROR)
                return Error{"zlib cannot compress: the stream is damaged"};
        } while (stream_.avail_out == 0 || (end == End::kFinish && rc != Z_STREAM_END));
        return {};
    }

  private:
    z_stream stream_{};
    bool ready_;
};

class ZstdCompressor final : public Compressor {
  public:
    ZstdCompressor() : context_(ZSTD_createCCtx()) {}
    ~ZstdCompressor() override { ZSTD_freeCCtx(context_); }
    ZstdCompressor(const ZstdCompressor&) = delete;
    ZstdCompressor& operator=(const ZstdCompressor&) = delete;
    [[nodiscard]] bool ready() const { return context_ != nullptr; }

    Result<void> add(std::string_view bytes, End end, TextBuffer* out) override
    {
        const ZSTD_EndDirective directive = end == End::kFinish ? ZSTD_e_end
                                            : end == End::kSync ? ZSTD_e_flush
                                                                : ZSTD_e_continue;
        ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
        std::size_t left;
        do {
            char* at = out->room(kChunk);
            ZSTD_outBuffer to = {at, kChunk, 0};
            left = ZSTD_compressStream2(context_, &to, &in, directive);
            out->end(at + to.pos);
            if (ZSTD_isError(left))
                return Error{fmt::format("zstd cannot compress: {}", ZSTD_getErrorName(left))};
        } while (end == End::kNone ? in.pos < in.size : left != 0);
        return {};
    }

  private:
    ZSTD_CCtx* context_;
};

template <typename T>
Result<std::unique_ptr<Compressor>> make(const char* library)
{
    auto compressor = std::make_unique<T>();
    if (!compressor->ready())
        return Error{fmt::format("{} cannot start a stream: no memory", library)};
    return std::unique_ptr<Compressor>(std::move(compressor));
}

} // namespace

Result<std::unique_ptr<Compressor>> compressor_for(const std::string& name)
{
    std::string_view path = name;
    std::string_view part = path.substr(0, path.find_last_not_of("0123456789") + 1);
    if (part.ends_with(".part"))
        path = part.substr(0, part.size() - 5);
    if (path.ends_with(".gz"))
        return make<GzipCompressor>("zlib");
    if (path.ends_with(".zst"))
        return make<ZstdCompressor>("zstd");
    return std::unique_ptr<Compressor>();
}

} // namespace flowxdp
