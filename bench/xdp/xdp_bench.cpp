// SPDX-License-Identifier: BSD-2-Clause
// xdp_bench: what a packet costs in the shipped XDP program, above an empty program called the same way. By test-run,
// so nothing is attached. README.md says how to read it.
#include <getopt.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/result.h"
#include "flows/flow_order.h"
#include "loaded_sensor.h"
#include "peer_object.h"
#include "random.h"
#include "rotation.h"

namespace {

using namespace flowxdp;
using namespace flowxdp::bench;

constexpr const char* kOrders[] = {"in-turn", "uniform", "zipf", "churned", "new"};

struct Options {
    int rounds = 7;
    std::uint32_t packets = 300'000;
    std::uint32_t max_flows = 1u << 18;
    std::vector<std::uint32_t> flows = {1, 1'000, 16'384, 65'536, 262'144};
    std::vector<std::string> orders = {std::begin(kOrders), std::end(kOrders)};
    std::vector<std::string> plugins = {"default", "flow_export"};
    std::vector<std::string> peers; // OBJECT:PROGRAM
    std::uint8_t payload = 0;
    bool csv = false;
};

[[noreturn]] void usage(const std::string& mistake = "")
{
    if (!mistake.empty())
        fmt::print(stderr, "xdp_bench: {}\n", mistake);
    fmt::print(mistake.empty() ? stdout : stderr,
               "usage: xdp_bench [OPTION...]\n"
               "  --rounds N        rounds, in each of which every variant runs once [7]\n"
               "  --packets N       packets of a variant in a round [300000]\n"
               "  --flows N,...     numbers of flows [1,1000,16384,65536,262144]\n"
               "  --order NAME,...  orders of packets [all]:\n"
               "                      in-turn  each flow in turn, in the order in which they began\n"
               "                      uniform  random, every flow as likely\n"
               "                      zipf     random, the flow of rank k 1/k times as often as the first\n"
               "                      churned  as uniform, after the table was filled and evicted in random order\n"
               "                      new      every packet a new flow, the table never full\n"
               "  --plugins A,B...  a variant: these plugins, `default` stands for the default ones; may be given\n"
               "                    several times [default, then flow_export]\n"
               "  --peer OBJECT:PROGRAM  a variant: the XDP or TC program of another flow meter's BPF object; may be\n"
               "                    given several times\n"
               "  --max-flows N     places in the table [262144]\n"
               "  --payload N       bytes of payload in each frame, at most 6 [0]\n"
               "  --csv             comma-separated values instead of a table\n");
    std::exit(mistake.empty() ? 0 : 2);
}

std::uint32_t number(const std::string& option, const std::string& text, std::uint32_t low, std::uint32_t high)
{
    std::uint32_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc() || end != text.data() + text.size() || n < low || n > high)
        usage(fmt::format("--{} takes {} to {}, not '{}'", option, low, high, text));
    return n;
}

std::vector<std::string> words(const std::string& text)
{
    std::vector<std::string> out;
    std::istringstream stream(text);
    for (std::string word; std::getline(stream, word, ',');)
        out.push_back(word);
    return out;
}

