// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/evictor.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/result.h"
#include "flowxdp/flow_end.h"
#include "flowxdp/record_slots.h"
#include "kernel/mapped_array.h"

namespace flowxdp {
namespace {

template <typename T>
T* map_entries(const SensorObject& sensor, const char* name, std::uint32_t entries, std::size_t* bytes)
{
    return map_array<T>(sensor.map_fd(name), name, sizeof(T) * entries, PROT_READ | PROT_WRITE, bytes);
}

} // namespace

Evictor::Evictor(const SensorObject& sensor)
    : sensor_(sensor), table_(sensor.map_fd("records"), sensor.map_fd("free_slots"), sensor.max_flows(),
                              record_stride(sensor.flow().record_size))
{
    request_ = map_entries<evict_request>(sensor, "evict_request", 1, &request_bytes_);
    keys_ = map_entries<flow_key>(sensor, "evict_keys", EVICT_SLOTS, &keys_bytes_);
    out_ = map_entries<evict_slot>(sensor, "evict_out", EVICT_SLOTS, &out_bytes_);
}

Evictor::~Evictor()
{
    munmap(request_, request_bytes_);
    munmap(keys_, keys_bytes_);
    munmap(out_, out_bytes_);
}

Evictor::Scan Evictor::scan(evict_mode mode, std::int64_t clock_ns, std::uint64_t early)
{
    Scan scan;
    table_.each([&](const flow_record& r) {
        scan.seen++;
        // A dead record is one whose key could not be deleted, or one that is about to be an embryo. Its key may have
        // another record by now, which an early eviction would take.
        if (r.state == FLOW_STATE_DEAD && mode == EVICT_EARLY)
            return;
        // A torn copy may mislead here: the evict program checks again under the lock, and a later scan finds missed
        // flows. Vacant records, embryos that their inserter gave up and pending forced ends are chosen at once.
        // Records with impossible times are chosen too: they are counted as damage.
        const bool now = r.state != FLOW_STATE_BORN || !r.flow_id || flow_force_pending(&r, &sensor_.flow());
        std::int64_t end_ns = clock_ns;
        if (is_whole(r, sensor_.bounds().any_time))
            end_ns = now || mode != EVICT_DUE ? flow_last_clock_ns(&r) : flow_due_ns(&r);
        if (mode != EVICT_DUE || end_ns <= clock_ns)
            scan.chosen.push_back({end_ns, r.flow_id, r.key});
    });
    if (mode == EVICT_EARLY) {
        if (early < scan.chosen.size()) {
            std::ranges::nth_element(scan.chosen, scan.chosen.begin() + static_cast<std::ptrdiff_t>(early), {},
                                     &Candidate::end_clock_ns);
            scan.chosen.resize(early);
        }
        for (Candidate& candidate : scan.chosen)
            candidate.end_clock_ns = clock_ns;
    }
    std::ranges::sort(scan.chosen, {}, [](const Candidate& c) { return std::pair(c.end_clock_ns, c.flow_id); });
    return scan;
}

std::uint64_t Evictor::evict(std::span<const Candidate> candidates, evict_mode mode, std::int64_t clock_ns,
                             const std::function<void(const ended_record&)>& take)
{
    const std::size_t n = std::min<std::size_t>(candidates.size(), EVICT_SLOTS);
    for (std::size_t i = 0; i < n; i++)
        keys_[i] = candidates[i].key;
    request_->clock_ns = clock_ns;
    request_->mode = mode;
    request_->keys = static_cast<std::uint32_t>(n);
    request_->sequence++;
    std::uint8_t frame[64] = {};
    bpf_test_run_opts run{};
    run.sz = sizeof run;
    run.data_in = frame;
    run.data_size_in = sizeof frame;
    run.repeat = 1;
    if (bpf_prog_test_run_opts(sensor_.evict_fd(), &run))
        throw StartupError(fmt::format("the kernel refused an eviction call: {}", std::strerror(errno)));
    std::uint64_t records = 0;
    for (std::size_t i = 0; i < n; i++)
        records += take_slot(i, take);
    return records;
}

bool Evictor::take_slot(std::size_t i, const std::function<void(const ended_record&)>& take)
{
    if (out_[i].outcome != EVICT_RECORD)
        return false;
    const RecordBounds bounds = sensor_.bounds();
    constexpr std::size_t kRoom = sizeof(evict_slot) - offsetof(evict_slot, ended);
    std::memcpy(&copy_.ended, &out_[i].ended, std::min(kRoom, offsetof(ended_record, record) + bounds.record_size));
    if (copy_.ended.header.kind != STREAM_ENDED || !is_whole(copy_.ended.header, kRoom, bounds)) {
        damaged_++;
        return false;
    }
    take(copy_.ended);
    return true;
}

std::uint64_t Evictor::recover(std::uint64_t safe_sequence, const std::function<void(const ended_record&)>& take)
{
    if (request_->done != request_->sequence || request_->sequence == safe_sequence)
        return 0;
    std::uint64_t records = 0;
    for (std::uint32_t i = 0; i < request_->keys && i < EVICT_SLOTS; i++)
        records += take_slot(i, take);
    return records;
}

} // namespace flowxdp
