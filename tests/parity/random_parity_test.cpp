// SPDX-License-Identifier: BSD-2-Clause
// The engines give the same bytes for frames that nobody planned for: both replay random captures with everything on,
// and flow rows, packet rows and ledgers are compared.
//
// FLOWXDP_PARITY_SEED: another seed than the fixed one. FLOWXDP_PARITY_FRAMES: how many frames in all.
// A failure prints the seed and keeps the capture, cut down as far as it still fails.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "capture/read_frames.h"
#include "kernel/sensor_object.h"
#include "parity/random_capture.h"

namespace flowxdp::test {
namespace {

constexpr std::uint64_t kSeed = 20261123, kFrames = 24'000, kFramesEach = 2'000;
constexpr int kShrinkRuns = 150;

// What all captures run with; the second set of options changes what the default plugins do.
// A long one has a name: clang warns of strings in a row between others.
constexpr const char* kMostPlugins =
    "--plugin mac_recorder --plugin flow_export --plugin tcp_flags --plugin tcp_geo_win --plugin dedup --plugin "
    "tcp_rtt "
    "--plugin conn_stat --plugin nfrst_pkts --plugin pkt_siat_histo --plugin descriptive_stats --plugin entropy "
    "--plugin tcp_win:threshold=4000,force_at=3,alarm_at=2 --active-timeout 5s";
constexpr const char* kOtherDefaults =
    "--plugin flow_export --plugin tcp_flags --plugin tcp_win:threshold=1,force_at=1 --no-plugin tcp_states "
    "--plugin dedup:leave_out=1,window=2s "
    "--idle-timeout 2s --active-timeout 300s";
constexpr const char* kOptions[] = {kMostPlugins, kOtherDefaults, "--plugins basic_flow,basic_stats"};

std::uint64_t number_from(const char* name, std::uint64_t otherwise)
{
    const char* text = std::getenv(name); // NOLINT(concurrency-mt-unsafe): one thread
    return text ? std::strtoull(text, nullptr, 0) : otherwise;
}

std::string folder_from(const char* name, const std::string& otherwise)
{
    const char* text = std::getenv(name); // NOLINT(concurrency-mt-unsafe)
    return text ? text : otherwise;
}

std::string contents(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

// The value of a key in a JSON object whose value is an object.
std::string object_of(const std::string& json, const std::string& key)
{
    const std::size_t from = json.find('"' + key + "\":{");
    return from == std::string::npos ? "no " + key : json.substr(from, json.find('}', from) - from + 1);
}

std::uint64_t number_of(const std::string& object, const std::string& key)
{
    const std::size_t at = object.find('"' + key + "\":");
    return at == std::string::npos ? 0 : std::strtoull(object.c_str() + at + key.size() + 3, nullptr, 10);
}

// Events that a campaign must have met, or it proves little.
constexpr const char* kMustHappen[] = {
    "packets_short_frame", "packets_link_unsupported", "flows_ended_idle",    "flows_ended_active",
    "flows_ended_forced",  "flows_ended_input",        "fragments_unmatched", "clock_steps"};

class Engines {
  public:
    // How often an event of kMustHappen happened in all captures so far.
    [[nodiscard]] std::uint64_t happened(const std::string& counter) const { return happened_.at(counter); }

    // Why the engines differ over these frames; empty = they do not.
    std::string difference(const std::vector<RandomFrame>& frames, const std::string& options)
    {
        const std::string capture = folder_.write("capture.pcapng", pcapng_of(frames));
        const int native = run("native", capture, options), bpf = run("bpf --max-flows 16384", capture, options);
        std::string why;
        if (native != bpf || (native != 0 && native != 3))
            why += "exit codes " + std::to_string(native) + " and " + std::to_string(bpf) + ": " +
                   contents(folder_ / "native.err") + contents(folder_ / "bpf.err");
        for (const char* kind : {"flows", "packets"}) {
            const std::string rows = contents(folder_ / (std::string("native_") + kind + ".txt"));
            if (rows.empty() || rows != contents(folder_ / (std::string("bpf_") + kind + ".txt")))
                why += std::string(" ") + kind + " differ;";
        }
        const std::string ours = contents(folder_ / "native.json"), theirs = contents(folder_ / "bpf.json");
        for (const char* key : {"ledger", "counters"})
            if (object_of(ours, key) != object_of(theirs, key))
                why += std::string(" ") + key + ": " + object_of(ours, key) + " and " + object_of(theirs, key) + ";";
        const std::string counters = object_of(ours, "counters");
        for (const char* name : kMustHappen)
            happened_[name] += number_of(counters, name);
        if (object_of(ours, "ledger").find("\"difference\":0") == std::string::npos)
            why += " the ledger does not balance: " + object_of(ours, "ledger");
        return why;
    }

  private:
    int run(const std::string& engine, const std::string& capture, const std::string& options)
    {
        const std::string prefix = folder_ / engine.substr(0, engine.find(' '));
        const std::string command = program_ + " replay --json -s --engine " + engine + " -w " + prefix + " " +
                                    options + " " + capture + " >" + prefix + ".json 2>" + prefix + ".err";
        const int status = std::system(command.c_str()); // NOLINT(concurrency-mt-unsafe, cert-env33-c)
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    TempFolder folder_;
    std::map<std::string, std::uint64_t> happened_;
    std::string program_ = folder_from("FLOWXDP_BUILD_DIR", FLOWXDP_TEST_BUILD_DIR) + "/bin/flowxdp";
};

// Leaves out pieces, large ones first, as long as the engines still differ.
std::vector<RandomFrame> shrink(Engines* engines, std::vector<RandomFrame> frames, const std::string& options)
{
    int runs = 0;
    for (std::size_t piece = frames.size() / 2; piece && runs < kShrinkRuns; piece /= 2)
        for (std::size_t at = 0; at < frames.size() && runs < kShrinkRuns;) {
            std::vector<RandomFrame> rest = frames;
            const auto from = rest.begin() + static_cast<std::ptrdiff_t>(at);
            rest.erase(from, from + static_cast<std::ptrdiff_t>(std::min(piece, frames.size() - at)));
            runs++;
            if (!rest.empty() && !engines->difference(rest, options).empty())
                frames = std::move(rest);
            else
                at += piece;
        }
    return frames;
}

std::vector<std::string> files_in(const std::string& folder)
{
    std::vector<std::string> files;
    std::error_code error; // a folder that is not there has none
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
        files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

TEST(RandomParity, BothEnginesGiveTheSameBytesAndBalancedLedgers)
{
    if (!may_load_bpf())
        GTEST_SKIP() << "SKIP: no right to load BPF programs (CAP_BPF and CAP_NET_ADMIN, or root)";
    const std::uint64_t seed = number_from("FLOWXDP_PARITY_SEED", kSeed);
    const std::string source = folder_from("FLOWXDP_SOURCE_DIR", ".");
    std::vector<std::string> files = files_in(source + "/examples");
    for (std::string& file : files_in(folder_from("FLOWXDP_CORPUS", source + "/../shared/corpus/selected")))
        files.push_back(std::move(file));
    const std::vector<RandomFrame> pool = random_capture_pool(files, 300);
    std::printf("FLOWXDP_PARITY_SEED=%" PRIu64 ", %zu frames to start from\n", seed, pool.size());
    RandomCapture random(seed, &pool);
    Engines engines;
    const std::uint64_t captures = (number_from("FLOWXDP_PARITY_FRAMES", kFrames) + kFramesEach - 1) / kFramesEach;
    for (std::uint64_t i = 0; i < captures; i++) {
        const std::string options = kOptions[i % std::size(kOptions)];
        const std::vector<RandomFrame> frames = random.frames(kFramesEach);
        const std::string why = engines.difference(frames, options);
        if (why.empty())
            continue;
        const std::vector<RandomFrame> few = shrink(&engines, frames, options);
        const std::string kept = (std::filesystem::temp_directory_path() /
                                  ("flowxdp_parity_" + std::to_string(seed) + "_" + std::to_string(i) + ".pcapng"))
                                     .string();
        write_file(kept, pcapng_of(few));
        FAIL() << "seed " << seed << ", capture " << i << ": " << why << "\n"
               << few.size() << " frames of it still differ: " << kept << "\nwith: " << options << "\n"
               << engines.difference(few, options);
    }
    for (const char* name : kMustHappen) {
        std::printf("%s %" PRIu64 "\n", name, engines.happened(name));
        EXPECT_GT(engines.happened(name), 0u) << name << ": the captures do not reach it";
    }
}

} // namespace
} // namespace flowxdp::test
