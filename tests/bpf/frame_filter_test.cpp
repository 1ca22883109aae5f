// SPDX-License-Identifier: BSD-2-Clause
// Filter expressions on this machine's kernel: the verifier takes what the translator writes, and every frame gets the
// verdict that pcap_offline_filter() gives it, alone in filter_probe.bpf.c and inside the shipped sensor.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <random>

#include "bpf/filter_probe.h"
#include "bpf/sensor_bench.h"
#include "capture/capture.h"
#include "capture/filter.h"
#include "capture/read_frames.h"
#include "support/encapsulations.h"
#include "support/filter_expressions.h"

namespace flowxdp::test {
namespace {

constexpr std::size_t kFramesPerFile = 150;
constexpr std::uint32_t kShortest = 14; // test-run takes no shorter frame

struct Sample {
    Bytes bytes;
    std::uint32_t wire_len;
};

// Ethernet frames of the examples and, where there is one, of the corpus; every encapsulation; frames in several
// buffers.
std::vector<Sample> read_samples(bool with_corpus)
{
    std::vector<Sample> out;
    std::vector<std::filesystem::path> folders;
    if (const char* source = std::getenv("FLOWXDP_SOURCE_DIR")) // NOLINT(concurrency-mt-unsafe)
        folders.emplace_back(std::filesystem::path(source) / "examples");
    if (const char* corpus = std::getenv("FLOWXDP_CORPUS"); with_corpus && corpus) // NOLINT(concurrency-mt-unsafe)
        folders.emplace_back(corpus);
    for (const auto& folder : folders) {
        if (!std::filesystem::is_directory(folder))
            continue;
        for (const auto& file : std::filesystem::directory_iterator(folder)) {
            if (file.path().string().find(".pcap") == std::string::npos)
                continue;
            auto capture = open_captures({file.path().string()}, {});
            if (!capture.ok())
                continue; // the corpus holds damaged files too
            Frame frames[64];
            std::size_t taken = 0;
            for (std::size_t n = 0; taken < kFramesPerFile && (n = capture.value()->read(frames)) > 0;)
                for (std::size_t i = 0; i < n && taken < kFramesPerFile; i++, taken++)
                    if (frames[i].link_type == kLinkTypeEthernet && frames[i].cap_len >= kShortest)
                        out.push_back({Bytes(frames[i].data, frames[i].data + frames[i].cap_len), frames[i].wire_len});
        }
    }
    for (const Encapsulation& e : ethernet_encapsulations())
        if (e.link_type == kLinkTypeEthernet)
            out.push_back({e.packet.bytes(), static_cast<std::uint32_t>(e.packet.bytes().size())});
    for (const std::size_t payload : {3400u, 3500u, 4100u, 8000u}) {
        Bytes big = Packet().eth().ipv4("192.0.2.10", "198.51.100.20").tcp(1234, 80, 5).payload(payload).bytes();
        for (std::size_t i = 3900; i < std::min<std::size_t>(4200, big.size()); i++)
            big[i] = 0x5a;
        out.push_back({big, static_cast<std::uint32_t>(big.size())});
    }
    return out;
}

const std::vector<Sample>& samples()
{
    static const std::vector<Sample> all = read_samples(true);
    return all;
}

// Without the corpus: what a sensor of 400,000 instructions, or a kernel in an emulator, does in reasonable time.
std::vector<Sample> some_samples()
{
    return read_samples(false);
}

FrameFilter filter_of(const std::string& expression)
{
    auto program = compile_filter_program(expression, kLinkTypeEthernet);
    EXPECT_TRUE(program.ok()) << program.error().message;
    return {expression, program.ok() ? program.take() : std::vector<sock_filter>{}};
}

// pcap_offline_filter() of a frame cut to cap_len.
class Offline {
  public:
    explicit Offline(const std::string& expression) : filter_(PacketFilter::compile(expression).take()) {}
    bool matches(const Sample& sample, std::uint32_t cap_len)
    {
        return filter_->matches({sample.bytes.data(), cap_len, sample.wire_len, 0, 0, kLinkTypeEthernet});
    }

