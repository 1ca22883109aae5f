// SPDX-License-Identifier: BSD-2-Clause
// evictor.h - takes silent flows out of the kernel's table: batched look-ups find keys, the evict program takes the
// records out under their locks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "evict.h"
#include "kernel/sensor_object.h"
#include "kernel/table_reader.h"

namespace flowxdp {

class Evictor {
  public:
    // Throws StartupError when the call's maps cannot be mapped.
    explicit Evictor(const SensorObject& sensor);
    ~Evictor();
    Evictor(const Evictor&) = delete;
    Evictor& operator=(const Evictor&) = delete;

    // A record that a scan chose, and the clock its row will be ordered by.
    struct Candidate {
        std::int64_t end_clock_ns;
        flow_key key;
    };
    struct Scan {
        std::uint64_t seen = 0;        // records in the table
        std::vector<Candidate> chosen; // in order of end_clock_ns
    };
    // Reads the whole table. EVICT_DUE: what is due at clock_ns, and vacant records; EVICT_ALL: everything;
    // EVICT_EARLY: the `early` least recently active flows. Throws StartupError when the kernel refuses.
    Scan scan(evict_mode mode, std::int64_t clock_ns, std::uint64_t early = 0);
    // One eviction call for at most EVICT_SLOTS candidates: take gets each record that came out, in the candidates'
    // order; it stays in the outbox until the next call. Returns how many.
    std::uint64_t evict(std::span<const Candidate> candidates, evict_mode mode, std::int64_t clock_ns,
                        const std::function<void(const ended_record&)>& take);

    // Number of the last call; the journal says which one is safe.
    [[nodiscard]] std::uint64_t sequence() const { return request_->sequence; }
    // A crashed predecessor's last call, when it ran to its end and is not safe yet. Returns how many records it held.
    std::uint64_t recover(std::uint64_t safe_sequence, const std::function<void(const ended_record&)>& take);

  private:
    const SensorObject& sensor_;
    evict_request* request_ = nullptr;
    flow_key* keys_ = nullptr;
    evict_slot* out_ = nullptr;
    std::size_t request_bytes_ = 0, keys_bytes_ = 0, out_bytes_ = 0;
    TableReader table_;
};

} // namespace flowxdp
