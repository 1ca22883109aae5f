// SPDX-License-Identifier: BSD-2-Clause
// live_sensor.h - one interface under observation: program, maps and link, all pinned, so that the kernel goes on
// counting when the daemon dies and the next daemon takes over.
//
// Pins: /sys/fs/bpf/flowxdp/IFACE/ID/, ID a hash of record layout and configuration (pin_folder.h).
// A clean stop removes program and link. An attach with the same ID adopts what a killed daemon left; detach drains or
// removes it. The interface is known by its index, because it may be renamed, set down or removed meanwhile.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "extract/capture_writer.h"
#include "kernel/evictor.h"
#include "kernel/ring_reader.h"
#include "kernel/sensor_object.h"
#include "live/egress_hook.h"
#include "live/interface.h"
#include "live/journal.h"
#include "live/pin_folder.h"
#include "live/pinned_sensor.h"
#include "live/sensor_state.h"

namespace flowxdp {

// Wall clock less boot clock, ns; add it to the kernel's times. Sampled anew for each round, so that neither an NTP
// step nor a suspend breaks a duration.
std::int64_t wall_offset_ns();
std::int64_t boot_clock_ns();

// Which frames the sensor observes: received ones, or also those that the host sends. kAuto finds out whether it sends.
enum class DirectionWish { kAuto, kIngress, kBoth };

struct LiveSensorOptions {
    std::string interface;
    std::vector<std::string> merged; // further interfaces that feed the same table (a TAP's other leg)
    AttachMode mode = AttachMode::kAuto;
    DirectionWish direction = DirectionWish::kAuto;
    SensorObjectOptions object; // except egress, which direction decides
    bool fix_offloads = false;  // turn rx-vlan offload off while attached
    bool dry_run = false;       // of foresee(): change nothing
    // Run beside other XDP programs, with this priority in libxdp's dispatcher (dispatcher.h); nothing: alone.
    std::optional<unsigned> dispatcher_priority;
    // The owner of the sensor. Adopts what this user or root left, nothing of others.
    uid_t owner = geteuid();
    // The options that its identity depends on, as text (sensor_identity() of cli/options.h).
    std::string identity;
    SensorStateRecord state = {}; // what status will read; the sensor adds what it finds out
};

// Names the pin folder of a sensor: a hash of everything that its program was built with and configured for: the
// options that the option table marks for it, what bundle and plugins made of them, and what was found out about the
// interface. options: object holds the interface's link type and the directions. merged: indexes of further interfaces.
std::uint64_t sensor_id(const LiveSensorOptions& options, const std::vector<unsigned>& merged);

// The present state of a sensor's interface.
struct InterfaceCondition {
    std::string gone; // why no more packets arrive: removed, detached, moved; empty = it is there
    std::string name; // its name now
    bool up = false;
    std::string lost; // merged interfaces that feed nothing any more, "eth1,eth2"
};

// Finds the map that numbers the flows of a sensor that a killed daemon left on one of these interfaces, made by a
// bundle of this layout. A daemon that adopts it and observes others, too, numbers all flows by this map. None: no such
// sensor.
UniqueFd find_left_numbers(const std::vector<std::string>& interfaces, std::uint64_t layout_id);

class LiveSensor {
  public:
    // Checks the interface, then adopts or loads, pins and attaches. Throws StartupError with the cure.
    explicit LiveSensor(const LiveSensorOptions& options);
    // Adopts what a killed daemon left, only to export it: needs no interface and ignores options.interface. Throws
    // StartupError, also when plugins and options are not those of the pinned sensor.
    LiveSensor(const LiveSensorOptions& options, const PinnedSensor& pinned);
    // What an attach with these options would do, in a line, and nothing of it is done. A running daemon counts as one
    // that has handed over. Throws StartupError where the attach would be refused.
    static std::string foresee(LiveSensorOptions options);
    // Leaves pins and link alone: only stop() removes them.
    ~LiveSensor();
    LiveSensor(const LiveSensor&) = delete;
    LiveSensor& operator=(const LiveSensor&) = delete;

