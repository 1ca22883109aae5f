// SPDX-License-Identifier: BSD-2-Clause
#include "replay/frame_reader.h"

#include <algorithm>
#include <utility>

#include "link/link_header.h"

namespace flowxdp {

FrameReader::FrameReader(Capture& capture, const FrameFilters& filters, const ReplayLimits& limits,
                         InterfaceDirectory* interfaces, const FrameParser* parser)
    : capture_(capture), filters_(filters), limits_(limits), interfaces_(interfaces), parser_(parser),
      read_(kReadFrames), free_parsed_(kBlocksParsed), thread_([this] { run(); })
{
}

FrameReader::~FrameReader()
{
    stop_ = true;
    {
        const std::lock_guard lock(mutex_);
        ready_.clear();
        ready_bytes_ = 0;
    }
    changed_.notify_all();
    thread_.join();
}

FrameBlock* FrameReader::next(std::chrono::milliseconds patience)
{
    std::unique_lock lock(mutex_);
    if (current_.frames.capacity()) {
        current_.frames.clear();
        current_.bytes.clear();
        current_.originals.clear();
        if (!current_.parsed.empty())
            free_parsed_.push_back(std::exchange(current_.parsed, {}));
        free_.push_back(std::move(current_));
        current_ = {};
    }
    changed_.wait_for(lock, patience, [this] { return !ready_.empty() || end_ != End::kNotYet; });
    if (ready_.empty()) {
        ended_ = end_;
        if (error_)
            std::rethrow_exception(std::exchange(error_, nullptr));
        return nullptr;
    }
    current_ = std::move(ready_.front());
    ready_.pop_front();
    ready_bytes_ -= current_.held_bytes;
    lock.unlock();
    changed_.notify_all();
    return &current_;
}

void FrameReader::run()
{
    End end = End::kStop;
    std::exception_ptr error;
    try {
        end = read_all();
    } catch (...) { // thrown again by next(), in the thread that can handle it
        error = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    end_ = end;
    error_ = error;
    changed_.notify_all();
}

FrameReader::End FrameReader::read_all()
{
    FrameBlock block = free_block();
    for (;;) {
        if (stop_)
            return hand_over(std::move(block)), End::kStop;
        std::size_t want = kReadFrames;
        if (limits_.max_packets)
            want = std::min<std::uint64_t>(want, limits_.max_packets - input_.frames);
        if (!want)
            return hand_over(std::move(block)), End::kLimit;
        const std::size_t n = capture_.read({read_.data(), want});
        if (!n)
            return hand_over(std::move(block)), End::kInput;
        take(n, &block);
        if (n < want || block.frames.size() + kReadFrames > kBlockFrames) {
            hand_over(std::move(block));
            block = free_block();
        }
    }
}

void FrameReader::take(std::size_t n, FrameBlock* block)
{
    file_times_.add(capture_.files(), {read_.data(), n});
    const std::size_t before = block->frames.size();
    for (std::size_t i = 0; i < n; i++) {
        Frame& frame = read_[i];
        input_.frames++;
        input_.digest.add(frame);
        const std::uint32_t captured = frame.cap_len;
        if (interfaces_ && seen_.first_time(frame.if_id))
            interfaces_->name(frame.if_id, capture_.interface_name(frame.if_id));
        if (limits_.snap_len && frame.cap_len > limits_.snap_len)
            frame.cap_len = limits_.snap_len;
        input_.captured_bytes += frame.cap_len;
        input_.wire_bytes += frame.wire_len;
        input_.snapped_frames += frame.cap_len < frame.wire_len;
        if (!input_.has_time) {
            input_.has_time = true;
            input_.first_ns = input_.last_ns = frame.ts_ns;
        }
        input_.first_ns = std::min(input_.first_ns, frame.ts_ns);
        input_.last_ns = std::max(input_.last_ns, frame.ts_ns);
        if (filters_.counted && !filters_.counted->matches(frame)) {
            input_.filtered++;
            continue;
        }
        engine_frame& linked = block->frames.emplace_back(); // in place: a copy would wait for its parts to be stored
        const LinkOutcome outcome = strip_link_header(frame, &linked.bytes, &linked.meta);
        if (outcome != LinkOutcome::kOk) [[unlikely]] {
            block->frames.pop_back();
            if (outcome == LinkOutcome::kShortFrame) {
                input_.short_frame++;
            } else {
                input_.link_unsupported++;
                unsupported_[frame.link_type]++;
            }
            continue;
        }
        linked.packet_no = input_.frames;
        if (filters_.extracted && filters_.extracted->matches(frame))
            linked.meta.link_headers[1] |= FRAME_META_MATCHES;
        if (limits_.originals) {
            block->originals.push_back(frame);
            block->originals.back().cap_len = captured;
        }
        block->held_bytes += frame.cap_len;
    }
    if (block->frames.size() > before && (block->bytes.empty() || block->bytes.back() != capture_.bytes()))
        block->bytes.push_back(capture_.bytes());
}

FrameBlock FrameReader::free_block()
{
    FrameBlock block;
    {
        const std::lock_guard lock(mutex_);
        if (!free_.empty()) {
            block = std::move(free_.back());
            free_.pop_back();
        }
    }
    block.frames.reserve(kBlockFrames);
    block.held_bytes = 0;
    return block;
}

void FrameReader::parse_ahead(FrameBlock* block)
{
    if (!parser_ || block->frames.empty())
        return;
    {
        const std::lock_guard lock(mutex_);
        if (ready_.size() < kBlocksBehind || free_parsed_.empty())
            return;
        block->parsed = std::move(free_parsed_.back());
        free_parsed_.pop_back();
    }
    block->parsed.resize(kBlockFrames * parser_->parsed_size() / sizeof block->parsed[0]);
    parser_->parse(block->frames.data(), static_cast<std::uint32_t>(block->frames.size()), block->parsed.data());
}

// A block without frames brings its counts.
void FrameReader::hand_over(FrameBlock block)
{
    block.input = input_;
    parse_ahead(&block);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
        return stop_ || ready_.empty() ||
               (ready_.size() < kBlocksAhead && ready_bytes_ + block.held_bytes <= kBytesAhead);
    });
    ready_bytes_ += block.held_bytes;
    ready_.push_back(std::move(block));
    lock.unlock();
    changed_.notify_all();
}

} // namespace flowxdp
