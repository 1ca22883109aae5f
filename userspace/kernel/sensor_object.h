// SPDX-License-Identifier: BSD-2-Clause
// sensor_object.h - the BPF object of a bundle: configures and loads it, gives access to its maps.
//
// Life: open -> configure -> load -> use -> close. Nothing is attached here: the replay engine runs the program by
// test-run, the live daemon attaches it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <bpf/libbpf.h>

#include "core/result.h"
#include "core/unique_fd.h"
#include "engine.h"
#include "flowxdp/counters.h"
#include "flowxdp/evict.h"
#include "flowxdp/flow_config.h"
#include "flowxdp/header.h"
#include "flowxdp/journal.h"
#include "flowxdp/program_role.h"
#include "flowxdp/record_slots.h"
#include "flowxdp/totals.h"
#include "kernel/filter_program.h"
#include "kernel/pin.h"
#include "kernel/record_check.h"

namespace flowxdp {

struct BpfObjectDeleter {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
};

// Names of the maps in maps.bpf.h that user space works with; pinned for a live sensor.
inline constexpr const char* kSensorMaps[] = {"flows",         "records",    "free_slots", "front",   "fragments",
                                              "ring",          "counts",     "sensor",     "journal", "filter_text",
                                              "evict_request", "evict_keys", "evict_out"};

// The required shape of the map of a name; the sizes of flow records, table, ring and filter text differ by sensor.
MapShape sensor_map(std::string_view name);

#if defined(__x86_64__)
inline constexpr bool kOrderedStores = true; // Intel SDM 3A 9.2.2, AMD APM 2 7.2
#else
inline constexpr bool kOrderedStores = false;
#endif

struct SensorObjectOptions {
    std::string path;            // flowxdp.bpf.o
    std::uint64_t layout_id = 0; // of the bundle's library; an object with another one is refused
    flow_config flow{};
    std::vector<std::uint8_t> plugin_options; // of the bundle's size
    std::vector<std::string> plugins;         // the enabled ones' names, for messages
    std::uint32_t max_flows = 1u << 18;
    std::uint32_t ring_bytes = 1u << 24; // power of two, at least a page
    int shared_sensor_fd = -1;           // 'sensor' map of another object: one flowInd counter for several interfaces
    bool use_metadata = false;           // test-run: frame_meta precedes each frame
    FrameFilter filter;                  // frames that do not match are counted as filtered; empty: none
    FrameFilter extract_filter;          // of -e matching; empty: none
    std::uint32_t snap_len = 0;          // live: bytes of a frame that count as captured; 0 = all
    std::uint32_t frame_max = 0;         // live, extraction: bytes of a frame that a record carries; 0 = all
    std::uint32_t longest_frame = 0;     // live: by the interfaces' MTU, link header included; 0 = not known
    std::uint16_t start_kind = HEADER_KIND_ETHERNET; // live: enum header_kind of a frame's first byte
    std::uint8_t link_header = HEADER_NONE;          // live: enum header_id of the link itself
    bool egress = false;                             // live: load the program for leaving frames, too
    // Stores of this processor are seen in their order: a record's lock is released by a store, else by an exchange.
    bool ordered_stores = kOrderedStores;
    std::uint32_t flood_from = FLOOD_FROM; // load_config::flood_from; 0 = always
    // Replaces bpf_object__load(), with its result; may throw. Empty: bpf_object__load().
    std::function<int(bpf_object*)> load;
};

// Sent frames cannot be observed here; received ones may be.
class EgressUnavailable : public StartupError {
  public:
    using StartupError::StartupError;
};

class SensorObject {
  public:
    // Throws StartupError: file, operation, reason, and the verifier's last lines when it refused the program; exit
    // code 77 when a privilege is missing.
    explicit SensorObject(const SensorObjectOptions& options);
    // Takes over what another process pinned in a folder (pin()). The caller has checked, by the folder's name, that
    // layout and configuration are the same. options.flow must be the pinned program's. Throws StartupError.
    static std::unique_ptr<SensorObject> adopt(const std::string& folder, const SensorObjectOptions& options);
    // Pins program and maps in an existing bpffs folder. Error names the pin.
    Result<void> pin(const std::string& folder) const;
    ~SensorObject();
    SensorObject(const SensorObject&) = delete;
    SensorObject& operator=(const SensorObject&) = delete;

    [[nodiscard]] int ingress_fd() const;
    [[nodiscard]] int evict_fd() const;
    [[nodiscard]] int egress_fd() const; // only with options.egress
    // Descriptor of a map by its name in maps.bpf.h.
    [[nodiscard]] int map_fd(const char* name) const;
    [[nodiscard]] const flow_config& flow() const { return options_.flow; }
    [[nodiscard]] std::uint32_t max_flows() const { return options_.max_flows; }
    [[nodiscard]] std::uint32_t ring_bytes() const { return options_.ring_bytes; }
    // Test-run takes its times from a capture.
    [[nodiscard]] RecordBounds bounds() const
    {
        return {options_.flow.record_size, options_.flow.packet_record_size, options_.use_metadata};
    }

    // The filter expression that the program was loaded with, by this or another process; empty: none.
    [[nodiscard]] std::string filter_expression() const;

    // Sums of cpu_counts.h over all CPUs and programs.
    void read_counts(engine_counts* out) const;

    // Verified instructions and stack of a program, from the verifier's statistics ("flowxdp_ingress").
    [[nodiscard]] const std::string& verifier_log(const char* program) const;

  private:
    SensorObject() = default;
    [[nodiscard]] std::vector<const char*> programs() const;
    [[nodiscard]] int program_fd(const char* name) const;

    SensorObjectOptions options_;
    std::map<std::string, std::string> logs_;              // by program
    std::unique_ptr<bpf_object, BpfObjectDeleter> object_; // null when adopted
    std::map<std::string, UniqueFd> adopted_;              // program and map pins, by name
};

// The filter expression of a sensor pinned in a folder; empty: none, or a sensor of a version without filters.
std::string read_filter_text(const std::string& folder);
// Sums of a 'counts' map over all CPUs; each CPU's set is copied while it counts on. Throws StartupError when the map
// has another layout.
void read_sensor_counts(int map_fd, engine_counts* out);

// Whether this process may load BPF programs: tries with a two-instruction program.
bool may_load_bpf();

} // namespace flowxdp
