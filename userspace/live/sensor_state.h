// SPDX-License-Identifier: BSD-2-Clause
// sensor_state.h - what a daemon says of itself and its sinks, in a map pinned beside the sensor's. status reads it
// without asking the daemon, also after the daemon was killed.
//
// Two slots and a generation, as in the journal: a reader always finds one whole.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/unique_fd.h"
#include "sink/resume_points.h"

namespace flowxdp {

inline constexpr std::uint32_t kSensorStateVersion = 8; // raised with every change below
inline constexpr unsigned kStateSinks = 16;
inline constexpr unsigned kStateFiles = 24;

// One sink; counts as in sink.h.
struct SinkStateRecord {
    char label[128];
    std::uint64_t rows, sent, retried, dropped, dropped_queue_full, skipped, errors;
    std::uint64_t queued_bytes, queue_limit_bytes;
    char last_error[256];
};

// A file that rows go to (ResumableFile); its words stand in the journal.
struct OutputFileRecord {
    std::uint64_t output; // 0: none
    PlaceWords words;
    std::uint8_t pieces;
    char path[1012];
};

// Texts end with a zero byte and are cut when they are too long.
struct SensorStateRecord {
    std::uint32_t version; // kSensorStateVersion
    std::uint32_t pid;
    std::uint32_t interface_index;
    std::uint32_t sinks_in_all;      // more than kStateSinks: the rest is not in the list
    std::uint64_t network_namespace; // inode of /proc/self/ns/net: interface_index means something there only
    std::uint64_t layout_id;         // of the bundle
    std::int64_t attached_ns;        // wall clock
    std::int64_t daemon_started_ns;  // wall clock; later than attached_ns when it took over
    std::int64_t updated_boot_ns;    // boot clock, when this record was written
    std::int64_t round_boot_ns;      // boot clock, when the daemon's last round ended
    std::uint32_t idle_timeout_ms;
    std::uint32_t packet_mode;
    std::uint32_t uid;         // user that the daemon runs as
    std::uint32_t snap_len;    // -S; 0 = whole frames
    std::uint32_t link_type;   // LINKTYPE_* of its interfaces
    std::uint32_t record_size; // bytes of a record without the padding of its slot
    std::uint32_t key_beside;  // enum flow_key_beside
    std::uint32_t extracted;   // enum ExtractedPackets, of capture
    std::uint64_t active_timeout_ms;
    char interface[16];
    char mode[16];             // native, generic
    char program[32];          // version of flowxdp
    char bundle[1024];         // absolute path of the folder with the bundle; empty = its path is longer
    char plugins[512];         // names, comma-separated
    char plugin_options[2048]; // name:key=value,... one a line, as given
    char tunnels[512];         // tunnels that it looks into, as tunnel_text() says it
    char output[1024];         // absolute prefix of -w; empty = none
    char capture[1024];        // absolute path of -e; empty = none
    SinkStateRecord sinks[kStateSinks];
    OutputFileRecord files[kStateFiles];
};

struct SensorStatePage; // the map's value: generation and slots

class SensorState {
  public:
    // Opens the map pinned in a folder, or makes and pins it. Throws StartupError.
    explicit SensorState(const std::string& folder);
    ~SensorState();
    SensorState(const SensorState&) = delete;
    SensorState& operator=(const SensorState&) = delete;

    [[nodiscard]] const SensorStateRecord& last() const; // all zero before the first publish()
    // One writer at a time.
    void publish(const SensorStateRecord& record);

  private:
    UniqueFd map_;
    SensorStatePage* page_ = nullptr;
    std::size_t bytes_ = 0;
};

// The name of the map in a sensor's folder.
inline constexpr const char* kStatePin = "state";
// The state in a folder; nothing when there is none or another version wrote it.
std::optional<SensorStateRecord> read_sensor_state(const std::string& folder);

// Makes a record safe that another process may have written: texts end within their fields, those that are only shown
// become printable, times lie between 1970 and 2116. read_sensor_state() does so.
void make_readable(SensorStateRecord* record);

// Copies a text into a field of a record. False when it was cut. The cut is between two UTF-8 characters: half of one
// is no text, and a reader might complete it with the next character.
template <std::size_t kSize>
bool set_text(char (&field)[kSize], const std::string& text)
{
    std::size_t n = std::min(text.size(), kSize - 1);
    while (n && n < text.size() && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80)
        n--;
    text.copy(field, n);
    for (std::size_t i = n; i < kSize; i++)
        field[i] = 0;
    return n == text.size();
}

// Enters the files of a run. Returns the paths of those that do not fit.
std::vector<std::string> set_files(const std::vector<ResumableFile>& files, SensorStateRecord* record);
std::vector<ResumableFile> files_of(const SensorStateRecord& record);

// Inode of this process's network namespace; 0 when /proc does not say.
std::uint64_t own_network_namespace();
// A file for entering a network namespace: a name of `ip netns`, or a process's; empty when no process is in it.
std::string network_namespace_file(std::uint64_t inode);

} // namespace flowxdp
