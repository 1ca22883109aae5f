// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include <fmt/format.h>

#include "sink/sink_runner.h"
#include "support/receiver.h"
#include "support/row_builder.h"
#include "support/sink_module.h"

namespace flowxdp {
namespace {

using namespace test;
using namespace std::string_literals;

constexpr std::int64_t kSecond = 1000000000;
constexpr std::int64_t kStart = 1022171700 * kSecond; // 23 May 2002 18:35:00 where the tutorial's capture was read

std::unique_ptr<Sink> make(const std::string& spec)
{
    return make_module_sink(spec);
}

std::shared_ptr<const Schema> schema()
{
    return make_schema({column("flowInd", FX_U64), column("srcIP", FX_IP), column("l4Proto", FX_U8),
                        column("pktsSnt", FX_U64), column("tcpWinThCnt", FX_U32)});
}

SinkContext context()
{
    SinkContext c;
    c.flow_schema = schema();
    return c;
}

// One ended flow direction; seconds after kStart.
RowBuilder flow(double second, std::uint8_t source, std::uint64_t packets, std::uint32_t below, std::uint8_t proto = 6)
{
    RowBuilder rows(schema());
    rows.row(kStart + static_cast<std::int64_t>(second * 1e9))
        .ip("srcIP", fmt::format("10.0.0.{}", source))
        .put<std::uint8_t>("l4Proto", proto)
        .put<std::uint64_t>("pktsSnt", packets)
        .put<std::uint32_t>("tcpWinThCnt", below);
    return rows;
}

std::string report(const char* time, const std::string& rows, bool nul = true)
{
    std::string text = fmt::format("# Thu 23 May 2002 {}\n# IP\tpktTcpCnt\twinRelThCnt\n{}\n", time, rows);
    if (nul)
        text.push_back('\0');
    return text;
}

class TcpWinSink : public testing::Test {
  protected:
    void SetUp() override
    {
        ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
        ::tzset();
    }
    void TearDown() override
    {
        ::unsetenv("TZ");
        ::tzset();
    }
    static Result<void> tick(Sink* sink, double second)
    {
        return sink->tick(kStart + static_cast<std::int64_t>(second * 1e9));
    }
};

TEST_F(TcpWinSink, ReportsAsTheTutorialDoes)
{
    Receiver receiver;
    const auto sink = make("tcp_win:" + receiver.target());
    ASSERT_TRUE(sink->open(context()).ok());
    struct Event {
        double second;
        std::uint8_t source; // 0: only a tick
        std::uint64_t packets;
        std::uint32_t below;
    };
    const Event events[] = {{1.7, 0, 0, 0},   {2.5, 1, 133, 1},  {4.9, 0, 0, 0},   {5.1, 0, 0, 0},   {6, 2, 94, 6},
                            {9.8, 0, 0, 0},   {10.0, 0, 0, 0},   {11, 3, 92, 1},   {11, 4, 538, 1},  {15.9, 0, 0, 0},
                            {16, 5, 1332, 1}, {16.1, 6, 142, 2}, {17, 7, 62, 1},   {20.2, 0, 0, 0},  {21, 6, 250, 4},
                            {22, 8, 72, 1},   {22, 9, 72, 72},   {22, 10, 365, 6}, {22, 11, 415, 1}, {25.0, 0, 0, 0},
                            {26, 12, 29, 29}};
    for (const Event& e : events) {
        if (e.source) {
            ASSERT_TRUE(sink->write(flow(e.second, e.source, e.packets, e.below).batch()).ok());
        }
        ASSERT_TRUE(tick(sink.get(), e.second).ok());
    }
    ASSERT_TRUE(sink->flush(true).ok());
    ASSERT_TRUE(eventually([&] { return receiver.ended(); }, [&] { receiver.read(); }));
    const std::string one = "10.0.0.1\t133\t0.007519\n", two = one + "10.0.0.2\t94\t0.063830\n",
                      four = two + "10.0.0.3\t92\t0.010870\n10.0.0.4\t538\t0.001859\n",
                      five = four + "10.0.0.5\t1332\t0.000751\n",
                      seven = five + "10.0.0.6\t142\t0.014085\n10.0.0.7\t62\t0.016129\n",
                      eleven = five + "10.0.0.6\t250\t0.016000\n10.0.0.7\t62\t0.016129\n10.0.0.8\t72\t0.013889\n"
                                      "10.0.0.9\t72\t1.000000\n10.0.0.10\t365\t0.016438\n10.0.0.11\t415\t0.002410\n";
    EXPECT_EQ(receiver.all(), report("18:35:05", one) + report("18:35:10", two) + report("18:35:15", four) +
                                  report("18:35:20", seven) + report("18:35:25", eleven));
    ASSERT_EQ(sink->report().size(), 1u);
    EXPECT_EQ(sink->report()[0], "Reports sent: 5");
    EXPECT_EQ(sink->counts().sent, 12u);
    EXPECT_EQ(sink->counts().skipped, 1u);
}

TEST_F(TcpWinSink, TheFirstReportWaitsForAnEntryAndTheNextForTheInterval)
{
    Receiver receiver;
    const auto sink = make("tcp_win:" + receiver.target() + ",nul=0,min_packets=2");
    ASSERT_TRUE(sink->open(context()).ok());
    for (const double second : {1.0, 6.0, 7.0})
        ASSERT_TRUE(tick(sink.get(), second).ok());
    ASSERT_TRUE(sink->write(flow(8, 1, 1, 1).batch()).ok()) << "too few packets";
    ASSERT_TRUE(sink->write(flow(8, 1, 4, 2, 17).batch()).ok()) << "not TCP";
    // The end clocks of rows drive the timer too; this one is late, so the next report is 5 s after it.
    ASSERT_TRUE(sink->write(flow(8, 1, 4, 2).batch()).ok());
    ASSERT_TRUE(tick(sink.get(), 12.9).ok());
    ASSERT_TRUE(tick(sink.get(), 13.0).ok());
    ASSERT_TRUE(tick(sink.get(), 40).ok()) << "no catching up";
    ASSERT_TRUE(sink->flush(true).ok());
    ASSERT_TRUE(eventually([&] { return receiver.ended(); }, [&] { receiver.read(); }));
    const std::string row = "10.0.0.1\t4\t0.500000\n";
    EXPECT_EQ(receiver.all(),
              report("18:35:08", row, false) + report("18:35:13", row, false) + report("18:35:40", row, false));
}

TEST_F(TcpWinSink, AClockThatStepsBackStartsTheTimerAnew)
{
    Receiver receiver;
    const auto sink = make("tcp_win:" + receiver.target() + ",nul=0");
    ASSERT_TRUE(sink->open(context()).ok());
    ASSERT_TRUE(tick(sink.get(), 1000).ok());
    ASSERT_TRUE(sink->write(flow(1006, 1, 50, 25).batch()).ok());
    ASSERT_TRUE(tick(sink.get(), 1).ok());
    ASSERT_TRUE(sink->write(flow(-200, 2, 50, 25).batch()).ok()) << "an older row is no step";
    ASSERT_TRUE(tick(sink.get(), 5).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    ASSERT_TRUE(eventually([&] { return receiver.ended(); }, [&] { receiver.read(); }));
    const std::string row = "10.0.0.1\t50\t0.500000\n";
    EXPECT_EQ(receiver.all(),
              report("18:51:46", row, false) + report("18:35:05", row + "10.0.0.2\t50\t0.500000\n", false));
}

TEST_F(TcpWinSink, AReceiverThatIsAbsentGoesAwayAndReturnsGetsTheNewestReport)
{
    const std::uint16_t port = free_port();
    const auto sink = make(fmt::format("tcp_win:tcp://127.0.0.1:{},nul=0", port));
    ASSERT_TRUE(sink->open(context()).ok());
    EXPECT_FALSE(tick(sink.get(), 0).ok()) << "the refused connection is told here";
    const std::string row = "10.0.0.1\t50\t0.500000\n";
    Result<void> result = sink->write(flow(5, 1, 50, 25).batch());
    for (const double second : {10.0, 15.0, 20.0})
        result = tick(sink.get(), second);
    Receiver receiver(port);
    auto work = [&] {
        const Result<void> flushed = sink->flush(false);
        receiver.read();
    };
    ASSERT_TRUE(eventually([&] { return receiver.all() == report("18:35:20", row, false); }, work));
    receiver.hang_up();
    result = tick(sink.get(), 25);
    ASSERT_TRUE(eventually(
        [&] { return receiver.streams().size() == 2 && receiver.streams()[1] == report("18:35:25", row, false); },
        work));
    ASSERT_TRUE(tick(sink.get(), 30).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    ASSERT_TRUE(eventually([&] { return receiver.ended(); }, work));
    EXPECT_TRUE(receiver.all().ends_with(report("18:35:30", row, false)));
    const auto lines = sink->report();
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0], "Reports sent: 3");
    EXPECT_EQ(lines[1], "Reports not sent or replaced by a newer one: 3");
}

TEST_F(TcpWinSink, UdpCutsBetweenRowsAndRepeatsTheHeader)
{
    DatagramReceiver receiver;
    const auto sink = make("tcp_win:" + receiver.target());
    ASSERT_TRUE(sink->open(context()).ok());
    std::string expected;
    for (std::uint8_t i = 1; i <= 100; i++) {
        ASSERT_TRUE(sink->write(flow(1, i, 50, 25).batch()).ok());
        expected += fmt::format("10.0.0.{}\t50\t0.500000\n", i);
    }
    ASSERT_TRUE(tick(sink.get(), 5).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    const std::string header = "# Thu 23 May 2002 18:35:05\n# IP\tpktTcpCnt\twinRelThCnt\n";
    std::string rows;
    ASSERT_TRUE(eventually([&] { return receiver.datagrams().size() == 2; }, [&] { receiver.read(); }));
    for (const std::string& datagram : receiver.datagrams()) {
        EXPECT_LE(datagram.size(), 1400u);
        ASSERT_TRUE(datagram.starts_with(header));
        ASSERT_TRUE(datagram.ends_with("\n\n\0"s));
        rows += datagram.substr(header.size(), datagram.size() - header.size() - 2);
    }
    EXPECT_EQ(rows, expected);
}

TEST_F(TcpWinSink, BehindItsQueueNoSecondOfClockIsMergedAway)
{
    Receiver receiver;
    SinkRunner runner("tcp_win", make("tcp_win:" + receiver.target() + ",nul=0"), {});
    ASSERT_TRUE(runner.open(context()).ok());
    // Everything waits in the queue before the thread starts, as behind a sink that is slow.
    runner.tick(kStart);
    runner.push(flow(2, 1, 50, 25).shared(), false);
    for (int quarter = 8; quarter <= 80; quarter++)
        runner.tick(kStart + quarter * (kSecond / 4));
    runner.start();
    runner.finish();
    ASSERT_TRUE(eventually([&] { return receiver.ended(); }, [&] { receiver.read(); }));
    const std::string row = "10.0.0.1\t50\t0.500000\n";
    EXPECT_EQ(receiver.all(), report("18:35:05", row, false) + report("18:35:10", row, false) +
                                  report("18:35:15", row, false) + report("18:35:20", row, false));
}

TEST_F(TcpWinSink, NamesItsColumnsAndRefusesOthers)
{
    const auto sink = make("tcp_win");
    const auto module = SinkLibrary(FLOWXDP_SINK_DIR).load("tcp_win");
    ASSERT_TRUE(module.ok());
    std::vector<std::string> columns;
    for (const char* const* column = module->descriptor->required_columns; *column; column++)
        columns.emplace_back(*column);
    EXPECT_EQ(columns, (std::vector<std::string>{"srcIP", "l4Proto", "pktsSnt", "tcpWinThCnt"}));
    SinkContext c;
    c.flow_schema = make_schema({column("srcIP", FX_IP), column("l4Proto", FX_U8), column("pktsSnt", FX_U32)});
    const Result<void> opened = sink->open(c);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().message, "column 'pktsSnt' is of another type than this sink reads");
    const auto wrong = make_module_sink(SinkSpec{"tcp_win", "", {{"interval", "0"}}});
    ASSERT_FALSE(wrong.ok());
    EXPECT_EQ(wrong.error().message,
              "sink 'tcp_win': option 'interval': '0' is too small: give a number from 1 to 86400, e.g. 5");
}

} // namespace
} // namespace flowxdp
