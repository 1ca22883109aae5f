// SPDX-License-Identifier: BSD-2-Clause
// Every capture of a folder read by us and by tshark: the same packets with the same times and lengths. What tshark
// refuses for its link type is compared with libpcap. Folder: the environment variable FLOWXDP_CORPUS, by default
// shared/corpus/selected beside the source tree.
#include <gtest/gtest.h>
#include <pcap/pcap.h>
#include <stdio.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "read_frames.h"

namespace flowxdp::test {
namespace {

std::filesystem::path corpus_folder()
{
    if (const char* folder = std::getenv("FLOWXDP_CORPUS"))
        return folder;
    const char* source = std::getenv("FLOWXDP_SOURCE_DIR");
    return std::filesystem::path(source != nullptr ? source : ".") / ".." / "shared" / "corpus" / "selected";
}

struct Seen {
    std::int64_t ts_ns;
    std::uint64_t wire_len;
    std::uint64_t cap_len;

    bool operator==(const Seen&) const = default;
};

// "SECONDS.NNNNNNNNN" as tshark prints it, negative for times before the epoch; clamped as ours are (frame.h).
std::int64_t parse_epoch(const std::string& text)
{
    const std::size_t dot = text.find('.');
    const std::int64_t seconds = std::stoll(text.substr(0, dot));
    std::string digits = dot == std::string::npos ? "" : text.substr(dot + 1);
    digits.resize(9, '0');
    const std::int64_t fraction = std::stoll(digits);
    const __int128 ns = static_cast<__int128>(seconds) * 1'000'000'000 + (text.front() == '-' ? -fraction : fraction);
    return static_cast<std::int64_t>(std::clamp<__int128>(ns, -kTimeLimitNs, kTimeLimitNs));
}

std::string quoted(const std::string& text)
{
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

// Lines a command prints on stdout.
std::vector<std::string> run(const std::string& command)
{
    std::vector<std::string> lines;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr)
        return lines;
    std::string line;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
        if (c != '\n') {
            line += static_cast<char>(c);
            continue;
        }
        lines.push_back(std::move(line));
        line.clear();
    }
    ::pclose(pipe);
    return lines;
}

// What tshark read; *refused = it does not know the link type.
std::vector<Seen> seen_by_tshark(const std::filesystem::path& file, bool* refused)
{
    std::vector<Seen> result;
    for (const std::string& line : run("tshark -n -r " + quoted(file.string()) +
                                       " -T fields -e frame.time_epoch -e frame.len -e frame.cap_len 2>&1")) {
        *refused = *refused || line.find("unknown or unsupported") != std::string::npos;
        std::istringstream fields(line);
        std::string epoch;
        Seen seen = {};
        fields >> epoch >> seen.wire_len >> seen.cap_len;
        if (!fields)
            continue;
        seen.ts_ns = parse_epoch(epoch);
        result.push_back(seen);
    }
    return result;
}

std::vector<Seen> seen_by_libpcap(const std::filesystem::path& file)
{
    std::vector<Seen> result;
    char error[PCAP_ERRBUF_SIZE] = {};
    pcap_t* handle = pcap_open_offline_with_tstamp_precision(file.c_str(), PCAP_TSTAMP_PRECISION_NANO, error);
    if (handle == nullptr) {
        ADD_FAILURE() << file << ": " << error;
        return result;
    }
    struct pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    while (pcap_next_ex(handle, &header, &data) == 1)
        result.push_back({header->ts.tv_sec * 1'000'000'000LL + header->ts.tv_usec, header->len, header->caplen});
    pcap_close(handle);
    return result;
}

// Empty when both saw the same.
std::string difference(const std::filesystem::path& file)
{
    Result<std::unique_ptr<Capture>> capture = open_captures({file.string()}, {});
    if (!capture)
        return capture.error().message;
    std::vector<Seen> ours;
    for (const OwnedFrame& frame : read_all(**capture))
        ours.push_back({frame.ts_ns, frame.wire_len, frame.data.size()});
    bool refused = false;
    std::vector<Seen> theirs = seen_by_tshark(file, &refused);
    if (refused)
        theirs = seen_by_libpcap(file);
    const char* const peer = refused ? "libpcap" : "tshark";
    std::ostringstream out;
    if (ours.size() != theirs.size())
        out << ours.size() << " packets, " << peer << " has " << theirs.size() << "; ";
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
        if (ours[i] == theirs[i])
            continue;
        out << "packet " << i + 1 << ": time " << ours[i].ts_ns << " length " << ours[i].wire_len << " captured "
            << ours[i].cap_len << ", " << peer << " has " << theirs[i].ts_ns << " " << theirs[i].wire_len << " "
            << theirs[i].cap_len;
        break;
    }
    if (!(*capture)->damages().empty() && !out.str().empty())
        out << " [damage: " << (*capture)->damages()[0].reason << "]";
    return out.str();
}

TEST(CaptureTshark, EveryCaptureOfTheCorpusIsReadAlike)
{
    const std::filesystem::path folder = corpus_folder();
    if (!std::filesystem::is_directory(folder))
        GTEST_SKIP() << "no folder of captures: " << folder << "; name one in FLOWXDP_CORPUS";
    if (run("tshark --version 2>/dev/null").empty())
        GTEST_SKIP() << "no tshark";
    std::size_t compared = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (!entry.is_regular_file())
            continue;
        EXPECT_EQ(difference(entry.path()), "") << name;
        ++compared;
    }
    EXPECT_GT(compared, 0U);
}

} // namespace
} // namespace flowxdp::test
