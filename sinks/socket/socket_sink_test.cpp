// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <thread>

#include <fmt/format.h>

#include "sink/sink_runner.h"
#include "support/receiver.h"
#include "support/row_builder.h"
#include "support/sink_module.h"

namespace flowxdp {
namespace {

using namespace test;
using namespace std::string_literals;

std::unique_ptr<Sink> make(const std::string& spec)
{
    return make_module_sink(spec);
}

std::shared_ptr<const Schema> small_schema()
{
    return make_schema({column("flowInd", FX_U64), column("srcIP", FX_IP), column("name", FX_STRING),
                        column("ports", FX_U16, FX_LIST), column("maybe", FX_U16, FX_OPTIONAL)});
}

RowBuilder small_rows(std::uint64_t from, std::uint64_t to)
{
    RowBuilder rows(small_schema());
    for (std::uint64_t i = from; i < to; i++)
        rows.row(1500000000, i)
            .put<std::uint64_t>("flowInd", i)
            .ip("srcIP", "10.0.0.1")
            .text("name", "a\tb")
            .list<std::uint16_t>("ports", {80, 443})
            .empty("maybe");
    return rows;
}

constexpr const char* kHeader = "%flowInd\tsrcIP\tname\tports\tmaybe\n";
std::string text_row(std::uint64_t i)
{
    return fmt::format("{}\t10.0.0.1\t\"a\\tb\"\t80;443\t\n", i);
}

SinkContext context()
{
    SinkContext c;
    c.flow_schema = small_schema();
    c.sensor_id = 666;
    return c;
}

// Opens, writes the batches, drains; returns what the receiver got.
std::string through_tcp(const std::string& options, const std::vector<RowBuilder>& batches, SinkContext c)
{
    Receiver receiver;
    const auto sink = make("socket:" + receiver.target() + options);
    EXPECT_TRUE(sink->open(c).ok());
    std::thread reader([&] { EXPECT_TRUE(eventually([&] { return receiver.ended(); }, [&] { receiver.read(); })); });
    for (const RowBuilder& rows : batches)
        EXPECT_TRUE((c.packet_schema ? sink->write_packets(rows.batch()) : sink->write(rows.batch())).ok());
    EXPECT_TRUE(sink->flush(true).ok());
    reader.join();
    EXPECT_EQ(sink->counts().dropped, 0u);
    return receiver.all();
}

TEST(SocketSink, TextIsTheFlowFileWithItsHeaderLine)
{
    EXPECT_EQ(through_tcp("", {small_rows(1, 3)}, context()), kHeader + text_row(1) + text_row(2));
}

TEST(SocketSink, JsonIsJsonLines)
{
    EXPECT_EQ(through_tcp(",format=json", {small_rows(1, 2)}, context()),
              "{\"flowInd\":1,\"srcIP\":\"10.0.0.1\",\"name\":\"a\\tb\",\"ports\":[80,443],\"maybe\":null}\n");
}

TEST(SocketSink, BinaryIsWhatTheReadmeSays)
{
    RowBuilder rows = small_rows(1, 2);
    rows.row(-1, 0x0102030405060708)
        .put<std::uint64_t>("flowInd", 0x0102030405060708)
        .ip("srcIP", "2001:db8::9")
        .put<std::uint16_t>("maybe", 0x0a0b);
    const std::string schema = "\0\0\0\x37\x01"s
                               "FXDP"
                               "\0\x01\0\0\0\x02\x9a\0\x05"s
                               "\x04\0\x07"s
                               "flowInd"
                               "\x0e\0\x05"s
                               "srcIP"
                               "\x0f\0\x04"s
                               "name"
                               "\x02\x01\x05"s
                               "ports"
                               "\x02\x02\x05"s
                               "maybe";
    const std::string first = "\0\0\0\x30\x02"s                               // length, row
                              "\0\0\0\0\x59\x68\x2f\0\0\0\0\0\0\0\0\x01\0\0"s // end, flow, reason, direction
                              "\xf0"s                                         // all present but the fifth
                              "\0\0\0\0\0\0\0\x01\x04\x0a\0\0\x01\0\0\0\x03"s
                              "a\tb"                       // flowInd, srcIP, name
                              "\0\0\0\x02\0\x50\x01\xbb"s; // ports
    const std::string second = "\0\0\0\x37\x02\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04\x05\x06\x07\x08\0\0\xf8"s
                               "\x01\x02\x03\x04\x05\x06\x07\x08\x06\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"s
                               "\0\0\0\0\0\0\0\0\x0a\x0b"s;
    EXPECT_EQ(through_tcp(",format=binary", {rows}, context()), schema + first + second);
}

TEST(SocketSink, TheOriginIsPartOfEveryFormatWhereItIsAsked)
{
    SinkContext live = context();
    live.boot = 0x0123456789abcdef;
    EXPECT_EQ(through_tcp(",origin=1", {small_rows(1, 2)}, live),
              "%sensor\tboot\t" + std::string(kHeader).substr(1) + "666\t0x0123456789abcdef\t" + text_row(1));
    EXPECT_TRUE(through_tcp(",origin=1,format=json", {small_rows(1, 2)}, live)
                    .starts_with(R"({"sensor":666,"boot":"0x0123456789abcdef","flowInd":1,)"));
    const std::string origin = "\0\0\0\x0d\x03\0\0\x02\x9a\x01\x23\x45\x67\x89\xab\xcd\xef"s;
    const std::string binary = through_tcp(",format=binary", {small_rows(1, 2)}, live);
    EXPECT_EQ(binary.find(origin), 0x37u + 4) << "behind the schema";
    EXPECT_EQ(through_tcp(",format=binary", {small_rows(1, 2)}, context()).find(origin), std::string::npos);
}

TEST(SocketSink, ManyRowsArriveInOrder)
{
    std::string expected = kHeader;
    for (std::uint64_t i = 1; i < 20001; i++)
        expected += text_row(i);
    EXPECT_TRUE(through_tcp("", {small_rows(1, 10001), small_rows(10001, 20001)}, context()) == expected);
}

TEST(SocketSink, PacketRowsAreSentWhenAskedForAndFlowRowsSkipped)
{
    SinkContext c = context();
    c.packet_schema = small_schema();
    EXPECT_EQ(through_tcp(",rows=packets", {small_rows(1, 2)}, c),
              std::string(kHeader) + "1\t10.0.0.1\ta\\tb\t80;443\t\n");
    Receiver receiver;
    const auto sink = make("socket:" + receiver.target());
    ASSERT_TRUE(sink->open(c).ok());
    ASSERT_TRUE(sink->write_packets(small_rows(1, 4).batch()).ok());
    EXPECT_EQ(sink->counts().skipped, 3u);
    ASSERT_TRUE(sink->flush(true).ok());
    const auto none = make("socket:" + receiver.target() + ",rows=packets");
    EXPECT_FALSE(none->open(context()).ok()) << "no packet mode";
}

TEST(SocketSink, UdpSplitsAtRowBordersWithin1400Bytes)
{
    DatagramReceiver receiver;
    const auto sink = make("socket:" + receiver.target());
    ASSERT_TRUE(sink->open(context()).ok());
    std::string expected;
    for (std::uint64_t i = 1; i < 201; i++)
        expected += text_row(i);
    ASSERT_TRUE(sink->write(small_rows(1, 201).batch()).ok());
    RowBuilder large(small_schema());
    large.row().text("name", std::string(3000, 'n'));
    ASSERT_TRUE(sink->write(large.batch()).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    std::string all;
    ASSERT_TRUE(eventually([&] { return !receiver.datagrams().empty() && receiver.datagrams().back().size() > 3000; },
                           [&] { receiver.read(); }));
    const auto& datagrams = receiver.datagrams();
    EXPECT_EQ(datagrams.front(), kHeader);
    for (std::size_t i = 1; i + 1 < datagrams.size(); i++) {
        EXPECT_LE(datagrams[i].size(), 1400u);
        EXPECT_TRUE(datagrams[i].ends_with("\n"));
        all += datagrams[i];
    }
    EXPECT_EQ(all, expected);
    EXPECT_GT(datagrams.size(), 4u);
    EXPECT_EQ(sink->counts().sent, 201u);
}

TEST(SocketSink, BehindItsQueueAReceiverThatComesLateGetsHeaderAndRows)
{
    const std::uint16_t port = free_port();
    auto sink = make(fmt::format("socket:tcp://127.0.0.1:{}", port));
    SinkRunner runner("socket", std::move(sink), {});
    ASSERT_TRUE(runner.open(context()).ok()) << "an absent receiver is no start-up error";
    runner.start();
    runner.push(small_rows(1, 3).shared(), false);
    ASSERT_TRUE(eventually([&] { return !runner.state().last_error.empty(); }, [] {}));
    EXPECT_EQ(runner.state().last_error,
              fmt::format("tcp://127.0.0.1:{}: cannot connect: Connection refused; trying again", port));
    Receiver receiver(port);
    ASSERT_TRUE(
        eventually([&] { return receiver.all() == kHeader + text_row(1) + text_row(2); }, [&] { receiver.read(); }));
    runner.finish();
    EXPECT_EQ(runner.sink().counts().sent, 2u);
    EXPECT_EQ(runner.sink().counts().errors, 1u);
}

TEST(SocketSink, OptionsAreChecked)
{
    const auto wrong = [](const SinkSpec& spec) {
        const auto sink = make_module_sink(spec);
        return sink.ok() ? "" : sink.error().message;
    };
    EXPECT_EQ(wrong({"socket", "", {{"format", "xml"}}}),
              "sink 'socket': option 'format': 'xml' is not known; there are: text, json, binary");
    EXPECT_EQ(wrong({"socket", "", {{"keep", "0"}}}),
              "sink 'socket': option 'keep': '0' is too small: give a number from 1 to 65536, e.g. 64");
    EXPECT_EQ(wrong({"socket", "host", {}}), "sink 'socket': target 'host' has no protocol that is known: write "
                                             "tcp://HOST:PORT, udp://HOST:PORT or unix:PATH");
}

} // namespace
} // namespace flowxdp
