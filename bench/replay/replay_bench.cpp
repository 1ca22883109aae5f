// SPDX-License-Identifier: BSD-2-Clause
// replay_bench: flowxdp replay beside a bare libpcap loop over the same file, in turns. README.md has the options.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <pcap/pcap.h>

#include "peers.h"
#include "traffic.h"

namespace {

namespace fs = std::filesystem;

// The yardstick: what reading alone costs. Its result goes to stdout, so that nothing is optimised away.
int libpcap_loop(const char* path)
{
    std::array<char, PCAP_ERRBUF_SIZE> error = {};
    pcap_t* handle = pcap_open_offline(path, error.data());
    if (!handle)
        throw std::runtime_error(error.data());
    struct Seen {
        std::uint64_t packets = 0, bytes = 0;
    } seen;
    const int result = pcap_loop(
        handle, -1,
        [](u_char* user, const pcap_pkthdr* header, const u_char*) {
            auto* s = reinterpret_cast<Seen*>(user);
            s->packets++;
            s->bytes += header->len;
        },
        reinterpret_cast<u_char*>(&seen));
    pcap_close(handle);
    fmt::print("{} packets, {} bytes\n", seen.packets, seen.bytes);
    return result == 0 ? 0 : 1;
}

struct Cost {
    double wall_s = 0, cpu_s = 0;
    long peak_kib = 0;
};

// Runs a program with its output discarded, its errors too when it is to be quiet; throws when it fails.
Cost run(const std::vector<std::string>& arguments, bool quiet)
{
    std::vector<char*> argv;
    for (const std::string& a : arguments)
        argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = ::fork();
    if (child == 0) {
        const int null = ::open("/dev/null", O_RDWR);
        ::dup2(null, 0);
        ::dup2(null, 1);
        if (quiet)
            ::dup2(null, 2);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    int status = 0;
    rusage usage = {};
    if (child < 0 || ::wait4(child, &status, 0, &usage) != child)
        throw std::runtime_error(fmt::format("cannot run '{}'", arguments[0]));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw std::runtime_error(fmt::format("'{}' failed with status {}", fmt::join(arguments, " "), status));
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return {wall.count(), seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss};
}

struct Options {
    std::string flowxdp;
    std::vector<std::string> others; // further flowxdp binaries: a change is measured beside what was before it
    fs::path folder = "/dev/shm";
    unsigned divisor = 1;
    int rounds = 7;
    int peer_rounds = -1; // the first so many rounds; -1: all
    std::vector<std::string> inputs = {"many", "mix"};
    bool keep = false;
    bool csv = false;
};

struct Tool {
    std::string name;
    std::vector<std::string> command;
    bool peer = false;
    std::vector<Cost> costs = {};
};

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    return values[values.size() / 2];
}

void print_table(const std::string& input, const std::vector<Tool>& tools, std::uint64_t packets, bool csv)
{
    if (!csv)
        fmt::print("{:<26}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>10}\n", "", "wall s", "x", "x median", "CPU s", "x",
                   "Mpps wall", "peak MiB");
    auto least = [](const Tool& t, double Cost::*what) { return std::ranges::min(t.costs, {}, what).*what; };
    const Tool& loop = tools[0];
    // What the machine adds: the loop does the same each time.
    const double noise = std::ranges::max(loop.costs, {}, &Cost::wall_s).wall_s / least(loop, &Cost::wall_s) - 1;
    for (const Tool& t : tools) {
        if (t.costs.empty())
            continue;
        std::vector<double> ratios;
        long peak = 0;
        for (std::size_t i = 0; i < t.costs.size(); i++) {
            ratios.push_back(t.costs[i].wall_s / loop.costs[i].wall_s);
            peak = std::max(peak, t.costs[i].peak_kib);
        }
        const double wall = least(t, &Cost::wall_s), wall_x = wall / least(loop, &Cost::wall_s);
        const double cpu = least(t, &Cost::cpu_s), cpu_x = cpu / least(loop, &Cost::cpu_s);
        if (csv)
            fmt::print("{},\"{}\",{:.4f},{:.3f},{:.3f},{:.3f},{:.4f},{:.3f},{}\n", input, t.name, wall, wall_x,
                       median(ratios), noise, cpu, cpu_x, peak / 1024);
        else
            fmt::print("{:<26}{:>9.3f}{:>9.2f}{:>9.2f}{:>9.3f}{:>9.2f}{:>10.2f}{:>10}\n", t.name, wall, wall_x,
                       median(ratios), cpu, cpu_x, static_cast<double>(packets) / wall / 1e6, peak / 1024);
    }
    if (!csv)
        fmt::print("The loop's slowest round took {:.0f} % longer than its fastest.\n", 100 * noise);
    std::fflush(stdout);
}

void compare(const Options& options, const std::string& input)
{
    const fs::path folder = options.folder / fmt::format("replay_bench.{}", ::getpid());
    fs::create_directories(folder);
    struct Remove {
        fs::path path;
        bool keep;
        ~Remove()
        {
            std::error_code ignored;
            if (!keep)
                fs::remove_all(path, ignored);
        }
    } remove{folder, options.keep};
    const std::string capture = folder / (input + ".pcap");
    const auto size = input == "many" ? flowxdp::bench::write_many(capture, options.divisor)
                                      : flowxdp::bench::write_mix(capture, options.divisor);
    if (!options.csv)
        fmt::print("\n{}: {} packets, {} biflows, {} bytes, {} rounds\n", input, size.packets, size.biflows,
                   size.file_bytes, options.rounds);
    std::fflush(stdout);

    std::vector<Tool> tools = {{"libpcap loop", {"/proc/self/exe", "loop", capture}, false}};
    auto add = [&](const std::string& label, const std::string& binary) {
        const std::vector<std::string> common = {binary, "replay", capture, "-q", "--max-flows", "2097152"};
        auto with = [&](const std::string& name, std::vector<std::string> more) {
            std::vector<std::string> command = common;
            command.insert(command.end(), more.begin(), more.end());
            tools.push_back({label + name, command, false});
        };
        with("flow file", {"-w", folder / "out"});
        with("rows to /dev/null", {"-w", "-"});
        with("one plugin, /dev/null", {"-w", "-", "--plugins", "flow_export"});
        if (input == "mix")
            with("packet file", {"-w", folder / "out", "-s"});
        with("IPFIX file",
             {"--plugins", "flow_export", "--sink", fmt::format("ipfix:file:{}/ipfix,biflow=1", folder.string())});
    };
    add(options.others.empty() ? "" : "new: ", options.flowxdp);
    for (const std::string& other : options.others)
        add("old: ", other);
    const flowxdp::bench::Nobody nobody;
    for (const flowxdp::bench::Peer& peer : flowxdp::bench::installed_peers(capture, folder, nobody))
        tools.push_back({peer.name, peer.command, true});

    const int peer_rounds = options.peer_rounds < 0 ? options.rounds : options.peer_rounds;
    for (int round = 0; round < options.rounds; round++)
        for (Tool& t : tools)
            if (!t.peer || round < peer_rounds)
                t.costs.push_back(run(t.command, t.peer));
    print_table(input, tools, size.packets, options.csv);
}

[[noreturn]] void usage()
{
    fmt::print(stderr,
               "usage: replay_bench [--flowxdp PROGRAM] [--beside PROGRAM]... [--input many|mix] [--divisor N]\n"
               "                    [--rounds N] [--peer-rounds N] [--folder DIR] [--keep] [--csv]\n"
               "       replay_bench make many|mix FILE [DIVISOR]\n"
               "       replay_bench loop FILE\n"
               "yaf, softflowd and nfpcapd run in the same rounds where they are installed, or in the first N.\n");
    std::exit(2);
}

unsigned positive(const char* text)
{
    const long n = std::strtol(text, nullptr, 10);
    if (n < 1 || n > 100000)
        usage();
    return static_cast<unsigned>(n);
}

Options parse(int argc, char** argv)
{
    Options o;
    o.flowxdp = fs::read_symlink("/proc/self/exe").parent_path() / "flowxdp";
    for (int i = 1; i < argc; i++) {
        const std::string name = argv[i];
        if (name == "--keep") {
            o.keep = true;
            continue;
        }
        if (name == "--csv") {
            o.csv = true;
            continue;
        }
        if (++i >= argc)
            usage();
        if (name == "--flowxdp")
            o.flowxdp = argv[i];
        else if (name == "--beside")
            o.others.emplace_back(argv[i]);
        else if (name == "--input")
            o.inputs = {argv[i]};
        else if (name == "--divisor")
            o.divisor = positive(argv[i]);
        else if (name == "--rounds")
            o.rounds = static_cast<int>(positive(argv[i]));
        else if (name == "--peer-rounds")
            o.peer_rounds = std::strcmp(argv[i], "0") ? static_cast<int>(positive(argv[i])) : 0;
        else if (name == "--folder")
            o.folder = argv[i];
        else
            usage();
    }
    for (const std::string& input : o.inputs)
        if (input != "many" && input != "mix")
            usage();
    return o;
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const std::string what = argc > 1 ? argv[1] : "";
        if (what == "loop" && argc == 3)
            return libpcap_loop(argv[2]);
        if (what == "make" && (argc == 4 || argc == 5)) {
            const unsigned divisor = argc == 5 ? positive(argv[4]) : 1;
            const bool many = std::string(argv[2]) == "many";
            const auto size =
                many ? flowxdp::bench::write_many(argv[3], divisor) : flowxdp::bench::write_mix(argv[3], divisor);
            fmt::print("{} packets, {} biflows, {} bytes\n", size.packets, size.biflows, size.file_bytes);
            return 0;
        }
        const Options options = parse(argc, argv);
        if (options.csv)
            fmt::print("input,variant,wall_s,wall_x,wall_x_median,noise,cpu_s,cpu_x,peak_mib\n");
        std::fflush(stdout);
        for (const std::string& input : options.inputs)
            compare(options, input);
    } catch (const std::exception& e) {
        fmt::print(stderr, "replay_bench: {}\n", e.what());
        return 1;
    }
    return 0;
}
