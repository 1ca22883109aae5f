// SPDX-License-Identifier: BSD-2-Clause
#include "native_engine.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "flowxdp/flow_end.h"
#include "flowxdp/flow_extract.h"
#include "flowxdp/flow_hash.h"
#include "flowxdp/flow_need.h"
#include "flowxdp/flow_update.h"
#include "flowxdp/parse.h"
#include "lazy_order.h"

namespace flowxdp {
namespace {

// Bytes of a record before the cold states.
std::uint32_t hot_record_size(const flow_config& config)
{
    std::uint32_t size = config.record_size;
    for (const __u16 offset : config.cold_offset)
        if (offset)
            size = std::min<std::uint32_t>(size, offset);
    return size;
}

} // namespace

NativeEngine::NativeEngine(const engine_options& options)
    : options_(options), config_(options_.flow),
      table_(config_.record_size, hot_record_size(config_), options.max_flows), wheel_(&table_), activity_(&table_),
      fragments_(FRAGMENT_SLOTS)
{
    std::memcpy(&plugin_options_, options.plugin_options, sizeof plugin_options_);
    options_.plugin_options = nullptr;
}

void NativeEngine::feed(const engine_frame* frames, std::uint32_t n, ParsedFrame* parsed)
{
    // The table only gives hints before account(), so a batch may be prepared while the one before waits.
    auto size_at = [n](std::uint32_t first) { return n - first < kBatch ? n - first : kBatch; };
    auto prepare = [&](std::uint32_t first, std::uint32_t turn) {
        ParsedFrame* batch = parsed ? parsed + first : batches_[turn].data();
        for (std::uint32_t i = 0; i < size_at(first); i++) {
            if (!parsed)
                parse_frame(frames[first + i], &batch[i]);
            take_in_order(&batch[i]);
        }
        return batch;
    };
    ParsedFrame *batch = n ? prepare(0, 0) : nullptr, *next = nullptr;
    for (std::uint32_t first = 0, turn = 0; first < n; first += kBatch, turn ^= 1, batch = next) {
        const std::uint32_t size = size_at(first);
        // One after the other, without work between them: the look-ups of a batch wait for memory together.
        for (std::uint32_t i = 0; i < size; i++)
            batch[i].candidate = table_.prefetch_record(batch[i].hash);
        if (first + size < n)
            next = prepare(first + size, turn ^ 1);
        for (std::uint32_t i = 0; i < size; i++)
            account(frames[first + i], &batch[i]);
    }
}

void NativeEngine::parse(const engine_frame* frames, std::uint32_t n, ParsedFrame* parsed) const
{
    for (std::uint32_t i = 0; i < n; i++)
        parse_frame(frames[i], &parsed[i]);
}

void NativeEngine::parse_frame(const engine_frame& frame, ParsedFrame* to) const
{
    packet& p = to->parsed;
    packet_parse(frame.bytes, &frame.meta, &config_.tunnels, frame.packet_no,
                 (config_.flags & FLOW_CONFIG_TCP_OPTIONS) != 0, &p);
    // Not to a local key that is then copied: g++ 12 copies 16 bytes at a time, which wait for the words to be stored.
    to->reverse = flow_key_from(&p, config_.key_beside, &to->key);
    to->hash = flow_key_hash(&to->key, &config_.table_secret);
}

// The steps without the flow that depend on the frames before: clock and fragment slots.
void NativeEngine::take_in_order(ParsedFrame* pending)
{
    packet& p = pending->parsed;
    pending->stepped = packet_clock_advance(&clock_, p.ts_ns, &pending->clock_before_step) != 0;
    p.clock_ns = clock_.now_ns;
    if (p.flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT)) [[unlikely]] {
        book_fragment(pending);
        pending->hash = flow_key_hash(&pending->key, &config_.table_secret);
    }
    table_.prefetch_index(pending->hash);
}