Options parse(int argc, char** argv)
{
    enum : int { kRounds = 1, kPackets, kFlows, kOrder, kPlugins, kPeer, kMaxFlows, kPayload, kCsv, kHelp };
    static constexpr std::array<option, 11> kTable = {{{"rounds", required_argument, nullptr, kRounds},
                                                       {"packets", required_argument, nullptr, kPackets},
                                                       {"flows", required_argument, nullptr, kFlows},
                                                       {"order", required_argument, nullptr, kOrder},
                                                       {"plugins", required_argument, nullptr, kPlugins},
                                                       {"peer", required_argument, nullptr, kPeer},
                                                       {"max-flows", required_argument, nullptr, kMaxFlows},
                                                       {"payload", required_argument, nullptr, kPayload},
                                                       {"csv", no_argument, nullptr, kCsv},
                                                       {"help", no_argument, nullptr, kHelp},
                                                       {nullptr, 0, nullptr, 0}}};
    Options o;
    std::vector<std::string> plugins;
    for (int c = 0; (c = getopt_long(argc, argv, "", kTable.data(), nullptr)) != -1;) {
        switch (c) {
        case kRounds:
            o.rounds = static_cast<int>(number("rounds", optarg, 1, 1000));
            break;
        case kPackets:
            o.packets = number("packets", optarg, 1, 10'000'000);
            break;
        case kFlows:
            o.flows.clear();
            for (const std::string& word : words(optarg))
                o.flows.push_back(number("flows", word, 1, 1u << 24));
            break;
        case kOrder:
            o.orders = words(optarg);
            for (const std::string& order : o.orders)
                if (std::ranges::find(kOrders, order) == std::end(kOrders))
                    usage(fmt::format("there is no order '{}'", order));
            break;
        case kPlugins:
            plugins.emplace_back(optarg);
            break;
        case kPeer:
            o.peers.emplace_back(optarg);
            break;
        case kMaxFlows:
            o.max_flows = number("max-flows", optarg, 1, 1u << 24);
            break;
        case kPayload:
            o.payload = static_cast<std::uint8_t>(number("payload", optarg, 0, 6));
            break;
        case kCsv:
            o.csv = true;
            break;
        case kHelp:
            usage();
        default:
            usage("'xdp_bench --help' says what it takes"); // getopt_long has named the mistake
        }
    }
    if (optind < argc)
        usage(fmt::format("'{}' is no option", argv[optind]));
    if (!plugins.empty())
        o.plugins = plugins;
    for (const std::uint32_t flows : o.flows)
        if (flows > o.max_flows)
            usage(fmt::format("{} flows have no place among --max-flows {}", flows, o.max_flows));
    return o;
}

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    return values[values.size() / 2];
}

class Table {
  public:
    explicit Table(bool csv) : csv_(csv)
    {
        if (csv_)
            fmt::print("order,flows,variant,empty_min,empty_max,min,above_min,above_median,memory_bytes\n");
        else
            fmt::print("{:<10}{:>8}  {:<24}{:>8}{:>8}{:>9}{:>9}{:>9}{:>8}\n", "order", "flows", "variant, ns a packet",
                       "empty", "noise", "least", "above", "median", "MiB");
        std::fflush(stdout);
    }
    // One time for each round. Noise: how much the empty program's times differ.
    void add(const std::string& order, std::uint32_t flows, const std::string& variant,
             const std::vector<double>& empty, const std::vector<double>& full, std::uint64_t memory_bytes)
    {
        const auto [low, high] = std::ranges::minmax(empty);
        const double least = std::ranges::min(full);
        std::vector<double> above;
        for (std::size_t i = 0; i < full.size(); i++)
            above.push_back(full[i] - empty[i]);
        if (csv_)
            fmt::print("{},{},\"{}\",{},{},{},{},{},{}\n", order, flows, variant, low, high, least, least - low,
                       median(above), memory_bytes);
        else
            fmt::print("{:<10}{:>8}  {:<24}{:>8.0f}{:>8.0f}{:>9.0f}{:>9.0f}{:>9.0f}{:>8}\n", order, flows, variant, low,
                       high - low, least, least - low, median(above), memory_bytes >> 20);
        std::fflush(stdout);
    }

  private:
    bool csv_;
};

struct Variant {
    std::string name;
    std::unique_ptr<FlowMeter> meter;
    Rotation* rotation = nullptr; // which calls it
    std::vector<double> times = {};
};

// A way of calling programs, and how long it calls the empty one.
struct Caller {
    std::unique_ptr<Rotation> rotation;
    std::vector<double> times = {};
};

class Bench {
  public:
    explicit Bench(const Options& options) : options_(options), table_(options.csv) {}

    void run()
    {
        for (const std::uint32_t flows : options_.flows) {
            load();
            begin_flows(flows);
            if (wants("in-turn"))
                known("in-turn", flows, order_in_turn);
            if (wants("uniform") && flows > 1)
                known("uniform", flows, order_uniform);
            if (wants("zipf") && flows > 1)
                known("zipf", flows, order_zipf);
            check_flows(flows);
            if (wants("churned") && flows > 1) {
                load();
                churn();
                begin_flows(flows);
                known("churned", flows, order_uniform);
                check_flows(flows);
            }
        }
        if (wants("new")) {
            load();
            new_flows();
        }
    }

  private:
    [[nodiscard]] bool wants(const std::string& order) const
    {
        return std::ranges::find(options_.orders, order) != options_.orders.end();
    }

    // New tables for all variants: what lies where in them differs from one load to the next, so all orders of a number
    // of flows are measured in one.
    void load()
    {
        variants_.clear();
        for (const std::string& plugins : options_.plugins)
            add(plugins, std::make_unique<LoadedSensor>(plugins, options_.max_flows));
        for (const std::string& peer : options_.peers)
            add(peer.substr(peer.rfind(':') + 1), std::make_unique<PeerObject>(peer, options_.max_flows));
    }

