// SPDX-License-Identifier: BSD-2-Clause
// live_sensor.h - one interface under observation: program, maps and link, all pinned, so that the kernel goes on
// counting when the daemon dies and the next daemon takes over.
//
// Pins: /sys/fs/bpf/flowxdp/IFACE/ID/, ID a hash of record layout and configuration (pin_folder.h). Program and link of
// a clean stop are removed; what a killed daemon leaves is adopted by an attach with the same ID, or drained or removed
// by detach. The interface is known by its index: it may be renamed, set down or removed meanwhile.
#pragma once

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

struct LiveSensorOptions {
    std::string interface;
    std::vector<std::string> merged; // further interfaces that feed the same table (a TAP's other leg)
    AttachMode mode = AttachMode::kAuto;
    SensorObjectOptions object;
    std::uint64_t layout_id = 0; // of the bundle
    bool fix_offloads = false;   // turn rx-vlan offload off while attached
    // Run beside other XDP programs, with this priority in libxdp's dispatcher (dispatcher.h); nothing: alone.
    std::optional<unsigned> dispatcher_priority;
    SensorStateRecord state = {}; // what status will read; the sensor adds what it finds out
};

// What became of the interface under a sensor.
struct InterfaceLook {
    std::string gone; // why nothing arrives any more: removed, detached, moved; empty = it is there
    std::string name; // its name now
    bool up = false;
    std::string lost; // merged interfaces that feed nothing any more, "eth1,eth2"
};

class LiveSensor {
  public:
    // Checks the interface, then adopts or loads, pins and attaches. Throws StartupError with the cure.
    explicit LiveSensor(const LiveSensorOptions& options);
    // Takes over what a killed daemon left, only to export it: no interface is needed. options.interface is ignored.
    // Throws StartupError, also when plugins and options are not those of the pinned sensor.
    LiveSensor(const LiveSensorOptions& options, const PinnedSensor& pinned);
    // Leaves pins and link alone: only stop() removes them.
    ~LiveSensor();
    LiveSensor(const LiveSensor&) = delete;
    LiveSensor& operator=(const LiveSensor&) = delete;

    [[nodiscard]] const std::string& interface() const { return options_.interface; }
    [[nodiscard]] const std::string& mode() const { return mode_; } // "native", "generic"
    [[nodiscard]] bool adopted() const { return adopted_; }
    [[nodiscard]] bool in_dispatcher() const { return in_dispatcher_; } // an adopted one stays where it is
    [[nodiscard]] unsigned index() const { return info_.index; }
    // All it observes, the first one in front; names as they were at the start.
    [[nodiscard]] std::vector<InterfaceInfo> interfaces() const;
    [[nodiscard]] std::uint32_t link_type() const { return info_.link_type; } // LINKTYPE_* of every interface
    [[nodiscard]] bool sees_egress() const { return !egress_.empty(); }
    [[nodiscard]] std::uint32_t program_id() const;
    SensorObject& object() { return *object_; }
    RingReader& ring() { return *ring_; }
    Evictor& evictor() { return *evictor_; }
    Journal& journal() { return *journal_; }
    // Shared: what publishes it may outlive the sensor.
    [[nodiscard]] const std::shared_ptr<SensorState>& state() const { return state_; }
    // What there is to say of it now. A fresh sensor has said so before it attached: whoever finds it then, because its
    // daemon was killed, knows where it belongs.
    [[nodiscard]] SensorStateRecord describe() const;
    // What a killed predecessor vouched for; all zero when there was none.
    [[nodiscard]] journal_slot left_behind() const { return adopted_ ? journal_->last() : journal_slot{}; }

    // Extraction: where its frames go from now on (flow_config with FLOW_CONFIG_FRAMES). Throws StartupError.
    void open_capture(const std::string& path, const ResumePoints& resume);
    CaptureWriter* capture() { return capture_.get(); } // null without extraction

    // Of merged interfaces: gone when the first one is, or when none is left.
    [[nodiscard]] InterfaceLook look() const;
    // The interface has a new name: the pins follow.
    Result<void> rename(const std::string& name);
    // Detaches the program; packets are no longer counted when this returns. Error: an offload could not be restored,
    // or the program not be taken out of the dispatcher.
    Result<void> detach();
    // Removes every pin. After detach().
    Result<void> remove_pins() { return pins_->remove(); }
    // Lets a user do all that, when this process becomes that user.
    Result<void> give_to(uid_t uid, gid_t gid) { return pins_->give_to(uid, gid); }

  private:
    // An interface whose frames feed the same table.
    struct Leg {
        InterfaceInfo info;
        UniqueFd link;
        bool offload_changed = false;
    };
    InterfaceInfo check_interface(const std::string& name, bool* offload_changed) const;
    void check_interfaces();
    void set_link_type(std::uint32_t link_type);
    UniqueFd attach_xdp(const InterfaceInfo& info, const std::string& pin, std::string* mode) const;
    void attach_others();
    void adopt_others();
    void load_and_attach(const std::string& interface_folder, std::uint64_t id);
    void pin_and_say();
    void adopt(const std::string& folder);
    void open_maps();

    LiveSensorOptions options_;
    InterfaceInfo info_;
    std::optional<PinFolder> pins_;
    std::string mode_;
    bool adopted_ = false, offload_changed_ = false, in_dispatcher_ = false;
    std::unique_ptr<SensorObject> object_;
    std::unique_ptr<RingReader> ring_;
    std::unique_ptr<Evictor> evictor_;
    std::unique_ptr<Journal> journal_;
    std::shared_ptr<SensorState> state_;
    std::unique_ptr<CaptureWriter> capture_;
    UniqueFd link_;            // none in a dispatcher
    std::vector<Leg> further_; // behind info_
    std::vector<EgressHook> egress_;
};

// Wall clock less boot clock, ns: added to the kernel's times. Sampled anew for each round, so that neither an NTP step
// nor a suspend breaks a duration.
std::int64_t wall_offset_ns();
std::int64_t boot_clock_ns();

} // namespace flowxdp
