// SPDX-License-Identifier: BSD-2-Clause
// The shipped program as an extension of libxdp's dispatcher: what the verifier says, and that every frame is counted
// once while another program comes and goes. On a veth pair in a network namespace of the test's own; in the VM too,
// where there is no xdp-loader.
#include "live/dispatcher.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <xdp/libxdp.h>

#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "bpf/sensor_bench.h"
#include "capture/filter.h"
#include "core/unique_fd.h"
#include "live/interface.h"
#include "support/packet_builder.h"

namespace flowxdp::test {
namespace {

constexpr std::uint64_t kBudget = 300'000;                 // as sensor_test.cpp: newer kernels are not looser
constexpr std::uint16_t kDroppedPort = 7, kPassedPort = 9; // drop_port.bpf.c
constexpr unsigned kOtherPriority = 50;                    // libxdp's default
constexpr const char* kReceiver = "dispatch1";
constexpr const char* kSender = "dispatch0";

InterfaceInfo receiver()
{
    return read_interface(kReceiver).take();
}

Bytes udp_to(std::uint16_t port)
{
    return Packet().eth().ipv4("192.0.2.1", "192.0.2.2").udp(40000, port).payload(100).bytes();
}

std::vector<std::string> names(const std::optional<Dispatcher>& dispatcher)
{
    std::vector<std::string> out;
    if (dispatcher)
        for (const DispatchedProgram& p : dispatcher->programs)
            out.push_back(p.name);
    return out;
}

std::uint32_t program_id(const SensorBench& bench)
{
    bpf_prog_info info{};
    __u32 size = sizeof info;
    return bpf_obj_get_info_by_fd(bench.sensor->ingress_fd(), &info, &size) ? 0 : info.id;
}

// drop_port in the receiver's dispatcher for as long as this lives.
class OtherProgram {
  public:
    OtherProgram()
    {
        const char* build = std::getenv("FLOWXDP_BUILD_DIR"); // NOLINT(concurrency-mt-unsafe): nobody sets it
        const std::string path = std::string(build ? build : "build/release") + "/lib/tests/drop_port.bpf.o";
        program_ = xdp_program__open_file(path.c_str(), "xdp", nullptr);
        const int index = static_cast<int>(receiver().index);
        if (libxdp_get_error(program_) || xdp_program__attach(program_, index, XDP_MODE_NATIVE, 0))
            ADD_FAILURE() << "cannot attach " << path;
    }
    ~OtherProgram()
    {
        EXPECT_EQ(xdp_program__detach(program_, static_cast<int>(receiver().index), XDP_MODE_NATIVE, 0), 0);
        xdp_program__close(program_);
    }
    OtherProgram(const OtherProgram&) = delete;
    OtherProgram& operator=(const OtherProgram&) = delete;

  private:
    xdp_program* program_ = nullptr;
};

// Frames from the other end of the pair. A small send buffer holds it back until they are taken.
class Sender {
  public:
    Sender() : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0))
    {
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_ifindex = static_cast<int>(if_nametoindex(kSender));
        const int least = 1;
        if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) ||
            setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least))
            ADD_FAILURE() << "no packet socket";
    }
    void send(const Bytes& frame, unsigned times = 1)
    {
        for (unsigned i = 0; i < times; i++)
            if (::send(socket_.get(), frame.data(), frame.size(), 0) != static_cast<ssize_t>(frame.size()))
                ADD_FAILURE() << "a frame was not sent";
    }

  private:
    UniqueFd socket_;
};

class DispatcherTest : public BpfTest {
  protected:
    void SetUp() override
    {
        BpfTest::SetUp();
        if (IsSkipped())
            return;
        if (const std::string problem = dispatcher_problem(); !problem.empty())
            GTEST_SKIP() << "SKIP: " << problem;
        if (unshare(CLONE_NEWNET))
            GTEST_SKIP() << "SKIP: no right to make a network namespace";
        std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << 1; // nothing speaks unasked
        const std::string add =
            std::string("/sbin/ip link add ") + kSender + " arp off type veth peer name " + kReceiver;
        ASSERT_EQ(std::system(add.c_str()), 0); // NOLINT(concurrency-mt-unsafe,cert-env33-c): no other thread yet
        for (const char* name : {kSender, kReceiver})
            ASSERT_EQ(std::system(fmt::format("/sbin/ip link set dev {} arp off up", name).c_str()), 0); // NOLINT
    }
    void TearDown() override
    {
        if (if_nametoindex(kReceiver)) {
            EXPECT_FALSE(read_dispatcher(receiver())) << "something is left on the interface";
        }
    }

