// SPDX-License-Identifier: BSD-2-Clause
// table_reader.h - looks at every record of a kernel flow table by batched look-ups: for the evictor, and for commands
// that must not disturb a sensor.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "flow_record.h"

namespace flowxdp {

class TableReader {
  public:
    // map_fd: the 'flows' map (stays the caller's); record_size: bytes of its values.
    TableReader(int map_fd, std::uint32_t record_size);

    // Calls each(key, record) once for every record, some 300 ns an entry; a bucket is locked while it is copied,
    // packets go on. A record is a copy that a packet may have torn: counters of two fields need not be of one instant,
    // and a dead, unborn or vacant record (holds_flow()) comes too. What is inserted or deleted meanwhile may be
    // missed. Throws StartupError when the kernel refuses.
    void each(const std::function<void(const flow_key&, const flow_record&)>& each);

  private:
    int map_fd_;
    std::size_t stride_;
    std::vector<flow_key> keys_;
    std::vector<std::uint64_t> values_; // 8-aligned
};

// A record that counts packets now.
inline bool holds_flow(const flow_record& record)
{
    return record.state == FLOW_STATE_BORN && record.flow_id;
}

} // namespace flowxdp