  private:
    std::unique_ptr<PacketFilter> filter_;
};

// Every frame through the probe, whole and cut; returns how many matched.
std::uint64_t expect_same(const std::string& expression, const FrameFilter& filter, bool cut)
{
    const FilterProbe probe(filter);
    Offline offline(expression);
    std::uint64_t matched = 0;
    for (const Sample& sample : samples()) {
        const auto size = static_cast<std::uint32_t>(sample.bytes.size());
        matched += offline.matches(sample, size);
        std::vector<std::uint32_t> lengths = {size};
        if (cut)
            lengths.insert(lengths.end(), {size / 2, std::min(33u, size), 0});
        for (const std::uint32_t cap_len : lengths) {
            const bool expected = offline.matches(sample, cap_len);
            EXPECT_EQ(probe.matches_xdp(sample.bytes, sample.wire_len, cap_len), expected)
                << cap_len << " of " << size << " bytes";
            if (size + 100 <= FilterProbe::kBufferBytes) {
                EXPECT_EQ(probe.matches_leaving(sample.bytes, sample.wire_len, cap_len, 100), expected)
                    << cap_len << " of " << size << " bytes";
            }
        }
        if (::testing::Test::HasFailure())
            break;
    }
    return matched;
}

class FrameFilterOnKernel : public BpfTest {};

TEST_F(FrameFilterOnKernel, EveryFrameGetsLibpcapsVerdict)
{
    std::uint64_t expressions_that_matched = 0;
    for (const std::string& expression : filter_expressions()) {
        SCOPED_TRACE(expression.substr(0, 200));
        const std::uint64_t matched = expect_same(expression, filter_of(expression), true);
        ASSERT_FALSE(HasFailure());
        expressions_that_matched += matched > 0 && matched < samples().size();
    }
    std::printf("%zu expressions on %zu frames; %" PRIu64 " matched some and not all\n", filter_expressions().size(),
                samples().size(), expressions_that_matched);
    EXPECT_GT(expressions_that_matched, filter_expressions().size() / 2);
}

TEST_F(FrameFilterOnKernel, AnyExpressionGetsLibpcapsVerdict)
{
    const std::uint64_t seed = std::random_device()();
    std::printf("seed %" PRIu64 "\n", seed);
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (unsigned tried = 0; tried < 60;) {
        const std::string expression =
            random_expression([&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); });
        auto program = compile_filter_program(expression, kLinkTypeEthernet);
        if (!program.ok() || !translate_filter(program.value(), FilterContext::kXdp).ok())
            continue;
        tried++;
        SCOPED_TRACE(expression);
        expect_same(expression, {expression, program.take()}, false);
        ASSERT_FALSE(HasFailure());
    }
}

// The same inside the sensor: a frame that does not match is counted as filtered and leaves no other trace.
TEST_F(FrameFilterOnKernel, TheSensorCountsWhatItRefusesAndNothingElse)
{
    std::vector<Sample> frames = some_samples();
    std::erase_if(frames, [](const Sample& sample) { return sample.bytes.size() > FRAME_MAX_VISIBLE; });
    for (const char* expression :
         {"tcp port 80", "udp port 53 and not ip6", "vlan and tcp", "mpls", "greater 200", "ip[2:2] > 100",
          "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "ether[3000:4] != 0", "host 192.0.2.10 or net 10.0.0.0/8"}) {
        SCOPED_TRACE(expression);
        Offline offline(expression);
        BenchSetup setup;
        setup.filter = filter_of(expression);
        setup.max_flows = 1u << 16;
        SensorBench bench(setup);
        std::uint64_t refused = 0;
        for (const Sample& sample : frames) {
            frame_meta meta{};
            meta.ts_ns = meta.clock_ns = kSecond;
            meta.wire_len = sample.wire_len;
            meta.cap_len = static_cast<__u32>(sample.bytes.size());
            meta.start_kind = HEADER_KIND_ETHERNET;
            const std::uint64_t before = bench.table_size() + bench.counter(COUNTER_PACKETS_FILTERED);
            ASSERT_EQ(run_frame(bench.sensor->ingress_fd(), sample.bytes.data(), meta.cap_len, meta), XDP_PASS);
            const bool matches = offline.matches(sample, meta.cap_len);
            refused += !matches;
            ASSERT_EQ(bench.counter(COUNTER_PACKETS_FILTERED), refused);
            if (!matches) {
                ASSERT_EQ(bench.table_size() + refused, before + 1) << "a refused frame made a flow";
            }
        }
        std::uint64_t in_flows = 0;
        for (const Ended& flow : bench.drain())
            in_flows += flow.packets();
        for (const Ended& flow : bench.evict(EVICT_ALL, kSecond))
            in_flows += flow.packets();
        EXPECT_EQ(in_flows + refused + bench.counter(COUNTER_PACKETS_SHORT_FRAME), frames.size());
        EXPECT_EQ(bench.counter(COUNTER_PACKETS_SEEN), frames.size());
        EXPECT_EQ(bench.sensor->filter_expression(), expression);
    }
}

TEST_F(FrameFilterOnKernel, AHundredHostsStayFarFromTheVerifiersLimit)
{
    BenchSetup setup;
    setup.default_plugins = true;
    const SensorBench without(setup);
    setup.filter = filter_of(many_hosts(100));
    const SensorBench with(setup);
    const std::uint64_t before = verified_instructions(without.sensor->verifier_log("flowxdp_ingress"));
    const std::uint64_t after = verified_instructions(with.sensor->verifier_log("flowxdp_ingress"));
    std::printf("flowxdp_ingress: %" PRIu64 " verified instructions without, %" PRIu64 " with a filter of 100 hosts\n",
                before, after);
    EXPECT_LT(after, before + 10'000);
}

TEST_F(FrameFilterOnKernel, AFilterThatCannotRunIsRefusedBeforeTheKernelSeesIt)
{
    BenchSetup setup;
    setup.filter = filter_of("ip6 protochain 6");
    try {
        const SensorBench bench(setup);
        FAIL() << "loaded";
    } catch (const StartupError& error) {
        EXPECT_NE(std::string(error.what()).find("jumps backward"), std::string::npos) << error.what();
    }
    setup.filter = filter_of("tcp"); // and the next load is not disturbed
    const SensorBench bench(setup);
}

// Bytes behind the snap length count as not captured, for the filter as for the parser.
TEST_F(FrameFilterOnKernel, ALiveSnapLengthCutsWhatTheFilterSees)
{
    const Bytes frame = Packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1234, 80, 5).payload(100).bytes();
    for (const std::uint32_t snap_len : {0u, 38u, 37u}) {
        BenchSetup setup;
        setup.use_metadata = false; // live: lengths from the context
        setup.snap_len = snap_len;
        setup.filter = filter_of("tcp port 80"); // reads the destination port at 36
        SensorBench bench(setup);
        bench.run(frame, kSecond);
        EXPECT_EQ(bench.counter(COUNTER_PACKETS_SEEN), 1u);
        EXPECT_EQ(bench.counter(COUNTER_PACKETS_FILTERED), snap_len == 37 ? 1u : 0u) << snap_len;
    }
}

} // namespace
} // namespace flowxdp::test