void NativeEngine::book_fragment(ParsedFrame* pending)
{
    packet& p = pending->parsed;
    switch (fragment_book(&fragments_[fragment_slot_index(&p, config_.fragment_seed, config_.key_beside)], &p,
                          config_.key_beside, &pending->key, &pending->reverse)) {
    case FRAGMENT_MISSED:
        count(COUNTER_FRAGMENTS_UNMATCHED);
        break;
    case FRAGMENT_COLLIDED:
        count(COUNTER_FRAGMENT_COLLISIONS);
        break;
    case FRAGMENT_FOUND:
    case FRAGMENT_REGISTERED:
        break;
    }
}

// Find, end or start the flow; count the packet in it.
void NativeEngine::account(const engine_frame& frame, ParsedFrame* pending)
{
    const packet& p = pending->parsed;
    count(COUNTER_PACKETS_SEEN);
    if (release_is_due_) [[unlikely]]
        release_early();
    last_clock_ns_ = p.clock_ns;
    if (pending->stepped) [[unlikely]]
        step_back(pending->clock_before_step, p.clock_ns);
    if (ExpiryWheel::tick_of(p.clock_ns) != wheel_.now()) [[unlikely]]
        expire(p.clock_ns);
    if (p.flags & PACKET_NO_FLOW) [[unlikely]] {
        count(COUNTER_PACKETS_SHORT_FRAME);
        return;
    }

    EntryId id = table_.find(pending->key, pending->hash, pending->candidate);
    if (id == kNoEntry) {
        id = start_flow(*pending);
    } else {
        flow_record* r = table_.entry(id)->record();
        const flow_end reason = flow_end_at_packet(r, p.clock_ns, &config_);
        if (reason != FLOW_END_NONE) [[unlikely]] {
            // A packet never joins a flow that is over: the record is emitted and starts anew in place.
            emit_end(r, reason, flow_end_clock_ns(r, reason, p.clock_ns));
            table_.clear_record(r);
            r->state = FLOW_STATE_BORN;
            flow_start(r, &p, pending->reverse, next_flow_id_++);
            count(COUNTER_FLOWS_STARTED);
        } else if (packet_is_left_out(r, &p, pending->reverse, &config_, &plugin_options_)) [[unlikely]] {
            count(COUNTER_PACKETS_LEFT_OUT);
            return;
        }
    }

    TableEntry* e = table_.entry(id);
    flow_record* r = e->record();
    packet_step step;
    const std::uint32_t verdict = flow_update(r, &p, pending->reverse, &config_, &plugin_options_, &step);
    totals_add(&counts_.totals, &p, step.direction, p.status | (r->dir[step.direction].status & FS(INVERTED)));
    counts_.totals.status |= r->dir[step.direction].status;
    packet_sequence_++;
    if (activity_.active()) [[unlikely]]
        activity_.touch(id);
    else
        e->last_packet = packet_sequence_;
    if (step.first && ++counts_.live_directions > counts_.peak_directions) {
        expire_exactly(p.clock_ns); // flows due by now do not count as alive together with this one
        if (counts_.live_directions > counts_.peak_directions)
            counts_.peak_directions = counts_.live_directions;
    }
    if (packets_may_be_wanted(&config_)) [[unlikely]] {
        if (config_.flags & FLOW_CONFIG_EXTRACT_FLOWS) // it has packet records, which say so
            flow_extract_packet(r, &p, step.direction, &config_);
        const flow_dir& d = r->dir[step.direction & 1];
        packet_needs_of(d.packets, d.status, &p, &step, &config_);
        if (const std::uint32_t wanted = packet_wanted(r, &p, &step, &config_, &plugin_options_))
            emit_packet(frame, *r, p, step, wanted - 1);
    }
    if (verdict & PLUGIN_FORCE) [[unlikely]] {
        wheel_.unlink(id);
        end_flow(id, FLOW_END_DETECTED, p.clock_ns);
        return;
    }
    wheel_.touch(id, flow_due_ns(r));
}

