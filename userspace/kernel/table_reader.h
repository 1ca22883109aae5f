// SPDX-License-Identifier: BSD-2-Clause
// table_reader.h - reads every record of a kernel flow table by batched look-ups: for the evictor, and for commands
// that must not disturb a sensor.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "flowxdp/flow_record.h"

namespace flowxdp {

class TableReader {
  public:
    // map_fd: the 'flows' map (stays the caller's); record_size: bytes of its values.
    TableReader(int map_fd, std::uint32_t record_size);

    // Calls each(key, record) once for every record, some 300 ns an entry; a bucket is locked while it is copied,
    // packets continue. A packet may tear a copy: counters of two fields need not be of one instant. Dead, unborn and
    // vacant records (holds_flow()) come too. Entries inserted or deleted meanwhile may be missed. Throws StartupError
    // when the kernel refuses.
    void each(const std::function<void(const flow_key&, const flow_record&)>& each);

  private:
    int map_fd_;
    std::size_t stride_;
    std::vector<flow_key> keys_;
    std::vector<std::uint64_t> values_; // 8-aligned
};

// True for a record that counts packets now.
inline bool holds_flow(const flow_record& record)
{
    return record.state == FLOW_STATE_BORN && record.flow_id;
}

} // namespace flowxdp
