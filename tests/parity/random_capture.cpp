// SPDX-License-Identifier: BSD-2-Clause
#include "parity/random_capture.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "capture/capture.h"
#include "support/encapsulations.h"

namespace flowxdp::test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1'795'000'000 * kSecond;

// Numbers that lead a parser somewhere: ethertypes, ports, lengths at their limits, zero windows.
constexpr std::uint16_t kTelling16[] = {0x0800, 0x86dd, 0x8100, 0x88a8, 0x9100, 0x8847, 0x8848, 0x8863, 0x8864, 0x6558,
                                        0x880b, 0x88be, 0x22eb, 0x0806, 4789,   6081,   2152,   1701,   3544,   5072,
                                        5246,   5247,   80,     0,      1,      20,     0x4500, 0x6000, 0xffff, 0x2000};
constexpr std::uint8_t kTelling8[] = {0,  1,  4,  6,  17,  41,  43,   44,   47,   50,   51,   58,
                                      59, 60, 97, 98, 115, 137, 0x45, 0x46, 0x4f, 0x60, 0x80, 0xff};
// LINKTYPE_USER15: nobody's to define, so no parser will ever know it.
constexpr std::uint16_t kUnsupportedLink = 162;
// Where headers tend to begin.
constexpr std::size_t kBoundaries[] = {0, 4, 8, 12, 14, 18, 20, 22, 34, 38, 42, 50, 54, 58, 62, 66, 74, 94};

} // namespace

void RandomCapture::step_time()
{
    const std::uint64_t kind = below(1000);
    if (!now_ns_ || kind == 0)
        now_ns_ = kStart + below(1000) * kSecond; // starts, and comes back by up to years
    else if (kind < 4)
        now_ns_ += (below(400) + 1) * kSecond; // some of the flows fall due
    else if (kind < 6)
        now_ns_ += below(400'000'000) * kSecond;
    else if (kind < 9)
        now_ns_ -= std::min(now_ns_ - 1, (59 + below(3)) * kSecond); // at the limit of a step back
    else if (kind < 10)
        now_ns_ = below(2) ? 1 : UINT32_MAX * kSecond;
    else if (kind < 60)
        now_ns_ -= std::min(now_ns_ - 1, below(kSecond)); // jitter
    else if (kind > 100)
        now_ns_ += below(20'000'000);
}

void RandomCapture::bend(Bytes* data)
{
    const std::size_t n = data->size();
    // Near the front more often: that is where headers are.
    const std::size_t at = n ? below(one_in(2) ? n : std::min<std::size_t>(n, 90)) : 0;
    switch (below(8)) {
    case 0:
    case 1:
        if (n)
            (*data)[at] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
    case 2:
        if (n)
            (*data)[at] = kTelling8[below(std::size(kTelling8))];
        break;
    case 3:
        if (at + 1 < n) {
            const std::uint16_t value =
                one_in(4) ? static_cast<std::uint16_t>(random_()) : kTelling16[below(std::size(kTelling16))];
            (*data)[at] = static_cast<std::uint8_t>(value >> 8);
            (*data)[at + 1] = static_cast<std::uint8_t>(value);
        }
        break;
    case 4: { // another frame's end behind this one's front
        const Bytes& other = any().data;
        const std::size_t keep = std::min(n, kBoundaries[below(std::size(kBoundaries))]);
        const std::size_t from = std::min(other.size(), kBoundaries[below(std::size(kBoundaries))]);
        data->resize(keep);
        data->insert(data->end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
        break;
    }
    case 5: { // a piece twice: headers in headers
        const std::size_t from = std::min(n, kBoundaries[below(std::size(kBoundaries))]);
        const std::size_t to = std::min(n, from + kBoundaries[below(std::size(kBoundaries))]);
        const Bytes piece(data->begin() + static_cast<std::ptrdiff_t>(from),
                          data->begin() + static_cast<std::ptrdiff_t>(to));
        data->insert(data->begin() + static_cast<std::ptrdiff_t>(from), piece.begin(), piece.end());
        break;
    }
    case 6:
        data->resize(one_in(3) ? below(n + 1) : std::min(n, n - std::min<std::size_t>(n, below(40))));
        break;
    default:
        for (std::uint64_t i = below(16); i && n; i--)
            (*data)[below(n)] = static_cast<std::uint8_t>(random_());
        break;
    }
}

std::vector<RandomFrame> RandomCapture::frames(std::size_t n)
{
    std::vector<RandomFrame> out;
    now_ns_ = 0;
    const std::uint64_t focus = below(pool_->size()), width = 1 + below(60);
    while (out.size() < n) {
        // A third stays near one place of the pool, so that flows grow long enough to be forced and cut.
        RandomFrame frame = one_in(3) ? (*pool_)[(focus + below(width)) % pool_->size()] : any();
        const auto whole = static_cast<std::uint32_t>(frame.data.size());
        frame.wire_len = whole;
        if (!one_in(3))
            for (std::uint64_t i = 1 + below(3); i; i--)
                bend(&frame.data);
        if (one_in(60))
            frame.data.resize(3400 + below(6000), static_cast<std::uint8_t>(random_())); // larger than test-run shows
        if (one_in(40))
            frame.link_type = one_in(8) ? kUnsupportedLink : any().link_type;
        const auto size = static_cast<std::uint32_t>(frame.data.size());
        frame.wire_len = one_in(30)   ? static_cast<std::uint32_t>(below(70'000)) + 1
                         : one_in(10) ? std::max(size, whole)
                                      : size;
        step_time();
        frame.ts_ns = now_ns_;
        out.push_back(std::move(frame));
    }
    return out;
}

std::vector<RandomFrame> random_capture_pool(const std::vector<std::string>& files, std::size_t most)
{
    std::vector<RandomFrame> pool;
    for (const Encapsulation& e : ethernet_encapsulations())
        pool.push_back({e.packet.bytes(), 0, 0, static_cast<std::uint16_t>(e.link_type)});
    for (const std::string& file : files) {
        auto capture = open_captures({file}, {});
        if (!capture.ok())
            continue;
        std::array<Frame, 16> frames;
        std::size_t taken = 0;
        while (const std::size_t n = capture.value()->read(frames))
            for (std::size_t i = 0; i < n && taken < most; i++, taken++)
                pool.push_back({Bytes(frames[i].data, frames[i].data + frames[i].cap_len), 0, 0,
                                static_cast<std::uint16_t>(frames[i].link_type)});
    }
    return pool;
}

Bytes pcapng_of(const std::vector<RandomFrame>& frames)
{
    std::vector<std::uint16_t> links;
    for (const RandomFrame& frame : frames)
        if (std::ranges::find(links, frame.link_type) == links.end())
            links.push_back(frame.link_type);
    PcapngFile file;
    file.section();
    for (const std::uint16_t link : links)
        file.interface(link, 0, {file.resolution(9)});
    for (const RandomFrame& frame : frames)
        file.enhanced(static_cast<std::uint32_t>(std::ranges::find(links, frame.link_type) - links.begin()),
                      frame.ts_ns, frame.data, frame.wire_len);
    return file.bytes();
}

} // namespace flowxdp::test
