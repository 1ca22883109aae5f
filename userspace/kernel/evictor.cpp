// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/evictor.h"

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/result.h"
#include "flow_end.h"

namespace flowxdp {
namespace {

constexpr std::uint32_t kBatch = 4096;

std::size_t page_rounded(std::size_t bytes)
{
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
}

template <typename T>
T* map_array(const SensorObject& sensor, const char* name, std::uint32_t entries, std::size_t* bytes)
{
    *bytes = page_rounded(sizeof(T) * entries);
    void* p = mmap(nullptr, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED, sensor.map_fd(name), 0);
    if (p == MAP_FAILED)
        throw StartupError(fmt::format("cannot map the sensor's '{}': {}", name, std::strerror(errno)));
    return static_cast<T*>(p);
}

} // namespace

Evictor::Evictor(const SensorObject& sensor)
    : sensor_(sensor), batch_keys_(kBatch),
      batch_values_(static_cast<std::size_t>(kBatch) * ((sensor.flow().record_size + 7) & ~7u))
{
    request_ = map_array<evict_request>(sensor, "evict_request", 1, &request_bytes_);
    keys_ = map_array<flow_key>(sensor, "evict_keys", EVICT_SLOTS, &keys_bytes_);
    out_ = map_array<evict_slot>(sensor, "evict_out", EVICT_SLOTS, &out_bytes_);
}

Evictor::~Evictor()
{
    munmap(request_, request_bytes_);
    munmap(keys_, keys_bytes_);
    munmap(out_, out_bytes_);
}

Evictor::Pass Evictor::run(evict_mode mode, std::int64_t clock_ns, const std::function<void(const ended_record&)>& take)
{
    Pass pass;
    std::uint32_t cursor[10] = {}; // opaque to us: hash maps use the first word, 6.1 writes at most a key
    bool first = true;
    const std::size_t stride = (sensor_.flow().record_size + 7) & ~7u;
    const int table = sensor_.map_fd("flows");
    pending_ = 0;
    for (bool more = true; more;) {
        std::uint32_t n = kBatch;
        const int error = bpf_map_lookup_batch(table, first ? nullptr : cursor, cursor, batch_keys_.data(),
                                               batch_values_.data(), &n, nullptr);
        if (error && errno != ENOENT)
            throw StartupError(fmt::format("cannot scan the flow table: {}", std::strerror(errno)));
        more = error == 0;
        first = false;
        pass.seen += n;
        for (std::uint32_t i = 0; i < n; i++) {
            const auto* r = reinterpret_cast<const flow_record*>(batch_values_.data() + i * stride);
            // A torn copy may mislead here; the program looks again under the lock, a later scan finds what we missed.
            const bool vacant = r->state == FLOW_STATE_BORN && !r->flow_id;
            if (mode == EVICT_DUE && !vacant && clock_ns < flow_due_ns(r))
                continue;
            keys_[pending_++] = batch_keys_[i];
            if (pending_ == EVICT_SLOTS)
                evict(mode, clock_ns, take, &pass);
        }
    }
    evict(mode, clock_ns, take, &pass);
    return pass;
}

void Evictor::evict(evict_mode mode, std::int64_t clock_ns, const std::function<void(const ended_record&)>& take,
                    Pass* pass)
{
    if (!pending_)
        return;
    request_->clock_ns = clock_ns;
    request_->mode = mode;
    request_->keys = pending_;
    std::uint8_t frame[64] = {};
    bpf_test_run_opts run{};
    run.sz = sizeof run;
    run.data_in = frame;
    run.data_size_in = sizeof frame;
    run.repeat = 1;
    if (bpf_prog_test_run_opts(sensor_.evict_fd(), &run))
        throw StartupError(fmt::format("the kernel refused an eviction call: {}", std::strerror(errno)));
    for (std::uint32_t i = 0; i < pending_; i++) {
        if (out_[i].outcome == EVICT_RECORD) {
            take(out_[i].ended);
            pass->evicted++;
        } else if (out_[i].outcome == EVICT_VACANT) {
            pass->vacant++;
        }
    }
    pending_ = 0;
}

} // namespace flowxdp