    [[nodiscard]] const std::string& interface() const { return options_.interface; }
    [[nodiscard]] const std::string& mode() const { return mode_; } // "native", "generic"
    [[nodiscard]] bool adopted() const { return adopted_; }
    // Pins without a flow, of a daemon that was killed while it started or stopped, were removed first.
    [[nodiscard]] bool removed_remnant() const { return removed_remnant_; }
    [[nodiscard]] uid_t owner() const { return options_.owner; }        // of its pins, now or later
    [[nodiscard]] uid_t left_by() const { return left_by_; }            // adopted: their previous owner
    [[nodiscard]] bool in_dispatcher() const { return in_dispatcher_; } // an adopted one stays where it is
    [[nodiscard]] unsigned index() const { return info_.index; }
    [[nodiscard]] std::string pin_path() const { return pins_->path(); }
    // All observed interfaces, the main one first, with their names at the start.
    [[nodiscard]] std::vector<InterfaceInfo> interfaces() const;
    [[nodiscard]] std::uint32_t link_type() const { return info_.link_type; } // LINKTYPE_* of every interface
    [[nodiscard]] bool sees_egress() const { return !egress_.empty(); }
    // Which frames are observed, at which hooks and why: a line for the user.
    [[nodiscard]] std::string direction_text() const;
    [[nodiscard]] std::uint32_t program_id() const;
    // Identifies the map that numbers the flows: equal for sensors that share it and for daemons that adopt them. 0
    // when the kernel does not tell.
    [[nodiscard]] std::uint64_t boot() const;
    SensorObject& object() { return *object_; }
    RingReader& ring() { return *ring_; }
    Evictor& evictor() { return *evictor_; }
    Journal& journal() { return *journal_; }
    // Records of ring and outbox that were skipped because the programs cannot have written them so.
    [[nodiscard]] std::uint64_t records_damaged() const { return ring_->damaged() + evictor_->damaged(); }
    // Shared, because its publisher may outlive the sensor.
    [[nodiscard]] const std::shared_ptr<SensorState>& state() const { return state_; }
    // The sensor's present state. A new sensor publishes it before it attaches: if its daemon is killed then, others
    // can tell where it belongs.
    [[nodiscard]] SensorStateRecord describe() const;
    // Boot clock of the last take-over: a flow that began before it and ends later was alive then. At first it is a
    // predecessor's, from the journal; this daemon sets its own when everything that had ended has been read.
    void taken_over(std::int64_t boot_ns) { taken_over_ns_ = boot_ns; }
    [[nodiscard]] std::int64_t taken_over_ns() const { return taken_over_ns_; } // boot clock; 0 = no daemon did
    // Sets the fxStat bit for it in an ended record.
    void mark_adopted(flow_record* record) const;
    // What a killed predecessor committed; all zero when there was none.
    [[nodiscard]] journal_slot predecessor_journal() const { return adopted_ ? journal_->last() : journal_slot{}; }

    // Extraction: writes frames to path from now on (flow_config with FLOW_CONFIG_FRAMES). Throws StartupError.
    void open_capture(const std::string& path, const ResumePoints& resume);
    CaptureWriter* capture() { return capture_.get(); } // null without extraction

    // Merged interfaces count as gone when the first one is, or when none is left.
    [[nodiscard]] InterfaceCondition interface_condition() const;
    // The interface has a new name: the pins follow.
    Result<void> rename(const std::string& name);
    // Detaches the program; packets are no longer counted when this returns. Error: an offload was not restored, or the
    // program is still in the dispatcher.
    Result<void> detach();
    // Removes every pin. After detach().
    Result<void> remove_pins() { return pins_->remove(); }
    // Gives the pins to a user, so that this process can still do all that as that user.
    Result<void> give_to(uid_t uid, gid_t gid) { return pins_->give_to(uid, gid); }

  private:
    struct DryRun {};
    LiveSensor(const LiveSensorOptions& options, DryRun /*tag*/) : options_(options) {}

    // An interface whose frames feed the same table.
    struct MergedInterface {
        InterfaceInfo info;
        UniqueFd link;
        bool offload_changed = false;
    };
    InterfaceInfo check_interface(const std::string& name, bool* offload_changed) const;
    void check_interfaces();
    void set_link_type(std::uint32_t link_type);
    UniqueFd attach_xdp(const InterfaceInfo& info, const std::string& pin, std::string* mode) const;
    void choose_direction(const PinnedSensor* left);
    void attach_others();
    void adopt_others();
    void renew_hooks();
    std::optional<PinnedSensor> find_left(std::string* pin_name);
    bool remove_remnant(const PinnedSensor& pinned);
    void start(const std::string& interface_folder);
    void load_and_attach(const std::string& interface_folder);
    [[nodiscard]] std::uint64_t id() const;
    [[nodiscard]] std::string names() const;
    void pin_and_say();
    void adopt(const std::string& folder);
    void open_maps();

    LiveSensorOptions options_;
    InterfaceInfo info_;
    std::optional<PinFolder> pins_;
    std::string mode_;
    std::string direction_reason_; // empty: the user chose
    std::string direction_hint_;   // what to write for the other choice
    std::int64_t taken_over_ns_ = 0;
    uid_t left_by_ = 0;
    bool adopted_ = false, removed_remnant_ = false, offload_changed_ = false, in_dispatcher_ = false;
    std::unique_ptr<SensorObject> object_;
    std::unique_ptr<RingReader> ring_;
    std::unique_ptr<Evictor> evictor_;
    std::unique_ptr<Journal> journal_;
    std::shared_ptr<SensorState> state_;
    std::unique_ptr<CaptureWriter> capture_;
    UniqueFd link_;                       // none in a dispatcher
    std::vector<MergedInterface> merged_; // after info_
    std::vector<EgressHook> egress_;
};

} // namespace flowxdp