EntryId NativeEngine::start_flow(const ParsedFrame& pending)
{
    const packet& p = pending.parsed;
    if (!table_.room()) [[unlikely]]
        make_room(p.clock_ns);
    const EntryId id = table_.insert(pending.key, pending.hash);
    flow_record* r = table_.entry(id)->record();
    r->state = FLOW_STATE_BORN;
    flow_start(r, &p, pending.reverse, next_flow_id_++);
    count(COUNTER_FLOWS_STARTED);
    counts_.live_flows = table_.size();
    if (activity_.active()) [[unlikely]]
        activity_.append(id);
    // Due one idle timeout after the packet; a kernel half with a shorter timeout moves it.
    wheel_.link(id, p.clock_ns + static_cast<std::int64_t>(config_.idle_timeout_ms) * 1000000);
    return id;
}

// As in T2: flows that are due end first; then the least recently active flow is evicted, with bit 42.
void NativeEngine::make_room(std::int64_t clock_ns)
{
    count(COUNTER_TABLE_FULL);
    expire_exactly(clock_ns);
    if (table_.room())
        return;
    if (!activity_.active())
        activity_.build();
    const EntryId id = activity_.oldest();
    wheel_.unlink(id);
    end_flow(id, FLOW_END_RESOURCES, clock_ns);
}

// Emits an unlinked entry's flow and removes the entry from the table.
void NativeEngine::end_flow(EntryId id, flow_end reason, std::int64_t clock_ns)
{
    flow_record* r = table_.entry(id)->record();
    emit_end(r, reason, flow_end_clock_ns(r, reason, clock_ns));
    if (activity_.active())
        activity_.remove(id);
    table_.remove(id);
    counts_.live_flows = table_.size();
}

void NativeEngine::emit_end(flow_record* record, flow_end reason, std::int64_t end_clock_ns)
{
    const auto size = static_cast<std::uint32_t>(offsetof(ended_record, record) + config_.record_size);
    auto* out = static_cast<ended_record*>(stream_reserve(options_.out, size));
    out->header = {size, STREAM_ENDED, 0};
    out->end_clock_ns = end_clock_ns;
    out->wall_offset_ns = 0;
    out->era = era_;
    out->reason = reason;
    std::memcpy(static_cast<void*>(&out->record), record, config_.record_size);
    flow_mark_end(&out->record, reason);
    counts_.live_directions -= (record->dir[0].packets != 0) + (record->dir[1].packets != 0);
    counts_.totals.status |= out->record.dir[0].status | out->record.dir[1].status;
    turn_.ended(reason, end_clock_ns);
    release_is_due_ = ++emitted_since_watermark_ >= kFlowsBetweenWatermarks || turn_.over();
    if (const counter of_reason = flow_end_counter(reason); of_reason < COUNTER_COUNT)
        count(of_reason);
}

void NativeEngine::emit_packet(const engine_frame& frame, const flow_record& record, const packet& parsed,
                               const packet_step& step, std::uint32_t payload_max)
{
    packet_bytes bytes;
    packet_record_bytes(&parsed, step.first_layer, payload_max, &bytes);
    const std::uint32_t size = (config_.packet_record_size + bytes.all + 7) & ~7u;
    auto* out = static_cast<packet_record*>(stream_reserve(options_.out, size));
    packet_record_fill(out, &record, &parsed, &step, &config_, &plugin_options_);
    out->header.size = size;
    out->header_captured = static_cast<std::uint16_t>(bytes.header);
    out->payload_captured = static_cast<std::uint16_t>(bytes.all - bytes.header);
    auto* tail = reinterpret_cast<std::uint8_t*>(out) + config_.packet_record_size;
    std::memcpy(tail, frame.bytes + bytes.offset, bytes.all);
    std::memset(tail + bytes.all, 0, size - config_.packet_record_size - bytes.all);
}

void NativeEngine::emit_watermark(std::int64_t clock_ns)
{
    if (!emitted_since_watermark_)
        return;
    emitted_since_watermark_ = 0;
    auto* out = static_cast<watermark_record*>(stream_reserve(options_.out, sizeof(watermark_record)));
    *out = {{sizeof(watermark_record), STREAM_WATERMARK, 0}, clock_ns, era_, 0, 0};
}

