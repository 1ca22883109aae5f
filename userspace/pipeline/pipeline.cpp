// SPDX-License-Identifier: BSD-2-Clause
#include "pipeline/pipeline.h"

#include <limits>

namespace flowxdp {

Pipeline::Pipeline(PluginHost* plugins, std::vector<std::unique_ptr<SinkRunner>>* sinks, RunEnd* end,
                   AlarmMode alarm_mode)
    : plugins_(plugins), sinks_(sinks), end_(end), alarm_mode_(alarm_mode), flow_pool_(plugins->flow_schema()),
      packet_pool_(plugins->packet_schema())
{
    fill(Chunk(kChunkBytes));
    writer_.context = this;
    writer_.hand_over = [](stream_writer* w, __u32 need) { static_cast<Pipeline*>(w->context)->hand_over_chunk(need); };
    flow_rows_ = flow_pool_.take();
    if (plugins_->packet_schema())
        packet_rows_ = packet_pool_.take();
}

Pipeline::~Pipeline()
{
    if (thread_.joinable())
        finish();
}

void Pipeline::start()
{
    for (auto& sink : *sinks_)
        sink->start();
    thread_ = std::thread([this] { run(); });
}

// Stage 1: the engine writes into this chunk next.
void Pipeline::fill(Chunk chunk)
{
    filling_ = std::move(chunk);
    writer_.at = filling_.bytes.get();
    writer_.limit = writer_.at + filling_.capacity;
}

// Stage 1: hands over the chunk, full or not, and takes an empty one.
void Pipeline::hand_over_chunk(std::uint32_t need)
{
    filling_.used = static_cast<std::size_t>(writer_.at - filling_.bytes.get());
    Chunk next;
    {
        std::unique_lock lock(mutex_);
        not_full_.wait(lock, [this] { return full_.size() < kChunksInFlight; });
        full_.push_back(std::move(filling_));
        handed_over_++;
        not_empty_.notify_one();
        if (!empty_.empty()) {
            next = std::move(empty_.back());
            empty_.pop_back();
        }
    }
    if (next.capacity < std::max<std::size_t>(kChunkBytes, need))
        next = Chunk(std::max<std::size_t>(kChunkBytes, need));
    fill(std::move(next));
}

void Pipeline::hand_over()
{
    if (writer_.at != filling_.bytes.get())
        hand_over_chunk(0);
}

void Pipeline::sync()
{
    hand_over();
    {
        std::unique_lock lock(mutex_);
        all_consumed_.wait(lock, [this] { return consumed_ == handed_over_; });
    }
    // All sinks at once: the waits for receivers that are away overlap.
    for (auto& sink : *sinks_)
        sink->begin_commit();
    for (auto& sink : *sinks_)
        sink->wait_for_commit();
}

ResumePoints Pipeline::positions() const
{
    ResumePoints all;
    for (const auto& sink : *sinks_) {
        if (!sink->id())
            continue;
        // Rows first: a commit that ends in between makes the number too large, not too small.
        if (const std::uint64_t rows = sink->uncommitted_rows())
            all[uncommitted_id(sink->id())] = {rows};
        if (std::vector<std::uint64_t> words = sink->positions(); !words.empty())
            all[sink->id()] = std::move(words);
    }
    return all;
}

void Pipeline::finish()
{
    begin_end();
    hand_over();
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        not_empty_.notify_one();
    }
    thread_.join();
    // All sinks at once: the waits for receivers that are away overlap.
    for (auto& sink : *sinks_)
        sink->end();
    for (auto& sink : *sinks_)
        sink->finish();
}

void Pipeline::run()
{
    for (;;) {
        Chunk chunk;
        {
            std::unique_lock lock(mutex_);
            not_empty_.wait(lock, [this] { return !full_.empty() || ended_; });
            if (full_.empty())
                break;
            chunk = std::move(full_.front());
            full_.pop_front();
            not_full_.notify_one();
        }
        consume(chunk.bytes.get(), chunk.bytes.get() + chunk.used);
        order_.copy_borrowed();
        bool waiting = false;
        {
            const std::lock_guard lock(mutex_);
            waiting = full_.empty();
            if (empty_.size() < kChunksInFlight && chunk.capacity <= 2 * kChunkBytes)
                empty_.push_back(std::move(chunk));
        }
        if (waiting) { // stage 1 is slower: do not hold rows back for a fuller batch
            push_packets();
            push_flows();
        }
        publish();
        const std::lock_guard lock(mutex_);
        consumed_++;
        all_consumed_.notify_all();
    }
    order_.release_all([this](const ended_record& record) { emit(record); });
    push_packets();
    push_flows();
    publish();
}

