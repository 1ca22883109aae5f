// SPDX-License-Identifier: BSD-2-Clause
// live_traffic: sends a known number of frames out of an interface of the namespace it is started in, from inside the
// kernel and at a steady rate (send.bpf.c). For live_bench.py.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <net/if.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "bundle_loader.h"
#include "flows/flow_order.h"
#include "flows/tcp_segment.h"
#include "flows/visits.h"
#include "kernel/sensor_object.h"

namespace {

using namespace flowxdp;
using namespace flowxdp::bench;

// The constants of send.bpf.c.
struct SendConstants {
    std::uint32_t interface = 0, gap_ns = 0, fresh = 0;
};

std::uint32_t number(const char* what, std::string_view text, std::uint32_t low)
{
    std::uint32_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc() || end != text.data() + text.size() || n < low)
        throw std::runtime_error(fmt::format("{} is a number from {}, not '{}'", what, low, text));
    return n;
}

void send(const std::string& interface, const std::string& order, std::uint32_t flows, std::uint32_t packets,
          std::uint32_t rate, std::uint32_t batch)
{
    const std::string path = library_folder("") + "/../bench/send.bpf.o";
    const std::unique_ptr<bpf_object, BpfObjectDeleter> object(bpf_object__open_file(path.c_str(), nullptr));
    if (!object)
        throw std::runtime_error(fmt::format("cannot open '{}': {}", path, std::strerror(errno)));
    SendConstants constants;
    constants.interface = if_nametoindex(interface.c_str());
    if (!constants.interface)
        throw std::runtime_error(fmt::format("there is no interface '{}' here", interface));
    constants.gap_ns = rate ? 1'000'000'000u / rate : 0;
    constants.fresh = order == "new";
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object.get())
    {
        if (std::string_view(bpf_map__name(map)).ends_with(".rodata"))
            bpf_map__set_initial_value(map, &constants, sizeof constants);
    }
    if (bpf_object__load(object.get()))
        throw std::runtime_error(fmt::format("cannot load '{}': {}", path, std::strerror(errno)));
    Visits visits(object.get());
    if (order == "uniform")
        visits.set_order([&](std::span<std::uint32_t> to) { order_uniform(flows, to); });
    else if (order == "zipf")
        visits.set_order([&](std::span<std::uint32_t> to) { order_zipf(flows, to); });
    else if (order != "new")
        throw std::runtime_error(fmt::format("there is no order '{}'", order));

    std::array<std::uint8_t, 60> frame = tcp_segment(0);
    xdp_md context{};
    context.data_end = frame.size();
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = frame.data();
    options.data_size_in = frame.size();
    options.ctx_in = &context;
    options.ctx_size_in = sizeof context;
    options.repeat = static_cast<int>(packets);
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.batch_size = batch; // the receiver wakes once for so many, as a network card would have it
    const bpf_program* program = bpf_object__find_program_by_name(object.get(), "send");
    if (bpf_prog_test_run_opts(bpf_program__fd(program), &options))
        throw std::runtime_error(fmt::format("cannot send: {}", std::strerror(errno)));
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 7) {
        fmt::print(stderr, "usage: live_traffic INTERFACE uniform|zipf|new FLOWS PACKETS RATE BATCH\n"
                           "RATE: packets a second, 0 for as many as there can be. new: every packet is a new flow.\n"
                           "BATCH: packets for which the receiver wakes once.\n");
        return 2;
    }
    try {
        libbpf_set_print(nullptr); // what fails is said once, by us
        send(argv[1], argv[2], number("FLOWS", argv[3], 1), number("PACKETS", argv[4], 1), number("RATE", argv[5], 0),
             number("BATCH", argv[6], 1));
    } catch (const std::exception& e) {
        fmt::print(stderr, "live_traffic: {}\n", e.what());
        return 1;
    }
    return 0;
}