// Ends flows that fell due before the clock's tick; rows up to that tick are released.
void NativeEngine::expire(std::int64_t clock_ns)
{
    if (!packet_sequence_) {
        wheel_.set_now(ExpiryWheel::tick_of(clock_ns));
        return;
    }
    wheel_.advance(
        clock_ns, [this](EntryId id) { return flow_due_ns(table_.entry(id)->record()); },
        [this, clock_ns](EntryId id) { end_flow(id, FLOW_END_IDLE, clock_ns); });
    emit_watermark(ExpiryWheel::clock_of(wheel_.now()));
}

void NativeEngine::expire_exactly(std::int64_t clock_ns)
{
    wheel_.advance_exactly(
        clock_ns, [this](EntryId id) { return flow_due_ns(table_.entry(id)->record()); },
        [this, clock_ns](EntryId id) { end_flow(id, FLOW_END_IDLE, clock_ns); });
}

// Many flows ended while the clock moved little. Releases those that ended before the clock's time; when too many ended
// at one time, releases all of them.
void NativeEngine::release_early()
{
    release_is_due_ = false;
    expire_exactly(last_clock_ns_);
    emit_watermark(turn_.over() ? std::numeric_limits<std::int64_t>::max() : last_clock_ns_);
    if (!turn_.over())
        return;
    turn_.begin();
    era_++;
}

// The capture's clock stepped back: flows due at the old clock end there, and a new era of order begins. clock_ cannot
// be used: it already is the clock after the batch's last packet.
void NativeEngine::step_back(std::int64_t before_ns, std::int64_t clock_ns)
{
    count(COUNTER_CLOCK_STEPS);
    expire_exactly(before_ns);
    emit_watermark(std::numeric_limits<std::int64_t>::max());
    era_++;
    wheel_.step_back(ExpiryWheel::tick_of(clock_ns),
                     [this](EntryId id) { return flow_due_ns(table_.entry(id)->record()); });
}

void NativeEngine::advance(std::int64_t clock_ns)
{
    __s64 before = 0;
    if (packet_clock_advance(&clock_, clock_ns, &before))
        step_back(before, clock_.now_ns);
    expire_exactly(clock_.now_ns);
    emit_watermark(clock_.now_ns);
    last_clock_ns_ = clock_.now_ns;
}

void NativeEngine::finish()
{
    if (packet_sequence_)
        expire_exactly(clock_.now_ns);
    emit_watermark(std::numeric_limits<std::int64_t>::max());
    era_++;
    struct Last {
        std::int64_t clock_ns;
        std::uint64_t flow_id;
        EntryId id;
        bool operator<(const Last& other) const
        {
            return clock_ns != other.clock_ns ? clock_ns < other.clock_ns : flow_id < other.flow_id;
        }
    };
    table_.drop_index();
    std::vector<Last> all;
    all.reserve(table_.size());
    for (const EntryId id : table_.live()) {
        const flow_record* r = table_.entry(id)->record();
        all.push_back({flow_last_clock_ns(r), r->flow_id, id});
    }
    LazyOrder<Last> order(std::move(all));
    // Emitted in order; a new era begins every few flows, so that the reader never holds the whole table.
    constexpr std::size_t kAhead = 8, kBetweenMarks = 64;
    for (std::size_t i = 0; i < order.size(); i++) {
        if (i + kAhead < order.size())
            table_.prefetch_entry(order[i + kAhead].id);
        if (i % kBetweenMarks == 0) {
            emit_watermark(std::numeric_limits<std::int64_t>::max());
            era_++;
        }
        emit_end(table_.entry(order[i].id)->record(), FLOW_END_FORCED, order[i].clock_ns);
    }
    table_.clear();
    emit_watermark(std::numeric_limits<std::int64_t>::max());
    counts_.live_flows = 0;
}

} // namespace flowxdp
