// SPDX-License-Identifier: BSD-2-Clause
#include "query/line_source.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "capture/decompress.h"

namespace flowxdp::query {
namespace {

std::span<std::uint8_t> bytes_of(std::vector<char>* v, std::size_t from)
{
    return {reinterpret_cast<std::uint8_t*>(v->data()) + from, v->size() - from};
}

} // namespace

Result<std::unique_ptr<LineSource>> LineSource::open(const std::string& path)
{
    auto file = FileSource::open(path, {});
    if (!file.ok())
        return Error{fmt::format("{}: {}", path, file.error().message)};
    std::unique_ptr<ByteSource> source = file.take();
    std::vector<char> begun(4);
    std::size_t have = 0;
    while (have < begun.size()) {
        const SourceRead got = source->read(bytes_of(&begun, have));
        have += got.bytes;
        if (got.end == SourceEnd::kFailed)
            return Error{fmt::format("{}: {}", path, got.reason)};
        if (got.end != SourceEnd::kNone)
            break;
    }
    begun.resize(have);
    const std::span<const std::uint8_t> first = bytes_of(&begun, 0);
    if (const Compression packed = compression_of(first); packed != Compression::kNone) {
        auto unpacked = decompress(packed, std::move(source), first);
        if (!unpacked.ok())
            return Error{fmt::format("{}: {}", path, unpacked.error().message)};
        source = unpacked.take();
        begun.clear();
    }
    return std::unique_ptr<LineSource>(new LineSource(path, std::move(source), std::move(begun)));
}

Result<void> LineSource::read(std::vector<char>* block)
{
    block->clear();
    std::swap(*block, rest_);
    std::size_t have = block->size();
    std::size_t searched = 0;
    while (!ended_) {
        block->resize(std::max(have, searched) + kBlock);
        const SourceRead got = source_->read(bytes_of(block, have));
        have += got.bytes;
        ended_ = got.end == SourceEnd::kEnd || got.end == SourceEnd::kCut;
        if (got.end == SourceEnd::kFailed || got.end == SourceEnd::kCut)
            return Error{fmt::format("{}: {}", path_, got.reason.empty() ? "it ends early" : got.reason)};
        if (have < kBlock / 2 && !ended_) // small pieces: a pipe, a decompressor
            continue;
        const void* newline = have > searched ? ::memrchr(block->data() + searched, '\n', have - searched) : nullptr;
        if (newline) {
            const auto end = static_cast<std::size_t>(static_cast<const char*>(newline) - block->data()) + 1;
            rest_.assign(block->begin() + static_cast<std::ptrdiff_t>(end),
                         block->begin() + static_cast<std::ptrdiff_t>(have));
            block->resize(end);
            return {};
        }
        searched = have;
        if (have > kLongestLine)
            return Error{
                fmt::format("{}: a line is longer than {} bytes: this is no file of rows", path_, kLongestLine)};
    }
    block->resize(have);
    return {};
}

} // namespace flowxdp::query
