// SPDX-License-Identifier: BSD-2-Clause
#include "capture/capture.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "read_frames.h"

namespace flowxdp::test {
namespace {

Bytes small_pcap(std::uint8_t seed, std::uint32_t packets = 2)
{
    PcapFile file;
    for (std::uint32_t i = 0; i < packets; ++i)
        file.packet(seed, i, sample_frame(20, seed));
    return file.bytes();
}

std::string open_error(const std::vector<std::string>& files)
{
    Result<std::unique_ptr<Capture>> capture = open_captures(files, {});
    return capture ? "" : capture.error().message;
}

// Replaces stdin for one scope.
class StdinFrom {
  public:
    explicit StdinFrom(int fd) : saved_(::dup(STDIN_FILENO)) { ::dup2(fd, STDIN_FILENO); }
    ~StdinFrom()
    {
        ::dup2(saved_, STDIN_FILENO);
        ::close(saved_);
    }
    StdinFrom(const StdinFrom&) = delete;
    StdinFrom& operator=(const StdinFrom&) = delete;

  private:
    int saved_;
};

TEST(Capture, FilesAreOneStreamInTheirOrder)
{
    TempFolder dir;
    PcapngFile ng;
    ng.section().interface(113).enhanced(0, 5, sample_frame(9));
    const std::vector<std::string> files = {dir.write("b", small_pcap(1)), dir.write("a", ng.bytes()),
                                            dir.write("empty", PcapFile().bytes()), dir.write("c", small_pcap(3))};
    Result<std::unique_ptr<Capture>> capture = open_captures(files, {});
    ASSERT_TRUE(capture.ok()) << capture.error().message;
    const std::uint64_t total = (*capture)->bytes_total();
    EXPECT_EQ(total, 2 * small_pcap(1).size() + ng.bytes().size() + 24);
    const std::vector<OwnedFrame> frames = read_all(**capture);
    ASSERT_EQ(frames.size(), 5U);
    EXPECT_EQ(frames[1].data, sample_frame(20, 1));
    EXPECT_EQ(frames[2].link_type, 113U);
    EXPECT_EQ(frames[4].data, sample_frame(20, 3));
    EXPECT_EQ((*capture)->bytes_read(), total);
    EXPECT_TRUE((*capture)->damages().empty());
    ASSERT_EQ((*capture)->files().size(), 4U);
    EXPECT_EQ((*capture)->files()[1].name, files[1]);
    EXPECT_TRUE((*capture)->files()[1].pcapng);
    EXPECT_EQ((*capture)->files()[1].packets, 1U);
    EXPECT_EQ((*capture)->files()[1].size_bytes, ng.bytes().size());
    EXPECT_EQ((*capture)->files()[2].packets, 0U);
}

TEST(Capture, ADamagedFileEndsItselfNotTheStream)
{
    TempFolder dir;
    Bytes cut = small_pcap(1);
    cut.pop_back();
    const std::string damaged = dir.write("damaged", cut);
    Result<std::unique_ptr<Capture>> capture = open_captures({damaged, dir.write("good", small_pcap(2))}, {});
    ASSERT_TRUE(capture.ok());
    EXPECT_EQ(read_all(**capture).size(), 3U);
    ASSERT_EQ((*capture)->damages().size(), 1U);
    EXPECT_EQ((*capture)->damages()[0].file, damaged);
    EXPECT_EQ((*capture)->damages()[0].offset, 60U);
    EXPECT_EQ((*capture)->damages()[0].reason, "the file ends inside a packet, 19 of 20 captured bytes are there");
    EXPECT_EQ((*capture)->bytes_read(), (*capture)->bytes_total());
}

TEST(Capture, ProgressReachesTheEndOfAFileLeftEarly)
{
    TempFolder dir;
    Bytes lying = PcapFile().record(0, 0, 0xffffffff, 1).bytes();
    lying.resize(8U << 20);
    Result<std::unique_ptr<Capture>> capture = open_captures({dir.write("lying", lying)}, {});
    ASSERT_TRUE(capture.ok());
    EXPECT_EQ(read_all(**capture).size(), 0U);
    EXPECT_EQ((*capture)->bytes_read(), 8U << 20);
}

TEST(Capture, ErrorsNameFileAndReason)
{
    TempFolder dir;
    const std::string good = dir.write("good", small_pcap(1));
    const auto expect = [&](const std::string& file, const std::string& reason) {
        EXPECT_EQ(open_error({file}), "cannot read capture '" + file + "': " + reason);
        EXPECT_EQ(open_error({good, file}), "cannot read capture '" + file + "': " + reason);
    };
    expect(dir / "nowhere", "No such file or directory");
    expect(dir / "", "it is a directory");
    expect(dir.write("empty", {}), "it is empty");
    expect(dir.write("text", {'h', 'e', 'l', 'l', 'o'}), "not a pcap or pcapng file (first bytes 0x68656c6c)");
    expect(dir.write("short", {0xd4, 0xc3}), "it ends inside the file header, 2 bytes are there");
    expect(dir.write("snoop", {'s', 'n', 'o', 'o', 'p', 0, 0, 0, 0, 0, 0, 2}),
           "it is a snoop file, not pcap or pcapng; convert it with editcap -F pcapng");
    expect(dir.write("xz", {0xfd, '7', 'z', 'X', 'Z', 0}),
           "it is xz data, not pcap or pcapng; decompress it with xz -d");
    expect(dir.write("shb", ByteWriter(false).u32(0x0a0d0d0a).u32(28).u32(7).data()),
           "not a pcap or pcapng file (first bytes 0x0a0d0d0a)");
    expect("/dev/null", "it is empty");
    EXPECT_EQ(open_error({}), "cannot read captures: no file is given; name one, or '-' for stdin");
    EXPECT_EQ(open_error({"-", "-"}), "cannot read captures: '-' is given more than once, stdin can be read once");
    if (::geteuid() != 0) {
        const std::string secret = dir.write("secret", small_pcap(1));
        ASSERT_EQ(::chmod(secret.c_str(), 0), 0);
        expect(secret, "Permission denied");
    }
}

TEST(Capture, AFileThatVanishesBeforeItsTurnIsADamage)
{
    TempFolder dir;
    const std::vector<std::string> files = {dir.write("a", small_pcap(1)), dir.write("b", small_pcap(2)),
                                            dir.write("c", small_pcap(3))};
    Result<std::unique_ptr<Capture>> capture = open_captures(files, {});
    ASSERT_TRUE(capture.ok());
    std::filesystem::remove(files[1]);
    EXPECT_EQ(read_all(**capture).size(), 4U);
    ASSERT_EQ((*capture)->damages().size(), 1U);
    EXPECT_EQ((*capture)->damages()[0].file, files[1]);
    EXPECT_EQ((*capture)->damages()[0].reason, "No such file or directory");
}

TEST(Capture, StdinIsReadAsItArrives)
{
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const Bytes data = small_pcap(1);
    std::atomic<bool> got_first = false;
    std::thread writer([&] {
        // The first packet must be delivered before the second is written.
        EXPECT_EQ(::write(ends[1], data.data(), 60), 60);
        for (int i = 0; i < 5000 && !got_first; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        EXPECT_TRUE(got_first);
        EXPECT_EQ(::write(ends[1], data.data() + 60, data.size() - 60), static_cast<ssize_t>(data.size() - 60));
        ::close(ends[1]);
    });
    {
        StdinFrom redirected(ends[0]);
        Result<std::unique_ptr<Capture>> capture = open_captures({"-"}, {});
        ASSERT_TRUE(capture.ok()) << capture.error().message;
        std::array<Frame, 8> frames;
        EXPECT_EQ((*capture)->read(frames), 1U);
        got_first = true;
        EXPECT_EQ((*capture)->read(frames), 1U);
        EXPECT_EQ((*capture)->read(frames), 0U);
        EXPECT_EQ((*capture)->read(frames), 0U);
        EXPECT_EQ((*capture)->bytes_total(), 0U);
        EXPECT_EQ((*capture)->bytes_read(), data.size());
        EXPECT_TRUE((*capture)->damages().empty());
    }
    writer.join();
    ::close(ends[0]);
}

TEST(Capture, ASilentPipeCanBeStopped)
{
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const Bytes data = small_pcap(1);
    ASSERT_EQ(::write(ends[1], data.data(), data.size() - 1), static_cast<ssize_t>(data.size() - 1));
    std::atomic<bool> stop = false;
    CaptureOptions options;
    options.poll_ms = 5;
    options.stop = [&] { return stop.load(); };
    StdinFrom redirected(ends[0]);
    Result<std::unique_ptr<Capture>> capture = open_captures({"-"}, options);
    ASSERT_TRUE(capture.ok()) << capture.error().message;
    std::array<Frame, 8> frames;
    EXPECT_EQ((*capture)->read(frames), 1U);
    stop = true;
    EXPECT_EQ((*capture)->read(frames), 0U);
    EXPECT_TRUE((*capture)->damages().empty());
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST(Capture, ALaterFifoIsOpenedAtItsTurn)
{
    TempFolder dir;
    const std::string fifo = dir / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    Result<std::unique_ptr<Capture>> capture = open_captures({dir.write("a", small_pcap(1)), fifo}, {});
    ASSERT_TRUE(capture.ok());
    EXPECT_EQ((*capture)->bytes_total(), 0U);
    std::thread writer([&] { write_file(fifo, small_pcap(2)); });
    EXPECT_EQ(read_all(**capture).size(), 4U);
    writer.join();
    EXPECT_TRUE((*capture)->damages().empty());
}

TEST(Capture, BytesThatAreHeldStay)
{
    // Many buffers, one with a record larger than a buffer, two files; the frame says what its bytes have to be.
    constexpr std::uint32_t kFrames = 300;
    const auto frame = [](std::uint32_t n) {
        return Bytes(n == 100 ? 700'000 : 5'000 + n, static_cast<std::uint8_t>(n));
    };
    TempFolder dir;
    PcapFile halves[2];
    for (std::uint32_t n = 0; n < kFrames; n++)
        halves[n / (kFrames / 2)].packet(n, 0, frame(n));
    Result<std::unique_ptr<Capture>> capture =
        open_captures({dir.write("a", halves[0].bytes()), dir.write("b", halves[1].bytes())}, {});
    ASSERT_TRUE(capture.ok());
    std::vector<Frame> all;
    std::vector<FrameBytes> held;
    std::array<Frame, 7> frames;
    while (const std::size_t n = (*capture)->read(frames)) {
        all.insert(all.end(), frames.begin(), frames.begin() + n);
        held.push_back((*capture)->bytes());
    }
    capture->reset();
    ASSERT_EQ(all.size(), kFrames);
    for (std::uint32_t n = 0; n < kFrames; n++)
        EXPECT_EQ(Bytes(all[n].data, all[n].data + all[n].cap_len), frame(n)) << n;
}

TEST(CaptureList, PathsCommentsAndBlankLines)
{
    TempFolder dir;
    const std::string a = dir.write("a b.pcap", small_pcap(1));
    const std::string c = dir.write("c.pcap", small_pcap(1));
    const std::string text = "# list\n\n  " + a + " \r\n-\n#x\n" + c;
    Result<std::vector<std::string>> list = read_capture_list(dir.write("list", Bytes(text.begin(), text.end())));
    ASSERT_TRUE(list.ok()) << list.error().message;
    EXPECT_EQ(*list, (std::vector<std::string>{a, "-", c}));
}

TEST(CaptureList, ErrorsNameListAndLine)
{
    TempFolder dir;
    const std::string text = "# list\n/nowhere/x.pcap\n";
    const std::string list = dir.write("list", Bytes(text.begin(), text.end()));
    EXPECT_EQ(read_capture_list(list).error().message,
              "capture list '" + list + "', line 2: cannot read capture '/nowhere/x.pcap': No such file or directory");
    const std::string empty = dir.write("empty", {'#', '\n'});
    EXPECT_EQ(read_capture_list(empty).error().message,
              "capture list '" + empty + "' names no file; write one path a line");
    EXPECT_EQ(read_capture_list(dir / "none").error().message,
              "cannot read capture list '" + dir / "none" + "': No such file or directory");
    EXPECT_EQ(read_capture_list(dir / "").error().message,
              "cannot read capture list '" + dir / "" + "': Is a directory");
}

TEST(CaptureList, WhatIsNoListIsRefusedBeforeItFillsTheMemory)
{
    TempFolder dir;
    EXPECT_EQ(read_capture_list("/dev/zero").error().message,
              "cannot read capture list '/dev/zero': it is no text: the byte at offset 0 is 0");
    const std::string large = dir.write("large", Bytes(kMaxListBytes + 1, '#'));
    EXPECT_EQ(read_capture_list(large).error().message,
              "cannot read capture list '" + large + "': it is larger than 16777216 bytes");
    Bytes line(5000, 'x');
    line.insert(line.begin(), '\n');
    const std::string wide = dir.write("wide", line);
    EXPECT_EQ(read_capture_list(wide).error().message,
              "capture list '" + wide + "', line 2: 5000 bytes are no path, which has at most 4095");
}

TEST(CaptureList, AListOfTheLargestSizeIsRead)
{
    TempFolder dir;
    const std::string path = dir.write("a.pcap", small_pcap(1));
    Bytes text(kMaxListBytes - path.size() - 1, '#');
    text.push_back('\n');
    text.insert(text.end(), path.begin(), path.end());
    const Result<std::vector<std::string>> list = read_capture_list(dir.write("list", text));
    ASSERT_TRUE(list.ok()) << list.error().message;
    EXPECT_EQ(*list, std::vector<std::string>{path});
}

} // namespace
} // namespace flowxdp::test
