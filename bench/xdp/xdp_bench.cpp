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
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "flow_order.h"
#include "loaded_sensor.h"
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
    enum : int { kRounds = 1, kPackets, kFlows, kOrder, kPlugins, kMaxFlows, kPayload, kCsv, kHelp };
    static constexpr std::array<option, 10> kTable = {{{"rounds", required_argument, nullptr, kRounds},
                                                       {"packets", required_argument, nullptr, kPackets},
                                                       {"flows", required_argument, nullptr, kFlows},
                                                       {"order", required_argument, nullptr, kOrder},
                                                       {"plugins", required_argument, nullptr, kPlugins},
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
            fmt::print("order,flows,variant,empty_min,empty_max,min,above_min,above_median\n");
        else
            fmt::print("{:<10}{:>8}  {:<24}{:>8}{:>8}{:>9}{:>9}{:>9}\n", "order", "flows", "variant, ns a packet",
                       "empty", "noise", "least", "above", "median");
        std::fflush(stdout);
    }
    // One time for each round. Noise: how much the empty program's times differ.
    void add(const std::string& order, std::uint32_t flows, const std::string& variant,
             const std::vector<double>& empty, const std::vector<double>& full)
    {
        const auto [low, high] = std::ranges::minmax(empty);
        const double least = std::ranges::min(full);
        std::vector<double> above;
        for (std::size_t i = 0; i < full.size(); i++)
            above.push_back(full[i] - empty[i]);
        if (csv_)
            fmt::print("{},{},\"{}\",{},{},{},{},{}\n", order, flows, variant, low, high, least, least - low,
                       median(above));
        else
            fmt::print("{:<10}{:>8}  {:<24}{:>8.0f}{:>8.0f}{:>9.0f}{:>9.0f}{:>9.0f}\n", order, flows, variant, low,
                       high - low, least, least - low, median(above));
        std::fflush(stdout);
    }

  private:
    bool csv_;
};

struct Variant {
    std::string name;
    std::unique_ptr<LoadedSensor> sensor;
    std::uint64_t started = 0; // flows before the measurement
    std::vector<double> times = {};
};

class Bench {
  public:
    explicit Bench(const Options& options) : options_(options), rotation_(options.payload), table_(options.csv) {}

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
            check_all(flows);
            if (wants("churned") && flows > 1) {
                load();
                churn();
                begin_flows(flows);
                known("churned", flows, order_uniform);
                check_all(flows);
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
            variants_.push_back({plugins, std::make_unique<LoadedSensor>(plugins, options_.max_flows)});
    }

    // Every flow is known afterwards.
    void begin_flows(std::uint32_t flows)
    {
        for (Variant& v : variants_) {
            v.started = v.sensor->flows_started();
            rotation_.run_new(v.sensor->program(), 0, flows);
        }
    }

    void check_all(std::uint32_t flows) const
    {
        for (const Variant& v : variants_)
            check(v, flows);
    }
    // A table that took fewer flows would have measured something else.
    static void check(const Variant& v, std::uint32_t flows)
    {
        if (const std::uint64_t started = v.sensor->flows_started() - v.started; started != flows)
            throw std::runtime_error(fmt::format("{}: {} flows were meant, {} started", v.name, flows, started));
    }

    // As after long running: memory is given out in no order.
    void churn()
    {
        constexpr std::uint32_t kTimes = 3;
        for (Variant& v : variants_) {
            Random random(5);
            for (std::uint32_t i = 0; i < kTimes; i++) {
                rotation_.run_new(v.sensor->program(), i * options_.max_flows, options_.max_flows);
                v.sensor->evict_all(&random);
            }
        }
    }

    void known(const std::string& name, std::uint32_t flows, void (*order)(std::uint32_t, std::span<std::uint32_t>))
    {
        rotation_.set_order([&](std::span<std::uint32_t> to) { order(flows, to); });
        for (Variant& v : variants_)
            rotation_.run_known(v.sensor->program(), std::max(options_.packets, flows));
        measure(name, flows, [&](Variant* v) {
            return rotation_.run_known(v ? v->sensor->program() : rotation_.empty(), options_.packets);
        });
    }

    void new_flows()
    {
        // At 7/8 the daemon would begin to evict.
        const std::uint32_t packets = std::min(options_.packets, options_.max_flows / 8 * 7);
        measure("new", packets, [&](Variant* v) {
            if (!v)
                return rotation_.run_new(rotation_.empty(), 0, packets);
            v->started = v->sensor->flows_started();
            const double time = rotation_.run_new(v->sensor->program(), 0, packets);
            check(*v, packets);
            v->sensor->evict_all();
            return time;
        });
    }

    // run: nanoseconds a packet of a variant, or of the empty program (null).
    template <typename Run>
    void measure(const std::string& order, std::uint32_t flows, Run run)
    {
        std::vector<double> empty;
        for (Variant& v : variants_)
            v.times.clear();
        for (int round = 0; round < options_.rounds; round++) {
            empty.push_back(run(nullptr));
            // Another one first each time.
            for (std::size_t i = 0; i < variants_.size(); i++) {
                Variant& v = variants_[(i + static_cast<std::size_t>(round)) % variants_.size()];
                v.times.push_back(run(&v));
            }
        }
        for (const Variant& v : variants_)
            table_.add(order, flows, v.name, empty, v.times);
    }

    const Options& options_;
    Rotation rotation_;
    Table table_;
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
    } catch (const std::exception& e) {
        fmt::print(stderr, "xdp_bench: {}\n", e.what());
        return 1;
    }
    return 0;
}