    // A sensor in the receiver's dispatcher.
    std::unique_ptr<SensorBench> attach(BenchSetup setup, unsigned priority = kDispatcherPriority)
    {
        DispatcherEntry entry(receiver(), "flowxdp_ingress", priority, AttachMode::kNative);
        setup.use_metadata = false;
        setup.load = [&](bpf_object* object) { return entry.load(object); };
        auto bench = std::make_unique<SensorBench>(setup);
        EXPECT_EQ(bench->counter(COUNTER_PACKETS_SEEN), 0u) << "loading it has counted a frame";
        EXPECT_EQ(entry.join(), AttachMode::kNative);
        return bench;
    }
    static void leave(const SensorBench& bench)
    {
        const auto left = leave_dispatcher(receiver().index, bench.sensor->ingress_fd());
        EXPECT_TRUE(left.ok()) << left.error().message;
    }
    void expect_budget(const BenchSetup& setup)
    {
        const auto bench = attach(setup);
        const std::string& log = bench->sensor->verifier_log("flowxdp_ingress");
        const std::uint64_t n = verified_instructions(log);
        std::printf("flowxdp_ingress as an extension: %" PRIu64 " verified instructions, stack %s\n", n,
                    stack_depth(log).c_str());
        EXPECT_GT(n, 0u) << log;
        EXPECT_LE(n, kBudget);
        EXPECT_TRUE(is_extension(bench->sensor->ingress_fd()));
        const std::optional<Dispatcher> there = read_dispatcher(receiver());
        EXPECT_TRUE(there && there->frags) << "jumbo frames would be refused";
        leave(*bench);
    }
};

TEST_F(DispatcherTest, LoadsWithTheDefaultPlugins)
{
    BenchSetup setup;
    setup.default_plugins = true;
    setup.packet_mode = true;
    setup.active_timeout_ns = kSecond;
    expect_budget(setup);
}

TEST_F(DispatcherTest, LoadsWithAllPluginsForceAndPacketMode)
{
    BenchSetup setup;
    setup.plugins = {"basic_flow",   "flow_export", "dedup",
                     "mac_recorder", "basic_stats", "tcp_flags",
                     "tcp_states",   "tcp_rtt",     "tcp_win:threshold=1000,force_at=3,alarm_at=2"};
    setup.packet_mode = true;
    expect_budget(setup);
}

// 30 frames to the dropped port and 40 to the passed one; all are seen when it returns.
void send_to_both_ports(SensorBench& bench)
{
    Sender sender;
    sender.send(udp_to(kDroppedPort), 30);
    sender.send(udp_to(kPassedPort), 40);
    while (bench.counter(COUNTER_PACKETS_SEEN) < 70)
        std::this_thread::yield();
}

TEST_F(DispatcherTest, TakesAFilterAlong)
{
    BenchSetup setup;
    setup.filter = {"udp port 7", compile_filter_program("udp port 7", kLinkTypeEthernet).take()};
    const auto bench = attach(setup);
    send_to_both_ports(*bench);
    leave(*bench);
    EXPECT_EQ(bench->counter(COUNTER_PACKETS_SEEN), 70u);
    EXPECT_EQ(bench->counter(COUNTER_PACKETS_FILTERED), 40u);
}

TEST_F(DispatcherTest, TheFirstSeesWhatTheSecondDrops)
{
    const auto bench = attach({});
    {
        const OtherProgram other;
        EXPECT_EQ(names(read_dispatcher(receiver())), (std::vector<std::string>{"flowxdp_ingress", "drop_port"}));
        send_to_both_ports(*bench);
    }
    leave(*bench);
    EXPECT_EQ(bench->counter(COUNTER_PACKETS_SEEN), 70u);
    std::uint64_t packets = 0;
    for (const Ended& flow : bench->evict(EVICT_ALL, INT64_MAX / 2))
        packets += flow.packets();
    EXPECT_EQ(packets, 70u);
}

TEST_F(DispatcherTest, TheSecondDoesNot)
{
    const OtherProgram other;
    const auto bench = attach({}, kOtherPriority + 1);
    EXPECT_EQ(names(read_dispatcher(receiver())), (std::vector<std::string>{"drop_port", "flowxdp_ingress"}));
    Sender sender;
    sender.send(udp_to(kDroppedPort), 30);
    sender.send(udp_to(kPassedPort), 40);
    while (bench->counter(COUNTER_PACKETS_SEEN) < 40)
        std::this_thread::yield();
    leave(*bench);
    EXPECT_EQ(bench->counter(COUNTER_PACKETS_SEEN), 40u);
    EXPECT_EQ(names(read_dispatcher(receiver())), (std::vector<std::string>{"drop_port"}));
}

TEST_F(DispatcherTest, EveryFrameIsCountedOnceWhileDispatchersAreSwapped)
{
    const auto bench = attach({});
    std::atomic<bool> stop = false;
    std::uint64_t sent = 0;
    std::thread traffic([&] {
        Sender sender;
        for (const Bytes frame = udp_to(kPassedPort); !stop; sent++)
            sender.send(frame);
    });
    const std::uint32_t id = program_id(*bench);
    for (int i = 0; i < 10; i++) {
        const std::uint64_t before = bench->counter(COUNTER_PACKETS_SEEN);
        const OtherProgram other;
        EXPECT_TRUE(is_dispatched(receiver().index, id));
        while (bench->counter(COUNTER_PACKETS_SEEN) == before)
            std::this_thread::yield();
    }
    stop = true;
    traffic.join();
    while (bench->counter(COUNTER_PACKETS_SEEN) < sent)
        std::this_thread::yield();
    EXPECT_EQ(dispatched_to(id), receiver().index);
    leave(*bench);
    EXPECT_FALSE(dispatched_to(id));
    EXPECT_EQ(bench->counter(COUNTER_PACKETS_SEEN), sent);
    std::printf("%" PRIu64 " frames over 20 swaps\n", sent);
}

} // namespace
} // namespace flowxdp::test
