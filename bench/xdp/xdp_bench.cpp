// SPDX-License-Identifier: BSD-2-Clause
// xdp_bench: what a packet of a known flow costs in the shipped XDP program, above an empty program called the same
// way. By test-run, so nothing is attached. README.md says how to read it.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bundle_loader.h"
#include "core/result.h"
#include "kernel/sensor_object.h"
#include "plugin/plugin_host.h"

namespace {

using namespace flowxdp;

// A TCP segment of 60 bytes, the shortest frame on a wire, with up to 6 bytes of payload. rotate.bpf.c sets the source
// address.
std::array<std::uint8_t, 60> make_frame(std::uint8_t payload)
{
    std::array<std::uint8_t, 60> frame = {
        2,    0,    0,    0,    0, 1, 2,    0, 0,  0, 0, 2, 0x08, 0x00,                              // Ethernet
        0x45, 0,    0,    40,   0, 1, 0x40, 0, 64, 6, 0, 0, 10,   0,    0,    0,    192, 168, 0, 1,  // IPv4
        0x9c, 0x40, 0x01, 0xbb, 0, 0, 0,    1, 0,  0, 0, 1, 0x50, 0x10, 0x72, 0x10, 0,   0,   0, 0}; // TCP 40000 > 443
    frame[17] = static_cast<std::uint8_t>(40 + payload);
    return frame;
}

// The sensor as `flowxdp attach` loads it.
class Sensor {
  public:
    Sensor(const std::vector<std::string>& plugins, bool with_default)
        : bundle_(load_bundle(library_folder(""))), libraries_(load_plugin_libraries(library_folder("") + "/plugins"))
    {
        PluginChoice choice;
        choice.replace_default = !with_default;
        for (const std::string& text : plugins)
            choice.add.push_back(parse_plugin_spec(text).take());
        SensorObjectOptions options;
        host_ = std::make_unique<PluginHost>(libraries_, choice, *bundle_.descriptor, false, PluginHost::Services{},
                                             &options.flow);
        options.path = bundle_.bpf_object;
        options.layout_id = bundle_.descriptor->layout_id;
        options.plugin_options.assign(host_->plugin_options().begin(), host_->plugin_options().end());
        options.flow.idle_timeout_ms = 182'000;
        options.flow.fragment_seed = 1;
        options.flow.tunnels = tunnel_config_default();
        object_ = std::make_unique<SensorObject>(options);
    }
    [[nodiscard]] int program() const { return object_->ingress_fd(); }
    [[nodiscard]] std::uint64_t flows() const
    {
        engine_counts counts{};
        object_->read_counts(&counts);
        return counts.counter[COUNTER_FLOWS_STARTED];
    }

  private:
    Bundle bundle_;
    std::vector<PluginLibrary> libraries_;
    std::unique_ptr<PluginHost> host_;
    std::unique_ptr<SensorObject> object_;
};

class Rotation {
  public:
    explicit Rotation(std::uint32_t flow_count)
        : object_(bpf_object__open_file((library_folder("") + "/../bench/rotate.bpf.o").c_str(), nullptr))
    {
        if (!object_)
            throw std::runtime_error("cannot open rotate.bpf.o");
        bpf_map* map = nullptr;
        bpf_object__for_each_map(map, object_.get())
        {
            if (std::string_view(bpf_map__name(map)).ends_with(".rodata"))
                bpf_map__set_initial_value(map, &flow_count, sizeof flow_count);
        }
        if (bpf_object__load(object_.get()))
            throw std::runtime_error(fmt::format("cannot load rotate.bpf.o: {}", std::strerror(errno)));
    }
    [[nodiscard]] int empty() const { return program("empty"); }
    // Nanoseconds a run, mean of so many runs, with this program called behind the turn.
    double run(int program_fd, std::uint32_t repeat, std::uint8_t payload)
    {
        const __u32 zero = 0;
        const auto fd = static_cast<__u32>(program_fd);
        if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(object_.get(), "measured"), &zero, &fd, BPF_ANY))
            throw std::runtime_error(fmt::format("the program cannot be called: {}", std::strerror(errno)));
        std::array<std::uint8_t, 60> frame = make_frame(payload);
        bpf_test_run_opts options{};
        options.sz = sizeof options;
        options.data_in = frame.data();
        options.data_size_in = frame.size();
        options.repeat = static_cast<int>(repeat);
        if (bpf_prog_test_run_opts(program("rotate"), &options))
            throw std::runtime_error(fmt::format("test-run failed: {}", std::strerror(errno)));
        if (options.retval != XDP_PASS)
            throw std::runtime_error(fmt::format("test-run answered {} instead of XDP_PASS", options.retval));
        return options.duration;
    }

  private:
    [[nodiscard]] int program(const char* name) const
    {
        return bpf_program__fd(bpf_object__find_program_by_name(object_.get(), name));
    }
    std::unique_ptr<bpf_object, BpfObjectDeleter> object_;
};

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    return values[values.size() / 2];
}

void measure(const std::string& label, const std::vector<std::string>& plugins, bool with_default,
             std::uint32_t flow_count, int rounds, std::uint8_t payload = 0)
{
    constexpr std::uint32_t kRepeat = 1'000'000;
    const Sensor sensor(plugins, with_default);
    Rotation rotation(flow_count);
    rotation.run(sensor.program(), 4 * flow_count, payload); // every flow is known afterwards
    std::vector<double> empty, full, above;
    for (int i = 0; i < rounds; i++) {
        empty.push_back(rotation.run(rotation.empty(), kRepeat, payload));
        full.push_back(rotation.run(sensor.program(), kRepeat, payload));
        above.push_back(full.back() - empty.back());
    }
    if (sensor.flows() != flow_count)
        throw std::runtime_error(fmt::format("{} flows were meant, {} started", flow_count, sensor.flows()));
    const double least_empty = std::ranges::min(empty), least_full = std::ranges::min(full);
    fmt::print("{:<20}{:>8}{:>10.0f}{:>10.0f}{:>10.0f}{:>10.0f}{:>8.1f}\n", label, flow_count, least_empty, least_full,
               least_full - least_empty, median(above), least_full / least_empty);
    std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
        if (rounds < 1) {
            fmt::print(stderr, "usage: xdp_bench [ROUNDS [PLUGIN...]]\n"
                               "with PLUGIN: frames with payload, without these plugins and with them\n");
            return 2;
        }
        fmt::print("{:<20}{:>8}{:>10}{:>10}{:>10}{:>10}{:>8}\n", "ns a packet", "flows", "empty", "sensor", "above",
                   "median", "x");
        for (const std::uint32_t flow_count : {1u, 1000u, 65536u}) {
            if (argc > 2) {
                const std::vector<std::string> plugins(argv + 2, argv + argc);
                measure("payload, default", {}, true, flow_count, rounds, 6);
                measure("and these plugins", plugins, true, flow_count, rounds, 6);
                continue;
            }
            measure("default plugins", {}, true, flow_count, rounds);
            measure("flow_export", {"flow_export"}, false, flow_count, rounds);
        }
    } catch (const std::exception& e) {
        fmt::print(stderr, "xdp_bench: {}\n", e.what());
        return 1;
    }
    return 0;
}
