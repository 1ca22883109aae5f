// SPDX-License-Identifier: BSD-2-Clause
// table_reader.h - reads every record of a kernel flow table, through a mapping of its memory: for the evictor, and for
// commands that must not disturb a sensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "flowxdp/flow_record.h"

namespace flowxdp {

class TableReader {
  public:
    // records_fd: map 'records'; free_slots_fd: map 'free_slots' (both stay the caller's). slots: entries of 'records';
    // stride: bytes of its values. The caller has checked the maps' shapes. Throws StartupError when the kernel
    // refuses.
    TableReader(int records_fd, int free_slots_fd, std::uint32_t slots, std::uint32_t stride);
    ~TableReader();
    TableReader(const TableReader&) = delete;
    TableReader& operator=(const TableReader&) = delete;

    // Calls each(record) once for every slot that is not free, in their order, with a copy of the record's core.
    // Packets continue, and one may tear a copy: counters of two fields need not be of one instant. Dead, unborn and
    // vacant records (holds_flow()) come too. Records made or removed meanwhile may be missed.
    void each(const std::function<void(const flow_record&)>& each) const;

    // How many slots are not free.
    [[nodiscard]] std::uint64_t taken() const;

  private:
    std::uint32_t slots_, stride_;
    std::size_t records_bytes_ = 0, free_bytes_ = 0;
    const std::uint8_t* records_ = nullptr;
    const std::uint64_t* free_ = nullptr;
};

// True for a record that counts packets now.
inline bool holds_flow(const flow_record& record)
{
    return record.state == FLOW_STATE_BORN && record.flow_id;
}

} // namespace flowxdp
