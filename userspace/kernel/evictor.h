// SPDX-License-Identifier: BSD-2-Clause
// evictor.h - evicts silent flows from the kernel's table: a scan of its records finds keys, the evict program removes
// the records under their locks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "flowxdp/evict.h"
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

    // A record that a scan chose, and the clock that orders its row.
    struct Candidate {
        std::int64_t end_clock_ns;
        std::uint64_t flow_id;
        flow_key key;
    };
    struct Scan {
        std::uint64_t seen = 0;        // records in the table
        std::vector<Candidate> chosen; // in the order of their rows: end_clock_ns, then flow_id
    };
    // Reads the whole table. EVICT_DUE: flows due at clock_ns, and vacant records; EVICT_ALL: everything; EVICT_EARLY:
    // the `early` least recently active flows, which end at clock_ns. Throws StartupError when the kernel refuses.
    Scan scan(evict_mode mode, std::int64_t clock_ns, std::uint64_t early = 0);
    // One eviction call for at most EVICT_SLOTS candidates. take gets each evicted record, in the candidates' order; it
    // stays in the outbox until the next call. Returns how many.
    std::uint64_t evict(std::span<const Candidate> candidates, evict_mode mode, std::int64_t clock_ns,
                        const std::function<void(const ended_record&)>& take);

    // Slots of the table that are taken, 10 us for a million.
    [[nodiscard]] std::uint64_t taken() const { return table_.taken(); }

    // Number of the last call; the journal says which one is safe.
    [[nodiscard]] std::uint64_t sequence() const { return request_->sequence; }
    // Takes the records of a crashed predecessor's last call, if it completed and is not safe yet. Returns how many.
    std::uint64_t recover(std::uint64_t safe_sequence, const std::function<void(const ended_record&)>& take);
    // Outbox slots skipped because the evict program cannot have written them.
    [[nodiscard]] std::uint64_t damaged() const { return damaged_; }

  private:
    // Calls take for slot i when it holds a record. The copy cannot change while it is read.
    bool take_slot(std::size_t i, const std::function<void(const ended_record&)>& take);

    const SensorObject& sensor_;
    evict_slot copy_{};
    std::uint64_t damaged_ = 0;
    evict_request* request_ = nullptr;
    flow_key* keys_ = nullptr;
    evict_slot* out_ = nullptr;
    std::size_t request_bytes_ = 0, keys_bytes_ = 0, out_bytes_ = 0;
    TableReader table_;
};

} // namespace flowxdp
