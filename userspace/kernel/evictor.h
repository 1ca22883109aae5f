// SPDX-License-Identifier: BSD-2-Clause
// evictor.h - takes silent flows out of the kernel's table: batched look-ups find keys, the evict program takes the
// records out under their locks.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "evict.h"
#include "kernel/sensor_object.h"

namespace flowxdp {

class Evictor {
  public:
    // Throws StartupError when the call's maps cannot be mapped.
    explicit Evictor(const SensorObject& sensor);
    ~Evictor();
    Evictor(const Evictor&) = delete;
    Evictor& operator=(const Evictor&) = delete;

    struct Pass {
        std::uint64_t seen = 0;     // records in the table
        std::uint64_t evicted = 0;  // handed to take
        std::uint64_t vacant = 0;   // empty ones removed
    };
    // Scans the whole table and evicts: EVICT_DUE what is due at clock_ns, EVICT_ALL every flow. take gets each record;
    // it is valid during the call. Throws StartupError when the kernel refuses a call.
    Pass run(evict_mode mode, std::int64_t clock_ns, const std::function<void(const ended_record&)>& take);

  private:
    void evict(evict_mode mode, std::int64_t clock_ns, const std::function<void(const ended_record&)>& take, Pass* pass);

    const SensorObject& sensor_;
    evict_request* request_ = nullptr;
    flow_key* keys_ = nullptr;
    evict_slot* out_ = nullptr;
    std::size_t request_bytes_ = 0, keys_bytes_ = 0, out_bytes_ = 0;
    std::vector<flow_key> batch_keys_;
    std::vector<std::uint8_t> batch_values_;
    std::uint32_t pending_ = 0; // keys waiting in keys_
};

} // namespace flowxdp
