// SPDX-License-Identifier: BSD-2-Clause
#include "capture/capture_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <string_view>

#include "capture/decompress.h"

namespace flowxdp {

namespace {

// Large enough that a read() costs nothing per packet, small enough to stay in a second-level cache beside the flow
// records.
constexpr std::size_t kBufferBytes = 256U << 10;
constexpr std::size_t kHeaderPieceBytes = 4096;

// Formats we do not read, by their first bytes, with the way out.
struct KnownFormat {
    std::string_view magic;
    const char* what;
    const char* way_out;
};
constexpr std::array kKnownFormats = {
    KnownFormat{"snoop\0\0\0", "a snoop file", "convert it with editcap -F pcapng"},
    KnownFormat{"btsnoop\0", "a btsnoop file", "convert it with editcap -F pcapng"},
    KnownFormat{"GMBU", "a Network Monitor 2 file", "convert it with editcap -F pcapng"},
    KnownFormat{"RTSS", "a Network Monitor 1 file", "convert it with editcap -F pcapng"},
    KnownFormat{"TRSNIFF ", "a Sniffer file", "convert it with editcap -F pcapng"},
    KnownFormat{"XCP\0", "a NetXRay file", "convert it with editcap -F pcapng"},
    KnownFormat{"\xac\x01\x00\x1c", "an Ixia lcap file", "convert it with editcap -F pcapng"},
    KnownFormat{"\xab\x01\x00\x1c", "an Ixia lcap file", "convert it with editcap -F pcapng"},
    KnownFormat{"\xfd"
                "7zXZ\0",
                "xz data", "decompress it with xz -d"},
    KnownFormat{"BZh", "bzip2 data", "decompress it with bzip2 -d"},
    KnownFormat{"\x04\x22\x4d\x18", "lz4 data", "decompress it with lz4 -d"},
    KnownFormat{"PK\x03\x04", "a zip archive", "unpack it first"},
};
constexpr std::size_t kLongestMagic = 8;

} // namespace

CaptureFile::CaptureFile(std::string name, std::unique_ptr<ByteSource> source, std::uint64_t size_bytes)
    : source_(std::move(source)), buffer_(new std::uint8_t[kBufferBytes]), capacity_(kBufferBytes)
{
    info_.name = std::move(name);
    info_.size_bytes = size_bytes;
}

Result<bool> CaptureFile::read_header()
{
    while (!format_) {
        FormatOpening opening = open_pcap(buffered());
        if (!opening.format && opening.needed == 0 && opening.refusal.empty())
            opening = open_pcapng(buffered());
        if (!opening.refusal.empty())
            return Error{compressed_ ? "decompressed, " + opening.refusal : opening.refusal};
        if (opening.format) {
            format_ = std::move(opening.format);
            consume(opening.consumed);
            take_format_info();
            break;
        }
        const Compression compression = compressed_ ? Compression::kNone : compression_of(buffered());
        if (compression != Compression::kNone) {
            if (Result<void> started = start_decompression(buffered()); !started)
                return started.error();
            continue;
        }
        if (opening.needed == 0) {
            // Names of other formats are longer than ours.
            if (buffered().size() < kLongestMagic && fill(kLongestMagic))
                continue;
            return unknown_format();
        }
        if (fill(opening.needed))
            continue;
        if (state_ == State::kDamaged)
            return Error{damage_->reason};
        return false;
    }
    return true;
}

Result<void> CaptureFile::start_decompression(std::span<const std::uint8_t> first_bytes)
{
    Result<std::unique_ptr<ByteSource>> inner =
        decompress(compression_of(first_bytes), std::move(source_), first_bytes);
    if (!inner)
        return inner.error();
    source_ = inner.take();
    compressed_ = true;
    begin_ = end_ = 0;
    return {};
}

Error CaptureFile::unknown_format() const
{
    std::span<const std::uint8_t> first = buffered();
    const std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
    for (const KnownFormat& known : kKnownFormats) {
        if (text.starts_with(known.magic))
            return Error{fmt::format("it is {}, not pcap or pcapng; {}", known.what, known.way_out)};
    }
    std::string bytes;
    for (std::uint8_t byte : first.first(std::min<std::size_t>(first.size(), 4)))
        bytes += fmt::format("{:02x}", byte);
    return Error{fmt::format("{}not a pcap or pcapng file (first bytes 0x{})",
                             compressed_ ? "decompressed, it is " : "", bytes)};
}

void CaptureFile::take_format_info()
{
    const FormatInfo& info = format_->info();
    info_.link_type = info.link_type;
    info_.snap_len = info.snap_len;
    info_.pcapng = info.pcapng;
    info_.nanoseconds = info.nanoseconds;
    info_.clamped_times = info.clamped_times;
    info_.observed_until_ns = info.observed_until_ns;
}

std::string CaptureFile::interface_name(std::uint32_t id) const
{
    const auto& names = format_->info().interface_names;
    const auto name = names.find(id);
    return name != names.end() ? name->second : std::string();
}

std::size_t CaptureFile::read(std::span<Frame> out)
{
    if (state_ == State::kDamaged)
        return 0;
    state_ = State::kReading;
    for (;;) {
        FormatStep step = format_->parse(buffered(), out);
        consume(step.consumed);
        if (step.frames > 0) {
            info_.packets += step.frames;
            take_format_info();
            return step.frames;
        }
        if (!step.damage.empty()) {
            set_damage(std::move(step.damage));
            return 0;
        }
        if (!fill(step.needed))
            return 0;
    }
}

void CaptureFile::consume(std::size_t bytes)
{
    begin_ += bytes;
    offset_ += bytes;
}

std::shared_ptr<std::uint8_t[]> CaptureFile::free_buffer()
{
    for (auto& used : used_)
        if (used.use_count() == 1) {
            std::atomic_thread_fence(std::memory_order_acquire); // behind its last holder, on another thread
            std::swap(used, used_.back());
            std::shared_ptr<std::uint8_t[]> buffer = std::move(used_.back());
            used_.pop_back();
            return buffer;
        }
    return std::shared_ptr<std::uint8_t[]>(new std::uint8_t[kBufferBytes]);
}

bool CaptureFile::fill(std::size_t needed)
{
    const std::size_t left = end_ - begin_;
    if (needed > capacity_ || buffer_.use_count() > 1) {
        // Records are bounded (kMaxCapturedBytes), so this is too.
        std::shared_ptr<std::uint8_t[]> other =
            needed > kBufferBytes ? std::shared_ptr<std::uint8_t[]>(new std::uint8_t[needed]) : free_buffer();
        std::memcpy(other.get(), buffer_.get() + begin_, left);
        if (capacity_ == kBufferBytes)
            used_.push_back(std::move(buffer_));
        buffer_ = std::move(other);
        capacity_ = std::max(needed, kBufferBytes);
    } else if (begin_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, left);
    }
    begin_ = 0;
    end_ = left;

