// SPDX-License-Identifier: BSD-2-Clause
// sensor_bench.h - the shipped BPF object on a bench: loaded with plugins as the command line takes them, fed frame by
// frame through test-run with a clock of the test's own, everything that comes out collected.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bundle_loader.h"
#include "kernel/evictor.h"
#include "kernel/ring_reader.h"
#include "kernel/sensor_object.h"
#include "plugin/plugin_host.h"

namespace flowxdp::test {

inline constexpr std::int64_t kSecond = 1'000'000'000;

struct BenchSetup {
    std::vector<std::string> plugins = {}; // NAME[:key=value,...]; nothing else is enabled
    std::string library = {};              // folder of bundle and plugins; empty = the build's own
    bool default_plugins = false;          // those of a plain run, and `plugins` on top
    bool packet_mode = false;
    bool extraction = false; // frames leave too, one packet at a time
    bool egress = false;     // the program for leaving frames, too
    bool full_needs = false; // the table of wanted packets has an entry of each kind in every place
    std::uint32_t max_flows = 4096;
    std::uint32_t ring_bytes = 1u << 20;
    std::uint32_t idle_timeout_ms = 182'000;
    std::int64_t active_timeout_ns = 0;
    bool use_metadata = true;
    FrameFilter filter = {};
    std::uint32_t snap_len = 0;
    std::uint32_t frame_max = 0;               // SensorObjectOptions::frame_max
    std::uint32_t longest_frame = 0;           // SensorObjectOptions::longest_frame
    bool ordered_stores = kOrderedStores;      // SensorObjectOptions::ordered_stores
    std::uint32_t flood_from = FLOOD_FROM;     // SensorObjectOptions::flood_from
    std::function<int(bpf_object*)> load = {}; // SensorObjectOptions::load
};

// An ended record that outlives its ring memory or eviction slot.
class Ended {
  public:
    explicit Ended(const ended_record& record)
        : bytes_(reinterpret_cast<const std::uint64_t*>(&record),
                 reinterpret_cast<const std::uint64_t*>(&record) + record.header.size / 8)
    {
    }
    const ended_record* operator->() const { return reinterpret_cast<const ended_record*>(bytes_.data()); }
    [[nodiscard]] const flow_record& record() const { return (*this)->record; }
    [[nodiscard]] std::uint64_t packets() const { return record().dir[0].packets + record().dir[1].packets; }

  private:
    std::vector<std::uint64_t> bytes_;
};

// Where bundle and plugins of the build under test are.
std::string library_folder();
// The same for the bundle of tests/needs: all plugins, and first_payload.
std::string needs_folder();

// "processed 160123 insns" of a verifier log; 0 when it does not say.
std::uint64_t verified_instructions(const std::string& log);
// "stack depth 0+128+64" of a verifier log: the text behind "stack depth ".
std::string stack_depth(const std::string& log);

// Runs one frame with its metadata on the calling thread's CPU. Returns the program's answer, -1 when test-run refused.
int run_frame(int program_fd, const std::uint8_t* frame, std::uint32_t bytes, const frame_meta& meta);
// The same with a buffer that leaves (at most a page) by a clsact program; context: what test-run lets one set. Nothing
// when test-run refused.
std::optional<int> run_buffer(int program_fd, std::span<const std::uint8_t> buffer, __sk_buff context);

class SensorBench {
  public:
    // Throws StartupError when the kernel refuses the object.
    explicit SensorBench(const BenchSetup& setup);

    // Runs a frame at ts_ns, the packet clock being the same; expects XDP_PASS.
    void run(const std::vector<std::uint8_t>& frame, std::int64_t ts_ns);
    // The same, said to have wire_len bytes of which cap_len were captured, whatever the kernel has of it.
    void run(const std::vector<std::uint8_t>& frame, std::int64_t ts_ns, std::uint32_t wire_len, std::uint32_t cap_len);
    // Ended records the ring holds, oldest first; frees them.
    std::vector<Ended> drain();
    std::vector<Ended> evict(evict_mode mode, std::int64_t clock_ns);
    // Records in the table, vacant ones included. Changes nothing.
    std::uint64_t table_size();
    // Slots of records that nobody has taken, by the index of free slots. Expects the levels above to lead to each of
    // them.
    std::uint64_t free_slots();
    // Slots in use and the keys of their records.
    std::map<std::uint32_t, flow_key> used_slots();
    std::uint64_t counter(enum counter which);
    [[nodiscard]] const flow_config& flow() const { return flow_; }

    std::unique_ptr<SensorObject> sensor;
    std::unique_ptr<RingReader> ring;
    std::unique_ptr<Evictor> evictor;
    std::uint64_t seen = 0;        // records in the table when evict() scanned it
    std::uint64_t packet_rows = 0; // packet records that drain() met
    std::uint64_t wanted = 0;      // those of them that a plugin wanted
    std::uint64_t sent = 0;        // by run()
    const void* slot(const Ended& ended, const char* half) const;

  private:
    Bundle bundle_;
    std::vector<PluginLibrary> libraries_;
    std::unique_ptr<PluginHost> host_;
    flow_config flow_{};
};

// GoogleTest base: skips where BPF programs may not be loaded.
class BpfTest : public ::testing::Test {
  protected:
    void SetUp() override
    {
        if (!may_load_bpf())
            GTEST_SKIP() << "SKIP: no right to load BPF programs (CAP_BPF and CAP_NET_ADMIN, or root)";
    }
};

} // namespace flowxdp::test
