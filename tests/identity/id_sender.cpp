// SPDX-License-Identifier: BSD-2-Clause
// id_sender - TCP segments, each with a 64-bit id of its own in sequence and acknowledgment number, as many flows as
// told.
//
//   id_sender pcap FILE SENT [option=value...]     writes a capture
//   id_sender tap NAME[,NAME] SENT [option=value...]
//       makes tap devices and says "made"; on a line of standard input it sends ("sent" when done; another line stops
//       it early) and keeps the devices until standard input ends. A write() into a tap returns when the sensor's
//       program has seen the frame: what was written was seen, and there is no queue that could drop it.
//
// SENT gets a line for each direction of a flow: source, port, destination, port, packets, sum and xor of their ids.
//
// Thread t's n-th packet has the id mix(t << 48 | n): mix() is one to one, so no two packets share an id, and ids are
// as good as random, so a lost and a doubled one never cancel. Its flow, direction and window follow from the same
// number.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/packet_builder.h"
#include "support/pcap_file.h"
#include "support/temp_folder.h"

namespace {

namespace test = flowxdp::test;

struct Plan {
    std::uint64_t packets = 100000; // of each thread
    std::uint64_t flows = 1000;
    std::uint64_t window = 1000;  // flows alive at once
    std::uint64_t stay = 10;      // packets of a thread until the next flow takes one's place
    std::uint64_t rate = 0;       // packets a second and thread; 0 = as fast as it goes
    std::uint64_t gap_ns = 10000; // between packets of a capture
    std::uint64_t threads = 2;
};

// The finaliser of splitmix64: one to one.
std::uint64_t mix(std::uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

struct Fingerprint {
    std::uint64_t packets = 0, sum = 0, exclusive_or = 0;
};

void put16(std::uint8_t* at, std::uint64_t value)
{
    at[0] = static_cast<std::uint8_t>(value >> 8);
    at[1] = static_cast<std::uint8_t>(value);
}
void put32(std::uint8_t* at, std::uint64_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

constexpr std::uint32_t kHost = 0xc6336401; // 198.51.100.1, everybody's peer
constexpr unsigned kHostPort = 7777;        // above 1023: who sends first is A
std::uint32_t flow_address(std::uint64_t flow)
{
    return static_cast<std::uint32_t>(0x0a000000 + flow / 4);
}
unsigned flow_port(std::uint64_t flow)
{
    return static_cast<unsigned>(20000 + flow % 4);
}

constexpr std::size_t kFrame = 60;

// What one thread sends.
class Source {
  public:
    Source(const Plan& plan, std::uint64_t thread) : plan_(plan), thread_(thread), sent_(plan.flows * 2)
    {
        // To another host: the stack drops it. next() fills in addresses, ports, numbers and window.
        const test::Bytes frame =
            test::Packet().eth("020000000002", "020000000001").ipv4().tcp(0, 0, 0, 0x10).trailer(kFrame - 54).bytes();
        std::copy_n(frame.begin(), frame_.size(), frame_.begin());
    }

    // The next frame; counted by count() when it was sent.
    const std::array<std::uint8_t, kFrame>& next()
    {
        id_ = mix(thread_ << 48 | n_);
        const std::uint64_t draw = mix(id_ + 0x9e3779b97f4a7c15ULL);
        const std::uint64_t flow = (n_ / plan_.stay + draw % plan_.window) % plan_.flows;
        const bool back = draw >> 63;
        index_ = flow * 2 + back;
        put32(&frame_[26], back ? kHost : flow_address(flow));
        put32(&frame_[30], back ? flow_address(flow) : kHost);
        put16(&frame_[34], back ? kHostPort : flow_port(flow));
        put16(&frame_[36], back ? flow_port(flow) : kHostPort);
        put32(&frame_[38], id_ >> 32);
        put32(&frame_[42], id_);
        put16(&frame_[18], n_);                             // IP id
        put16(&frame_[48], (draw >> 40) % 8 ? 60000 : 100); // a small window: what tcp_win may end a flow by
        return frame_;
    }
    void count()
    {
        Fingerprint& f = sent_[index_];
        f.packets++;
        f.sum += id_;
        f.exclusive_or ^= id_;
        n_++;
    }
    [[nodiscard]] bool done() const { return n_ >= plan_.packets; }
    [[nodiscard]] std::uint64_t sent() const { return n_; }
    [[nodiscard]] const std::vector<Fingerprint>& fingerprints() const { return sent_; }

  private:
    Plan plan_;
    std::uint64_t thread_, n_ = 0, id_ = 0, index_ = 0;
    std::array<std::uint8_t, kFrame> frame_{};
    std::vector<Fingerprint> sent_; // by flow and direction
};

std::string address_text(std::uint32_t a)
{
    return std::to_string(a >> 24) + "." + std::to_string(a >> 16 & 255) + "." + std::to_string(a >> 8 & 255) + "." +
           std::to_string(a & 255);
}

void write_sent(const std::string& path, const Plan& plan, const std::vector<Source>& sources)
{
    std::FILE* out = std::fopen(path.c_str(), "w");
    if (!out)
        throw std::runtime_error("cannot write " + path);
    for (std::uint64_t index = 0; index < plan.flows * 2; index++) {
        Fingerprint all;
        for (const Source& source : sources) {
            const Fingerprint& f = source.fingerprints()[index];
            all.packets += f.packets;
            all.sum += f.sum;
            all.exclusive_or ^= f.exclusive_or;
        }
        if (!all.packets)
            continue;
        const std::string ends[] = {address_text(flow_address(index / 2)) + "\t" + std::to_string(flow_port(index / 2)),
                                    address_text(kHost) + "\t" + std::to_string(kHostPort)};
        std::fprintf(out, "%s\t%s\t%llu\t%llu\t0x%016llx\n", ends[index % 2].c_str(), ends[1 - index % 2].c_str(),
                     static_cast<unsigned long long>(all.packets), static_cast<unsigned long long>(all.sum),
                     static_cast<unsigned long long>(all.exclusive_or));
    }
    if (std::fclose(out))
        throw std::runtime_error("cannot write " + path);
}

void write_capture(const std::string& path, const Plan& plan, std::vector<Source>* sources)
{
    test::PcapFile capture({.magic = 0xa1b23c4d}); // nanoseconds
    std::uint64_t now_ns = 1'700'000'000'000'000'000;
    while (!sources->front().done())
        for (Source& source : *sources) {
            const auto& frame = source.next();
            capture.packet(static_cast<std::uint32_t>(now_ns / 1'000'000'000),
                           static_cast<std::uint32_t>(now_ns % 1'000'000'000), {frame.begin(), frame.end()});
            source.count();
            now_ns += plan.gap_ns;
        }
    test::write_file(path, capture.bytes());
}

int open_tap(const std::string& name)
{
    const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    ifreq request{};
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
        throw std::runtime_error("cannot make the tap device " + name + ": " + std::strerror(errno));
    return fd;
}

void send_all(const Plan& plan, Source* source, const std::vector<int>& taps, unsigned cpu,
              const std::atomic<bool>* stop, std::atomic<int>* error)
{
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(cpu, &here);
    sched_setaffinity(0, sizeof here, &here); // a second CPU where there is one
    const auto begun = std::chrono::steady_clock::now();
    while (!source->done() && !*stop && !*error) {
        const auto& frame = source->next();
        const int tap = taps[source->sent() % taps.size()];
        if (write(tap, frame.data(), frame.size()) != static_cast<ssize_t>(frame.size())) {
            *error = errno;
            return;
        }
        source->count();
        if (plan.rate && source->sent() % 32 == 0)
            std::this_thread::sleep_until(begun + std::chrono::nanoseconds(source->sent() * 1'000'000'000 / plan.rate));
    }
}

void send_by_taps(const std::string& names, const std::string& result, const Plan& plan, std::vector<Source>* sources)
{
    std::vector<std::vector<int>> queues(sources->size()); // each thread has its own queue of each device
    for (std::size_t at = 0; at < names.size();) {
        const std::size_t end = std::min(names.find(',', at), names.size());
        for (auto& taps : queues)
            taps.push_back(open_tap(names.substr(at, end - at)));
        at = end + 1;
    }
    std::array<char, 64> line{};
    auto listen = [&line] { return std::fgets(line.data(), line.size(), stdin) != nullptr; };
    std::puts("made");
    std::fflush(stdout);
    if (!listen())
        return;
    std::atomic<bool> stop = false;
    std::atomic<int> error = 0, running = static_cast<int>(sources->size());
    std::vector<std::thread> threads;
    const unsigned cpus = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < sources->size(); i++)
        threads.emplace_back([&, i] {
            send_all(plan, &(*sources)[i], queues[i], static_cast<unsigned>(i) % cpus, &stop, &error);
            running--;
        });
    bool told = false; // to stop, before all was sent
    while (running && !told) {
        pollfd input = {STDIN_FILENO, POLLIN, 0};
        told = poll(&input, 1, 20) > 0;
    }
    stop = told;
    for (std::thread& thread : threads)
        thread.join();
    if (error)
        throw std::runtime_error(std::string("cannot send: ") + std::strerror(error));
    write_sent(result, plan, *sources);
    std::puts("sent");
    std::fflush(stdout);
    while (listen()) // the devices go with us
        continue;
}

Plan read_plan(int count, char** options)
{
    Plan plan;
    const std::map<std::string_view, std::uint64_t*> known = {
        {"packets", &plan.packets}, {"flows", &plan.flows},   {"window", &plan.window},  {"stay", &plan.stay},
        {"rate", &plan.rate},       {"gap_ns", &plan.gap_ns}, {"threads", &plan.threads}};
    for (int i = 0; i < count; i++) {
        const std::string_view option = options[i];
        const std::size_t equals = option.find('=');
        const auto found = known.find(option.substr(0, equals));
        if (equals == std::string_view::npos || found == known.end())
            throw std::runtime_error("unknown option " + std::string(option));
        *found->second = std::strtoull(options[i] + equals + 1, nullptr, 10);
    }
    if (!plan.flows || !plan.window || plan.window > plan.flows || !plan.stay || !plan.threads)
        throw std::runtime_error("give flows, window up to flows, stay and threads above 0");
    return plan;
}

} // namespace

int main(int argc, char** argv)
{
    try {
        if (argc < 4)
            throw std::runtime_error("usage: id_sender pcap FILE|tap NAME[,NAME] SENT [option=value...]");
        const Plan plan = read_plan(argc - 4, argv + 4);
        std::vector<Source> sources;
        for (std::uint64_t thread = 0; thread < plan.threads; thread++)
            sources.emplace_back(plan, thread);
        if (std::string_view(argv[1]) == "pcap") {
            write_capture(argv[2], plan, &sources);
            write_sent(argv[3], plan, sources);
        } else {
            send_by_taps(argv[2], argv[3], plan, &sources);
        }
    } catch (const std::exception& e) {
        std::fprintf(stderr, "id_sender: %s\n", e.what());
        return 1;
    }
    return 0;
}