    // Many files are opened only for their headers: a small read is enough.
    const std::size_t room = format_ ? capacity_ - end_ : std::min(capacity_ - end_, kHeaderPieceBytes);
    SourceRead got = source_->read({buffer_.get() + end_, room});
    end_ += got.bytes;
    source_cut_.clear();
    if (got.bytes > 0) {
        state_ = State::kReading;
        return true;
    }
    switch (got.end) {
    case SourceEnd::kNone:
    case SourceEnd::kEnd:
        state_ = State::kAtEnd;
        break;
    case SourceEnd::kCut:
        source_cut_ = std::move(got.reason);
        state_ = State::kAtEnd;
        break;
    case SourceEnd::kStopped:
        state_ = State::kStopped;
        break;
    case SourceEnd::kFailed:
        set_damage(std::move(got.reason));
        break;
    }
    return false;
}

void CaptureFile::set_damage(std::string reason)
{
    damage_ = CaptureDamage{.file = info_.name, .offset = offset_, .reason = std::move(reason)};
    state_ = State::kDamaged;
}

std::string CaptureFile::cut_reason() const
{
    if (!source_cut_.empty())
        return source_cut_;
    if (format_)
        return format_->describe_cut(buffered());
    if (end_ == begin_)
        return compressed_ ? "decompressed, it is empty" : "it is empty";
    return fmt::format("it ends inside the file header, {} bytes are there", end_ - begin_);
}

void CaptureFile::finish()
{
    if (state_ != State::kAtEnd)
        return;
    if (std::string reason = cut_reason(); !reason.empty())
        set_damage(std::move(reason));
}

} // namespace flowxdp
