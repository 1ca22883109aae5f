// SPDX-License-Identifier: BSD-2-Clause
// capture_bench make FILE MEGABYTES   writes a pcap of mixed packet sizes
// capture_bench read FILE [ROUNDS]    reads it with libpcap and with our reader, in turns; prints the ratio
#include <fmt/format.h>
#include <pcap/pcap.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture.h"

namespace {

// What a loop saw; the sum touches the first byte of every packet, as any parser would.
struct Seen {
    std::uint64_t packets = 0;
    std::uint64_t octets = 0;
    std::uint64_t first_bytes = 0;

    bool operator==(const Seen&) const = default;
};

[[noreturn]] void fail(const std::string& message)
{
    fmt::print(stderr, "capture_bench: {}\n", message);
    std::exit(1);
}

void make(const std::string& path, std::uint64_t bytes)
{
    // A third small, a third full, the rest between: the shape of ordinary traffic.
    constexpr std::array<std::uint32_t, 6> kSizes = {60, 66, 1514, 1514, 250, 590};
    struct pcap_file_header header = {};
    header.magic = 0xa1b2c3d4;
    header.version_major = 2;
    header.version_minor = 4;
    header.snaplen = 262144;
    header.linktype = 1;
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(&header), sizeof(header));
    std::vector<char> frame(1514);
    std::uint64_t written = sizeof(header);
    for (std::uint32_t i = 0; written < bytes; ++i) {
        const std::uint32_t size = kSizes[(i * 2654435761U >> 16) % kSizes.size()];
        const std::array<std::uint32_t, 4> record = {1'700'000'000 + i / 100'000, i % 100'000 * 10, size, size};
        std::memcpy(frame.data(), &i, sizeof(i));
        out.write(reinterpret_cast<const char*>(record.data()), sizeof(record));
        out.write(frame.data(), size);
        written += sizeof(record) + size;
    }
    out.close();
    if (!out)
        fail(fmt::format("cannot write '{}'", path));
}

Seen read_with_libpcap(const std::string& path)
{
    std::array<char, PCAP_ERRBUF_SIZE> error = {};
    pcap_t* handle = pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data());
    if (handle == nullptr)
        fail(error.data());
    Seen seen;
    pcap_loop(
        handle, -1,
        [](u_char* user, const struct pcap_pkthdr* header, const u_char* data) {
            auto* into = reinterpret_cast<Seen*>(user);
            ++into->packets;
            into->octets += header->len;
            into->first_bytes += header->caplen > 0 ? data[0] : 0;
        },
        reinterpret_cast<u_char*>(&seen));
    pcap_close(handle);
    return seen;
}

Seen read_with_ours(const std::string& path)
{
    flowxdp::Result<std::unique_ptr<flowxdp::Capture>> capture = flowxdp::open_captures({path}, {});
    if (!capture)
        fail(capture.error().message);
    Seen seen;
    std::array<flowxdp::Frame, 64> frames;
    while (const std::size_t count = (*capture)->read(frames)) {
        for (std::size_t i = 0; i < count; ++i) {
            ++seen.packets;
            seen.octets += frames[i].wire_len;
            seen.first_bytes += frames[i].cap_len > 0 ? frames[i].data[0] : 0;
        }
    }
    return seen;
}

// Processor time, user and system: what others run on the machine changes it less than the clock on the wall.
double cpu_ns()
{
    struct timespec now = {};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double timed_ns(Seen (*read)(const std::string&), const std::string& path, Seen* seen)
{
    const double start = cpu_ns();
    *seen = read(path);
    return cpu_ns() - start;
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void compare(const std::string& path, int rounds)
{
    std::vector<double> libpcap_ns;
    std::vector<double> our_ns;
    Seen expected = read_with_libpcap(path); // warms the page cache
    for (int round = 0; round < rounds; ++round) {
        Seen seen;
        libpcap_ns.push_back(timed_ns(read_with_libpcap, path, &seen));
        our_ns.push_back(timed_ns(read_with_ours, path, &seen));
        if (seen != expected)
            fail(fmt::format("we saw {} packets, libpcap {}", seen.packets, expected.packets));
    }
    const auto packets = static_cast<double>(std::max<std::uint64_t>(expected.packets, 1));
    const double theirs = median(libpcap_ns) / packets;
    const double ours = median(our_ns) / packets;
    fmt::print("{} packets, processor time, median of {} rounds\n", expected.packets, rounds);
    fmt::print("libpcap loop  {:7.1f} ns/packet  {:6.2f} M packets/s\n", theirs, 1e3 / theirs);
    fmt::print("flowxdp       {:7.1f} ns/packet  {:6.2f} M packets/s\n", ours, 1e3 / ours);
    fmt::print("ratio         {:7.2f} of the libpcap loop's time\n", ours / theirs);
}

} // namespace

int main(int argc, char** argv)
{
    const std::string_view what = argc >= 3 ? argv[1] : "";
    if (what == "make" && argc == 4)
        make(argv[2], std::strtoull(argv[3], nullptr, 10) << 20);
    else if (what == "read" && argc <= 4)
        compare(argv[2], argc == 4 ? std::max(1, std::atoi(argv[3])) : 7);
    else
        fail("usage: capture_bench make FILE MEGABYTES | read FILE [ROUNDS]");
    return 0;
}
