// SPDX-License-Identifier: BSD-2-Clause
// pinned_sensor.h - the sensors of this machine as other processes see them: found by their pins, read without
// disturbing them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/frame.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "engine.h"
#include "flowxdp/evict.h"
#include "flowxdp/journal.h"
#include "kernel/table_reader.h"
#include "live/pin_folder.h"
#include "live/sensor_state.h"

namespace flowxdp {

struct PinnedSensor {
    std::string interface; // its present name, printable(); the pinned one when it is gone or not visible from here
    std::string folder;
    std::string id;                // last part of folder
    std::vector<unsigned> merged;  // indexes of further interfaces that feed it
    bool egress = false;           // it counts leaving frames, too
    unsigned index = 0;            // 0: the program is detached, the interface is gone
    bool here = true;              // in this process's network namespace
    bool served = false;           // a daemon serves it
    std::uint32_t daemon = 0;      // pid of the lock's holder; 0: not visible from here
    std::optional<PinOwner> owner; // the user who can write these pins; nothing: several can
    bool in_dispatcher = false;    // beside other XDP programs (dispatcher.h)
    std::uint32_t program_id = 0;
    std::optional<SensorStateRecord> state;

    // LINKTYPE_* of its interfaces.
    [[nodiscard]] std::uint32_t link_type() const { return state ? state->link_type : kLinkTypeEthernet; }
    // Of this network namespace; "interface 7" for one that is gone or elsewhere.
    [[nodiscard]] std::vector<std::string> merged_names() const;
    // By its first interface or a merged one.
    [[nodiscard]] bool is_named(const std::string& name) const;
};

// In order of folder names. operation: for the message ("read the sensors' state"). Throws StartupError, with exit code
// 77 when this user may not read them.
std::vector<PinnedSensor> find_pinned_sensors(const std::string& operation);
// Those of the interfaces named; all when none is. Throws StartupError for a name without a sensor.
std::vector<PinnedSensor> find_pinned_sensors(const std::string& operation, const std::vector<std::string>& interfaces);
// Removes link, program and maps. Unlinking the link detaches the program; libxdp takes it out of a dispatcher. Error
// when a daemon serves the sensor, or when the dispatcher is in another network namespace.
Result<void> remove_pinned_sensor(const PinnedSensor& sensor);

// Whether the pins are parts of a sensor without a flow: its daemon was killed while it made or removed them. The
// flows' map is there before the first packet, and goes first when everything has been exported.
bool is_remnant(const PinnedSensor& sensor);

// Reads a sensor's maps.
class SensorView {
  public:
    // Throws StartupError when a map is missing, or of another layout.
    explicit SensorView(const PinnedSensor& sensor);

    [[nodiscard]] engine_counts counts() const;
    [[nodiscard]] const TableReader& table() const { return *table_; }
    [[nodiscard]] std::uint32_t capacity() const { return capacity_; } // biflows
    [[nodiscard]] journal_slot journal() const;
    [[nodiscard]] std::uint32_t ring_bytes() const { return ring_bytes_; }
    // Bytes of the ring that hold records which are not safe yet.
    [[nodiscard]] std::uint64_t ring_used() const;

    // Where every packet is, summed from the records (the ledger of counters.h).
    struct Books {
        std::uint64_t seen = 0, without_flow = 0;
        std::uint64_t exported = 0; // in flows that are safe in the sinks
        std::uint64_t alive = 0;    // in records of the table
        std::uint64_t waiting = 0;  // in ended flows on their way to the sinks
        bool at_rest = false;       // nothing moved while it was read: difference() must be 0
        [[nodiscard]] std::int64_t difference() const
        {
            return static_cast<std::int64_t>(exported + alive + waiting + without_flow - seen);
        }
    };
    // Reads table, ring and outbox; again, up to three times, when something moved.
    [[nodiscard]] Books books() const;

  private:
    Books read_books() const;
    evict_request last_eviction() const;

    UniqueFd counts_, ring_, journal_, evict_request_, evict_out_;
    std::optional<TableReader> table_;
    std::uint32_t record_size_ = 0, capacity_ = 0, ring_bytes_ = 0;
};

// Packets with a flow, by the counters that the kernel raises for each packet.
std::uint64_t packets_in_flows(const engine_counts& counts);
// Packets without a flow, all causes.
std::uint64_t packets_without_flow(const engine_counts& counts);
std::uint64_t flows_alive(const engine_counts& counts);

} // namespace flowxdp