void Pipeline::publish()
{
    const std::lock_guard lock(tally_mutex_);
    published_ = working_;
    published_.memories_dropped = plugins_->wanted_packets().memories_dropped();
    published_.streams_dropped = plugins_->wanted_packets().streams_dropped();
    published_packet_rows_ = packet_row_count_;
}

void Pipeline::consume(const std::uint8_t* at, const std::uint8_t* end)
{
    while (at < end) {
        const auto* header = reinterpret_cast<const stream_header*>(at);
        switch (header->kind) {
        case STREAM_PACKET: {
            const auto* packet = reinterpret_cast<const packet_record*>(at);
            if (packet->wanted | packet->needs)
                plugins_->wanted_packets().take(*packet);
            if (!packet_rows_) // no packet mode
                break;
            plugins_->add_packet_row(*packet, packet_rows_.get());
            packet_row_count_++;
            if (packet_rows_->size() >= kBatchRows)
                push_packets();
            break;
        }
        case STREAM_ENDED:
            order_.hold(*reinterpret_cast<const ended_record*>(at));
            break;
        case STREAM_WATERMARK: {
            const auto* mark = reinterpret_cast<const watermark_record*>(at);
            order_.release(mark->era, mark->clock_ns, [this](const ended_record& record) { emit(record); });
            // Live, the clock moves without rows, and sinks have their own timers. In replay it does not: an engine's
            // watermarks must not show in a sink's output.
            if (mark->wall_offset_ns && mark->clock_ns != std::numeric_limits<std::int64_t>::max())
                move_clock(mark->clock_ns + mark->wall_offset_ns);
            break;
        }
        default:
            break;
        }
        at += header->size;
    }
}

// One biflow: its rows, A before B; T2's alarm mode decides for each direction.
void Pipeline::emit(const ended_record& record)
{
    working_.add(record);
    plugins_->wanted_packets().end_streams(record);
    const std::size_t first = flow_rows_->size();
    for (unsigned direction = 0; direction < 2; direction++) {
        if (!record.record.dir[direction].packets)
            continue;
        const FlowAlarms alarms = plugins_->add_flow_row(record, direction, flow_rows_.get());
        if (alarm_mode_ == AlarmMode::kOff)
            continue;
        working_.alarms += alarms.count;
        working_.alarm_flows += alarms.count != 0;
        const bool suppressed = (alarm_mode_ == AlarmMode::kAny && !alarms.count) ||
                                (alarm_mode_ == AlarmMode::kAll && alarms.plugins < plugins_->alarming_plugins());
        if (suppressed)
            flow_rows_->drop_last();
    }
    plugins_->wanted_packets().forget(record);
    if (flow_rows_->size() == first + 2) {
        auto mark = [this](std::size_t row, std::size_t field) { flow_rows_->mutable_row(row)[field] = 1; };
        mark(first, offsetof(RowHeader, pair_follows));
        mark(first + 1, offsetof(RowHeader, pair_second));
    }
    if (flow_rows_->size() >= kBatchRows)
        push_flows();
    // Rows carry their clock to the sinks. A batch and a tick for each row, where every row is far from the one before,
    // would cost several times as much as the row.
    if (flow_rows_->size() >= kTickRows || !flow_rows_->size())
        move_clock(record.end_clock_ns + record.wall_offset_ns);
}

// Rows first: a sink's tick covers every row up to its time.
void Pipeline::move_clock(std::int64_t now_ns)
{
    if (now_ns - last_tick_ns_ < kTickNs && now_ns >= last_tick_ns_)
        return;
    last_tick_ns_ = now_ns;
    push_flows();
    for (auto& sink : *sinks_)
        sink->tick(now_ns);
}

void Pipeline::push_flows()
{
    if (!flow_rows_->size())
        return;
    const std::shared_ptr<const RowBatch> batch = std::move(flow_rows_);
    for (auto& sink : *sinks_)
        sink->push(batch, false);
    flow_rows_ = flow_pool_.take();
}

void Pipeline::push_packets()
{
    if (!packet_rows_ || !packet_rows_->size())
        return;
    const std::shared_ptr<const RowBatch> batch = std::move(packet_rows_);
    for (auto& sink : *sinks_)
        sink->push(batch, true);
    packet_rows_ = packet_pool_.take();
}

FlowTally Pipeline::tally() const
{
    const std::lock_guard lock(tally_mutex_);
    return published_;
}

std::uint64_t Pipeline::packet_rows() const
{
    const std::lock_guard lock(tally_mutex_);
    return published_packet_rows_;
}

} // namespace flowxdp