    void add(const std::string& name, std::unique_ptr<FlowMeter> meter)
    {
        Rotation* rotation = caller(meter->kind()).rotation.get();
        variants_.push_back({name, std::move(meter), rotation});
    }

    Caller& caller(const ProgramKind& kind)
    {
        for (Caller& c : callers_)
            if (c.rotation->kind() == kind)
                return c;
        callers_.push_back({std::make_unique<Rotation>(kind, options_.payload)});
        return callers_.back();
    }

    // Every flow is known afterwards.
    void begin_flows(std::uint32_t flows)
    {
        for (const Variant& v : variants_)
            v.rotation->run_new(v.meter->program(), 0, flows);
    }

    void check_flows(std::uint32_t flows) const
    {
        for (const Variant& v : variants_)
            check(v, flows);
    }
    // A table that took fewer flows would have measured something else.
    static void check(const Variant& v, std::uint32_t flows)
    {
        if (const std::uint64_t counted = v.meter->flows(); counted != flows)
            throw std::runtime_error(fmt::format("{}: {} flows were meant, {} are there", v.name, flows, counted));
    }

    // As after long running: memory is given out in no order.
    void churn()
    {
        constexpr std::uint32_t kTimes = 3;
        for (const Variant& v : variants_) {
            Random random(5);
            for (std::uint32_t i = 0; i < kTimes; i++) {
                v.rotation->run_new(v.meter->program(), i * options_.max_flows, options_.max_flows);
                v.meter->evict_all(&random);
            }
        }
    }

    void known(const std::string& name, std::uint32_t flows, void (*order)(std::uint32_t, std::span<std::uint32_t>))
    {
        for (const Caller& c : callers_)
            c.rotation->set_order([&](std::span<std::uint32_t> to) { order(flows, to); });
        for (const Variant& v : variants_)
            v.rotation->run_known(v.meter->program(), std::max(options_.packets, flows));
        measure(
            name, flows, [&](Rotation& rotation, int program) { return rotation.run_known(program, options_.packets); },
            [](const Variant&) {});
    }

    void new_flows()
    {
        // At 7/8 the daemon would begin to evict.
        const std::uint32_t packets = std::min(options_.packets, options_.max_flows / 8 * 7);
        measure(
            "new", packets, [&](Rotation& rotation, int program) { return rotation.run_new(program, 0, packets); },
            [&](const Variant& v) {
                check(v, packets);
                v.meter->evict_all(nullptr);
            });
    }

    // run: nanoseconds a packet of a program. after: what a variant needs once it ran.
    template <typename Run, typename After>
    void measure(const std::string& order, std::uint32_t flows, Run run, After after)
    {
        for (Variant& v : variants_)
            v.times.clear();
        for (Caller& c : callers_)
            c.times.clear();
        for (int round = 0; round < options_.rounds; round++) {
            for (Caller& c : callers_)
                c.times.push_back(run(*c.rotation, c.rotation->empty()));
            // Another one first each time.
            for (std::size_t i = 0; i < variants_.size(); i++) {
                Variant& v = variants_[(i + static_cast<std::size_t>(round)) % variants_.size()];
                v.times.push_back(run(*v.rotation, v.meter->program()));
                after(v);
            }
        }
        for (const Variant& v : variants_)
            table_.add(order, flows, v.name, caller(v.meter->kind()).times, v.times, v.meter->memory_bytes());
    }

    const Options& options_;
    Table table_;
    std::deque<Caller> callers_;
    std::vector<Variant> variants_;
};

// Caches and records that belong to a CPU stay the same.
void stay_on_this_cpu()
{
    cpu_set_t cpu;
    CPU_ZERO(&cpu);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &cpu);
    sched_setaffinity(0, sizeof cpu, &cpu);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const Options options = parse(argc, argv);
        stay_on_this_cpu();
        libbpf_set_print(nullptr); // what fails is said once, by us
        Bench(options).run();
    } catch (const StartupError& e) { // 77: a privilege is missing
        fmt::print(stderr, "xdp_bench: {}\n", e.what());
        return static_cast<int>(e.code());
    } catch (const std::exception& e) {
        fmt::print(stderr, "xdp_bench: {}\n", e.what());
        return 1;
    }
    return 0;
}
