// SPDX-License-Identifier: BSD-2-Clause
// live_sensor.h - one interface under observation: program, maps and link, all pinned, so that the kernel goes on
// counting when the daemon dies and the next daemon takes over.
//
// Pins: /sys/fs/bpf/flowxdp/IFACE/ID/, ID a hash of record layout and configuration. Program and link of a clean stop
// are removed; what a killed daemon leaves is adopted by an attach with the same ID, or removed by detach.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "extract/capture_writer.h"
#include "kernel/evictor.h"
#include "kernel/ring_reader.h"
#include "kernel/sensor_object.h"
#include "live/interface.h"
#include "live/journal.h"

namespace flowxdp {

enum class AttachMode { kAuto, kNative, kGeneric };

struct LiveSensorOptions {
    std::string interface;
    AttachMode mode = AttachMode::kAuto;
    SensorObjectOptions object;
    std::uint64_t layout_id = 0; // of the bundle
    bool fix_offloads = false;   // turn rx-vlan offload off while attached
    // Extraction: the file its frames go to; empty = none. With object.flow's FLOW_CONFIG_FRAMES.
    std::string capture;
    std::uint64_t outputs = 0; // hash of the names of everything written: what a journal's positions are of
};

inline constexpr const char* kPinRoot = "/sys/fs/bpf/flowxdp";

class LiveSensor {
  public:
    // Checks the interface, then adopts or loads, pins and attaches. Throws StartupError with the cure.
    explicit LiveSensor(const LiveSensorOptions& options);
    // Leaves pins and link alone: only stop() removes them.
    ~LiveSensor();
    LiveSensor(const LiveSensor&) = delete;
    LiveSensor& operator=(const LiveSensor&) = delete;

    [[nodiscard]] const std::string& interface() const { return options_.interface; }
    [[nodiscard]] const std::string& mode() const { return mode_; } // "native", "generic"
    [[nodiscard]] bool adopted() const { return adopted_; }
    [[nodiscard]] std::uint32_t program_id() const;
    SensorObject& object() { return *object_; }
    RingReader& ring() { return *ring_; }
    Evictor& evictor() { return *evictor_; }
    Journal& journal() { return *journal_; }
    // Where its frames go; null without extraction.
    CaptureWriter* capture() { return capture_.get(); }
    // What a killed predecessor vouched for, when it wrote the same outputs; all zero otherwise.
    [[nodiscard]] journal_slot resume() const;

    // Detaches the program; packets are no longer counted when this returns.
    void detach();
    // Removes every pin. After detach().
    void remove_pins();

  private:
    void check_interface();
    void load_and_attach(const std::string& folder);
    void adopt(const std::string& folder);
    void open_capture();

    LiveSensorOptions options_;
    InterfaceInfo info_;
    std::string folder_, mode_;
    bool adopted_ = false, offload_changed_ = false;
    std::unique_ptr<SensorObject> object_;
    std::unique_ptr<RingReader> ring_;
    std::unique_ptr<Evictor> evictor_;
    std::unique_ptr<Journal> journal_;
    std::unique_ptr<CaptureWriter> capture_;
    UniqueFd link_;
};

// A sensor's pins found in the file system.
struct PinnedSensor {
    std::string interface;
    std::string folder;
};
std::vector<PinnedSensor> find_pinned_sensors();
// Removes link, program and maps of a sensor that no daemon serves; unlinking the link detaches the program.
Result<void> remove_pinned_sensor(const PinnedSensor& sensor);

// Wall clock less boot clock, ns: added to the kernel's times. Sampled anew for each round, so that neither an NTP step
// nor a suspend breaks a duration.
std::int64_t wall_offset_ns();
std::int64_t boot_clock_ns();

} // namespace flowxdp
