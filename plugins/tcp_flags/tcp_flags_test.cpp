// SPDX-License-Identifier: BSD-2-Clause
// tcp_flags: the columns as plugins/tcp_flags/README.md defines them.
#include "support/plugin_bench.h"

#include <random>

#include "flowxdp/parse.h"

namespace flowxdp::test {
namespace {

constexpr unsigned A = DIRECTION_A, B = DIRECTION_B;
constexpr std::uint32_t kSeqA = 0xffffff00, kSeqB = 5000; // A's numbers wrap

packet with_options(packet p, int mss, int scale)
{
    p.tcp_header_len = 28;
    p.tcp_option_count = 0;
    if (mss >= 0) {
        p.tcp_mss = static_cast<__u16>(mss);
        p.flags |= PACKET_HAS_MSS;
        p.tcp_options |= 1u << 2;
        p.tcp_option_count++;
    }
    if (scale >= 0) {
        p.tcp_window_scale = static_cast<__u8>(scale);
        p.flags |= PACKET_HAS_WSCALE;
        p.tcp_options |= 1u << 3;
        p.tcp_option_count++;
    }
    return p;
}

packet with_timestamp(packet p, std::uint32_t value, std::uint32_t echo)
{
    p.tcp_header_len = 32;
    p.tcp_ts_value = value;
    p.tcp_ts_echo = echo;
    p.flags |= PACKET_HAS_TIMESTAMP;
    p.tcp_options |= 1u << 8 | 1u << 1;
    p.tcp_option_count = 3;
    return p;
}

class TcpFlags : public ::testing::Test {
  protected:
    TcpFlags() : bench({"tcp_flags"}) {}

    void handshake(int scale_a = -1, int scale_b = -1)
    {
        bench.packet_in(A, with_options(tcp_packet(TCP_SYN, kSeqA, 0, 0, 8192), 1460, scale_a));
        bench.packet_in(B, with_options(tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1, 0, 4096), 1380, scale_b),
                        80 * kMs);
        bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 1, kSeqB + 1, 0, 500), 2 * kMs);
    }
    // n bytes from A at offset; windows stay at 500.
    void a_data(std::uint32_t offset, std::uint32_t n, std::int64_t delay = kMs)
    {
        bench.packet_in(A, tcp_packet(TCP_ACK | TCP_PSH, kSeqA + 1 + offset, kSeqB + 1, n, 500), delay);
    }
    void b_ack(std::uint32_t offset, std::uint16_t window = 400, std::int64_t delay = kMs)
    {
        bench.packet_in(B, tcp_packet(TCP_ACK, kSeqB + 1, kSeqA + 1 + offset, 0, window), delay);
    }
    std::map<std::string, std::string> a() { return bench.flow_row(A); }
    std::map<std::string, std::string> b() { return bench.flow_row(B); }

    Bench bench;
};

TEST_F(TcpFlags, CleanConnection)
{
    handshake();
    a_data(0, 600); // wraps kSeqA
    b_ack(600, 400, 30 * kMs);
    a_data(600, 100);
    b_ack(700, 400, 50 * kMs);
    bench.packet_in(A, tcp_packet(TCP_FIN | TCP_ACK, kSeqA + 701, kSeqB + 1, 0, 500));
    bench.packet_in(B, tcp_packet(TCP_FIN | TCP_ACK, kSeqB + 1, kSeqA + 702, 0, 400), 20 * kMs);
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 702, kSeqB + 2, 0, 500), 4 * kMs);

    auto row = a();
    EXPECT_EQ(row["tcpISeqN"], std::to_string(kSeqA));
    EXPECT_EQ(row["tcpPSeqCnt"], "4"); // SYN, two data, FIN
    EXPECT_EQ(row["tcpSeqSntBytes"], "700");
    EXPECT_EQ(row["tcpSeqFaultCnt"], "0");
    EXPECT_EQ(row["tcpPAckCnt"], "2"); // of the SYN, of the FIN
    EXPECT_EQ(row["tcpFlwLssAckRcvdBytes"], "0");
    EXPECT_EQ(row["tcpAckFaultCnt"], "0");
    EXPECT_EQ(row["tcpBFlgtMx"], "600");
    EXPECT_EQ(row["tcpAnomaly"], "0x0000");
    EXPECT_EQ(row["tcpFlags"], "0x011b"); // FIN SYN PSH ACK FIN-ACK
    EXPECT_EQ(row["tcpMSS"], "1460");
    EXPECT_EQ(row["tcpOptPktCnt"], "1");
    EXPECT_EQ(row["tcpOptCnt"], "1");
    EXPECT_EQ(row["tcpOptions"], "0x00000004");
    EXPECT_EQ(row["tcpSSASAATrip"], "0.002");
    EXPECT_EQ(row["tcpRTTAckTripMin"], "0.004"); // of B's FIN
    EXPECT_EQ(row["tcpRTTAckTripMax"], "0.004");
    EXPECT_EQ(row["tcpRTTAckTripAvg"], "0.004");
    EXPECT_EQ(row["tcpRTTAckTripJitAvg"], "0");
    EXPECT_EQ(row["tcpRTTSseqAA"], "0.082");
    EXPECT_EQ(row["tcpFStat"], "0x0013"); // intervals, options, window by SYN

    row = b();
    EXPECT_EQ(row["tcpPSeqCnt"], "2");
    EXPECT_EQ(row["tcpSeqSntBytes"], "0");
    EXPECT_EQ(row["tcpPAckCnt"], "4"); // SYN, 600, 700, FIN
    EXPECT_EQ(row["tcpFlwLssAckRcvdBytes"], "700");
    EXPECT_EQ(row["tcpFlags"], "0x0313");
    EXPECT_EQ(row["tcpSSASAATrip"], "0.08");
    EXPECT_EQ(row["tcpRTTAckTripMin"], "0.02");
    EXPECT_EQ(row["tcpRTTAckTripMax"], "0.05");
    EXPECT_EQ(row["tcpRTTAckTripAvg"], "0.03333333"); // 30, 50, 20 ms
    EXPECT_EQ(row["tcpRTTAckTripJitAvg"], "0.025");   // (20 + 30) / 2 ms
    EXPECT_EQ(row["tcpRTTSseqAA"], "0.03733333");     // A's mean and B's
    EXPECT_EQ(row["tcpRTTAckJitAvg"], "0.025");
}

TEST_F(TcpFlags, WindowsAreScaledWhenBothSidesSay)
{
    handshake(3, 2);
    a_data(0, 10);
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 11, kSeqB + 1, 0, 700));
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 11, kSeqB + 1, 0, 600));
    bench.packet_in(A, tcp_packet(TCP_RST, kSeqA + 11, 0, 0, 0));
    auto row = a();
    EXPECT_EQ(row["tcpInitWinSz"], "8192") << "a SYN's window is never scaled";
    EXPECT_EQ(row["tcpMinWinSz"], "4000");
    EXPECT_EQ(row["tcpMaxWinSz"], "5600");
    EXPECT_EQ(row["tcpAvgWinSz"], "4600"); // (500 + 500 + 700 + 600) * 8 / 4, without SYN and RST
    EXPECT_EQ(row["tcpWinSzUpCnt"], "1");
    EXPECT_EQ(row["tcpWinSzDwnCnt"], "1");
    EXPECT_EQ(row["tcpWinSzChgDirCnt"], "1");
    EXPECT_EQ(row["tcpWS"], "3");
    EXPECT_EQ(row["tcpWinSzThRt"], "0");
    EXPECT_EQ(row["tcpFStat"], "0x0a33"); // turned, scale used, update, init, options, intervals

    bench.reset();
    handshake(3, -1);
    auto unscaled = a();
    EXPECT_EQ(unscaled["tcpMinWinSz"], "500") << "B did not agree";
    EXPECT_EQ(unscaled["tcpFStat"], "0x0013");
}

TEST_F(TcpFlags, WindowThresholdSkipsSynFinRst)
{
    Bench low({"tcp_flags:winmin=1000"});
    low.packet_in(A, tcp_packet(TCP_SYN, 1, 0, 0, 0));
    low.packet_in(A, tcp_packet(TCP_ACK, 2, 1, 0, 999));
    low.packet_in(A, tcp_packet(TCP_ACK, 2, 1, 0, 1000));
    low.packet_in(A, tcp_packet(TCP_FIN | TCP_ACK, 2, 1, 0, 0));
    low.packet_in(A, tcp_packet(TCP_RST, 3, 1, 0, 0));
    EXPECT_EQ(low.flow_row(A)["tcpWinSzThRt"], "0.2"); // 1 of 5
    EXPECT_EQ(low.report_lines().back(), "tcpFlags: Number of effective TCP windows below 1000: 1 [0.00%]");
    EXPECT_THROW(Bench({"tcp_flags:winmin=0"}), StartupError);
}

TEST_F(TcpFlags, SynAgain)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0), 1000 * kMs);
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1), 7 * kMs);
    EXPECT_EQ(a()["tcpAnomaly"], "0x0001");
    EXPECT_EQ(a()["tcpSeqFaultCnt"], "1");
    EXPECT_EQ(b()["tcpSSASAATrip"], "0.007") << "from the last SYN";
}

TEST_F(TcpFlags, SynWithPayload)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0, 20));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 21));
    EXPECT_EQ(a()["tcpAnomaly"], "0x4000");
    EXPECT_EQ(a()["tcpSeqSntBytes"], "20");
    EXPECT_EQ(b()["tcpFlwLssAckRcvdBytes"], "20");
}

TEST_F(TcpFlags, RetransmissionIsNotTimed)
{
    handshake();
    a_data(0, 100);
    a_data(0, 100, 300 * kMs);
    b_ack(100);
    EXPECT_EQ(a()["tcpAnomaly"], "0x0002");
    EXPECT_EQ(a()["tcpSeqFaultCnt"], "1");
    EXPECT_EQ(a()["tcpSeqSntBytes"], "100");
    EXPECT_EQ(b()["tcpRTTAckTripMax"], "0");
    // part old, part new
    a_data(50, 100);
    EXPECT_EQ(a()["tcpSeqSntBytes"], "150");
    EXPECT_EQ(a()["tcpSeqFaultCnt"], "2");
}

TEST_F(TcpFlags, DuplicateAcksMakeFastRetransmission)
{
    handshake();
    a_data(0, 100);
    b_ack(100);
    // A sends 100..200, which is lost behind the sensor, and three more
    for (std::uint32_t i = 1; i <= 4; i++)
        a_data(100 * i, 100);
    for (int i = 0; i < 3; i++)
        b_ack(100);
    EXPECT_EQ(b()["tcpAnomaly"], "0x0008");
    EXPECT_EQ(b()["tcpAckFaultCnt"], "0");
    a_data(100, 100);
    EXPECT_EQ(a()["tcpAnomaly"], "0x0006");
    EXPECT_EQ(a()["tcpBFlgtMx"], "400");
    b_ack(500);
    EXPECT_EQ(b()["tcpFlwLssAckRcvdBytes"], "500");
}

TEST_F(TcpFlags, HoleThatIsFilledIsDisorder)
{
    handshake();
    a_data(0, 100);
    a_data(200, 100);
    EXPECT_EQ(a()["tcpAnomaly"], "0x0200");
    a_data(100, 100);
    EXPECT_EQ(a()["tcpAnomaly"], "0x0240");
    EXPECT_EQ(a()["tcpSeqFaultCnt"], "2");
    EXPECT_EQ(a()["tcpSeqSntBytes"], "300");
    b_ack(300);
    EXPECT_EQ(a()["tcpAnomaly"], "0x0240") << "nothing was lost";
    a_data(100, 100);
    EXPECT_EQ(a()["tcpAnomaly"], "0x0242") << "the hole is closed: this is old";
}

TEST_F(TcpFlags, HoleThatIsAcknowledgedIsCaptureLoss)
{
    handshake();
    a_data(0, 100);
    a_data(200, 100);
    b_ack(100);
    EXPECT_EQ(a()["tcpAnomaly"], "0x0200");
    b_ack(300);
    EXPECT_EQ(a()["tcpAnomaly"], "0x0280");
    EXPECT_EQ(b()["tcpAnomaly"], "0x0000");
    b_ack(1000);
    EXPECT_EQ(b()["tcpAnomaly"], "0x0100") << "beyond what was seen";
    EXPECT_EQ(b()["tcpAckFaultCnt"], "1");
    b_ack(300);
    EXPECT_EQ(b()["tcpAckFaultCnt"], "2") << "backwards";
}

TEST_F(TcpFlags, AcknowledgmentThatIsWrongTwiceIsOneFault)
{
    handshake();
    a_data(0, 100);
    b_ack(1000);
    EXPECT_EQ(b()["tcpAckFaultCnt"], "1") << "beyond what was seen";
    b_ack(500);
    EXPECT_EQ(b()["tcpAckFaultCnt"], "2") << "backwards, and still beyond";
}

TEST_F(TcpFlags, KeepAlive)
{
    handshake();
    a_data(0, 100);
    b_ack(100);
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 100, kSeqB + 1, 0, 500));
    b_ack(100);
    EXPECT_EQ(a()["tcpAnomaly"], "0x0010");
    EXPECT_EQ(b()["tcpAnomaly"], "0x0020");
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 100, kSeqB + 1, 1, 500)); // with the garbage byte
    EXPECT_EQ(a()["tcpAnomaly"], "0x0010");
    EXPECT_EQ(a()["tcpSeqFaultCnt"], "0");
    EXPECT_EQ(a()["tcpSeqSntBytes"], "100");
}

TEST_F(TcpFlags, ZeroWindowProbe)
{
    handshake();
    a_data(0, 400);
    b_ack(400, 0);
    a_data(400, 1);
    EXPECT_EQ(a()["tcpFStat"], "0x0053") << "probe";
    b_ack(400, 0);
    EXPECT_EQ(b()["tcpFStat"], "0x0193"); // window low, probe ACK, init, options, intervals
    EXPECT_EQ(b()["tcpAnomaly"], "0x0000") << "no duplicate ACK";
    EXPECT_EQ(a()["tcpSeqSntBytes"], "400");
    a_data(400, 1);
    EXPECT_EQ(a()["tcpAnomaly"], "0x0000");
    b_ack(401, 1000);
    EXPECT_EQ(a()["tcpSeqSntBytes"], "401") << "taken after all";
    EXPECT_EQ(b()["tcpAnomaly"], "0x0000");
    EXPECT_EQ(b()["tcpWinSzThRt"], "0.5"); // 2 of SYN-ACK and three ACKs
    a_data(401, 600);
    EXPECT_EQ(a()["tcpFStat"], "0x0053");
    a_data(1001, 400);
    EXPECT_EQ(a()["tcpFStat"], "0x0453") << "1000 bytes fill the window";
}

TEST_F(TcpFlags, WindowUpdateAlone)
{
    handshake();
    a_data(0, 100);
    b_ack(100, 10);
    b_ack(100, 900);
    EXPECT_EQ(b()["tcpFStat"], "0x0033");
    EXPECT_EQ(b()["tcpWinSzUpCnt"], "1");
}

TEST_F(TcpFlags, ScansAndRefusals)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
    EXPECT_EQ(a()["tcpAnomaly"], "0x1000");
    bench.packet_in(B, tcp_packet(TCP_RST | TCP_ACK, 0, kSeqA + 1));
    EXPECT_EQ(a()["tcpAnomaly"], "0x1000");
    EXPECT_EQ(b()["tcpAnomaly"], "0x0000");
    EXPECT_EQ(b()["tcpFlags"], "0x0414");

    bench.reset();
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1));
    bench.packet_in(A, tcp_packet(TCP_RST, kSeqA + 1, 0));
    EXPECT_EQ(a()["tcpAnomaly"], "0x3000");
    EXPECT_EQ(b()["tcpAnomaly"], "0x0000");

    const struct {
        unsigned flags;
        const char *word, *anomaly;
    } probes[] = {
        {0, "0x0800", "0x1000"},
        {TCP_FIN, "0x0001", "0x1000"},
        {TCP_FIN | TCP_PSH | TCP_URG, "0x8029", "0x1000"},
        {TCP_SYN | TCP_FIN, "0x1003", "0x1000"},
        {TCP_SYN | TCP_FIN | TCP_RST, "0x7007", "0x1000"},
        {TCP_FIN | TCP_RST, "0x4005", "0x1000"},
        {TCP_RST, "0x0004", "0x0000"},
        {TCP_ACK, "0x0010", "0x0000"},
    };
    for (const auto& probe : probes) {
        bench.reset();
        bench.packet_in(A, tcp_packet(probe.flags, 7, 0));
        EXPECT_EQ(a()["tcpFlags"], probe.word);
        EXPECT_EQ(a()["tcpAnomaly"], probe.anomaly) << probe.flags;
    }
    bench.reset();
    handshake();
    EXPECT_EQ(a()["tcpAnomaly"], "0x0000") << "an open connection without data is no scan";
}

TEST_F(TcpFlags, MidStreamStartsWithoutFaults)
{
    bench.packet_in(B, tcp_packet(TCP_ACK, 900, 100, 50));
    bench.packet_in(A, tcp_packet(TCP_ACK, 100, 950));
    EXPECT_EQ(a()["tcpAnomaly"], "0x0000");
    EXPECT_EQ(b()["tcpAnomaly"], "0x0000");
    EXPECT_EQ(b()["tcpSeqSntBytes"], "50");
    EXPECT_EQ(a()["tcpFlwLssAckRcvdBytes"], "50");
    EXPECT_EQ(a()["tcpInitWinSz"], "1000");
}

TEST_F(TcpFlags, NewConnectionOnSamePortsStartsNumbersAnew)
{
    handshake();
    a_data(0, 100);
    b_ack(100);
    bench.packet_in(A, tcp_packet(TCP_SYN, 77, 0));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 123456, 78));
    bench.packet_in(A, tcp_packet(TCP_ACK, 78, 123457, 10));
    bench.packet_in(B, tcp_packet(TCP_ACK, 123457, 88));
    EXPECT_EQ(a()["tcpISeqN"], "77");
    EXPECT_EQ(a()["tcpSeqSntBytes"], "110");
    EXPECT_EQ(a()["tcpSeqFaultCnt"], "0");
    EXPECT_EQ(b()["tcpSeqFaultCnt"], "0");
    EXPECT_EQ(b()["tcpAckFaultCnt"], "0");
}

// One flow, several connections: counts add up, and numbers begin anew with each (RFC 9293 3.4.1).
TEST_F(TcpFlags, ConnectionAfterFinOnSamePorts)
{
    auto connection = [this](std::uint32_t a, std::uint32_t b, std::uint32_t bytes) {
        bench.packet_in(A, tcp_packet(TCP_SYN, a, 0));
        bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, b, a + 1), 10 * kMs);
        bench.packet_in(A, tcp_packet(TCP_ACK, a + 1, b + 1, bytes), 20 * kMs);
        bench.packet_in(B, tcp_packet(TCP_ACK, b + 1, a + 1 + bytes));
        bench.packet_in(A, tcp_packet(TCP_FIN | TCP_ACK, a + 1 + bytes, b + 1));
        bench.packet_in(B, tcp_packet(TCP_FIN | TCP_ACK, b + 1, a + 2 + bytes));
        bench.packet_in(A, tcp_packet(TCP_ACK, a + 2 + bytes, b + 2));
    };
    connection(100, 500, 0);
    bench.packet_in(A, tcp_packet(TCP_SYN, 9000, 0));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 7000, 9001));
    bench.packet_in(A, tcp_packet(TCP_ACK, 9001, 7001));
    bench.packet_in(A, tcp_packet(TCP_ACK | TCP_PSH, 9001, 7001, 10));
    EXPECT_EQ(a()["tcpFlwLssAckRcvdBytes"], "0");
    EXPECT_EQ(b()["tcpFlwLssAckRcvdBytes"], "0");

    // also where numbers wrap, and where the next ones are behind the last
    bench.reset();
    connection(0xfffffff0, 0x7ffffffe, 30);
    connection(0x80000000, 12, 4);
    connection(0xffffff00, 5, 1000);
    connection(7, 0xffffffff, 1);
    for (unsigned direction : {A, B}) {
        auto row = bench.flow_row(direction);
        EXPECT_EQ(row["tcpSeqSntBytes"], direction == A ? "1035" : "0");
        EXPECT_EQ(row["tcpFlwLssAckRcvdBytes"], direction == B ? "1035" : "0");
        EXPECT_EQ(row["tcpISeqN"], direction == A ? "7" : "4294967295");
        EXPECT_EQ(row["tcpSeqFaultCnt"], "0");
        EXPECT_EQ(row["tcpAckFaultCnt"], "0");
        EXPECT_EQ(row["tcpAnomaly"], "0x0000");
        EXPECT_EQ(row["tcpPSeqCnt"], direction == A ? "12" : "8") << "SYN, data, FIN each";
        EXPECT_EQ(row["tcpSSASAATrip"], direction == A ? "0.02" : "0.01");
    }
}

TEST_F(TcpFlags, EachConnectionHasItsWindowScale)
{
    handshake(3, 2);
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 1, kSeqB + 1, 0, 700));
    bench.packet_in(B, tcp_packet(TCP_RST | TCP_ACK, kSeqB + 1, kSeqA + 1, 0, 0));
    auto again = [this](int scale_a, int scale_b) {
        bench.packet_in(A, with_options(tcp_packet(TCP_SYN, 77, 0, 0, 8192), 536, scale_a));
        bench.packet_in(B, with_options(tcp_packet(TCP_SYN | TCP_ACK, 99, 78, 0, 4096), 1380, scale_b));
        bench.packet_in(A, tcp_packet(TCP_ACK, 78, 100, 0, 600));
    };
    again(-1, -1);
    EXPECT_EQ(bench.packet_row()["tcpWin"], "600");
    auto row = a();
    EXPECT_EQ(row["tcpMinWinSz"], "600") << "not scaled: the second connection has no option";
    EXPECT_EQ(row["tcpMaxWinSz"], "5600") << "700 * 8: the first one has";
    EXPECT_EQ(row["tcpAvgWinSz"], "3400"); // (500 * 8 + 700 * 8 + 600) / 3
    EXPECT_EQ(row["tcpWS"], "0");
    EXPECT_EQ(row["tcpMSS"], "536");
    EXPECT_EQ(row["tcpWinSzDwnCnt"], "0") << "the next connection's window is compared with none";
    again(7, 7);
    EXPECT_EQ(bench.packet_row()["tcpWin"], "600") << "the same numbers: sent again";

    bench.packet_in(A, with_options(tcp_packet(TCP_SYN, 177, 0, 0, 8192), 1460, 7));
    bench.packet_in(B, with_options(tcp_packet(TCP_SYN | TCP_ACK, 199, 178, 0, 4096), 1380, 7));
    bench.packet_in(A, tcp_packet(TCP_ACK, 178, 200, 0, 600));
    row = a();
    EXPECT_EQ(row["tcpMaxWinSz"], "76800");
    EXPECT_EQ(row["tcpMinWinSz"], "600");
    EXPECT_EQ(row["tcpWS"], "7");
}

TEST_F(TcpFlags, SynAckThatNobodyAcknowledgesChangesNothing)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, 100, 0));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 500, 101));
    bench.packet_in(A, tcp_packet(TCP_ACK, 101, 501));
    bench.packet_in(B, with_options(tcp_packet(TCP_SYN | TCP_ACK, 900000, 101, 0, 7), 9, 14));
    bench.packet_in(A, tcp_packet(TCP_ACK | TCP_PSH, 101, 501, 50));
    bench.packet_in(B, tcp_packet(TCP_ACK | TCP_PSH, 501, 151, 70));
    bench.packet_in(A, tcp_packet(TCP_ACK, 151, 571));
    auto row = b();
    EXPECT_EQ(row["tcpISeqN"], "500");
    EXPECT_EQ(row["tcpSeqSntBytes"], "70");
    EXPECT_EQ(row["tcpBFlgtMx"], "70");
    EXPECT_EQ(row["tcpSeqFaultCnt"], "0");
    EXPECT_EQ(row["tcpAnomaly"], "0x0000");
    EXPECT_EQ(row["tcpMSS"], "0");
    EXPECT_EQ(row["tcpWS"], "0");
    EXPECT_EQ(row["tcpMinWinSz"], "1000");
    EXPECT_EQ(a()["tcpFlwLssAckRcvdBytes"], "70");
}

TEST_F(TcpFlags, ForgedSegmentsChangeNothing)
{
    const struct {
        const char* name;
        packet segment;
    } forged[] = {
        {"SYN", tcp_packet(TCP_SYN, 0x40000000, 0)},
        {"SYN with data", tcp_packet(TCP_SYN, 0x40000000, 0, 100)},
        {"SYN-ACK", tcp_packet(TCP_SYN | TCP_ACK, 0x40000000, kSeqB + 1)},
        {"data right of the window", tcp_packet(TCP_ACK, kSeqA + 5000, kSeqB + 1, 100)},
        {"data far right", tcp_packet(TCP_ACK, 0x60000000, 0x12345678, 100)},
        {"data left", tcp_packet(TCP_ACK, kSeqA - 100000, kSeqB + 1, 100)},
        {"FIN", tcp_packet(TCP_FIN | TCP_ACK, 0x60000000, kSeqB + 1)},
        {"ACK", tcp_packet(TCP_ACK, 0x60000000, 0x70000000)},
        {"ACK of unsent", tcp_packet(TCP_ACK, kSeqA + 1, kSeqB + 0x40000000)},
        {"RST", tcp_packet(TCP_RST, 0x60000000, 0)},
    };
    for (const auto& f : forged) {
        bench.reset();
        handshake();
        a_data(0, 100);
        b_ack(100);
        bench.packet_in(A, f.segment);
        a_data(100, 200);
        b_ack(300);
        bench.packet_in(B, tcp_packet(TCP_ACK, kSeqB + 1, kSeqA + 301, 40, 400));
        bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 301, kSeqB + 41, 0, 500));
        auto row = a();
        EXPECT_EQ(row["tcpISeqN"], std::to_string(kSeqA)) << f.name;
        EXPECT_EQ(row["tcpSeqSntBytes"], "300") << f.name;
        EXPECT_EQ(row["tcpBFlgtMx"], "200") << f.name;
        EXPECT_EQ(row["tcpFlwLssAckRcvdBytes"], "40") << f.name;
        EXPECT_EQ(std::stoul(row["tcpAnomaly"], nullptr, 16) & 0x0243, 0u) << f.name << ": no byte sent again, no hole";
        row = b();
        EXPECT_EQ(row["tcpFlwLssAckRcvdBytes"], "300") << f.name;
        EXPECT_EQ(row["tcpAckFaultCnt"], "0") << f.name;
        EXPECT_EQ(row["tcpAnomaly"], "0x0000") << f.name;
    }
}

// An answer to a SYN that was never sent, before the real one.
TEST_F(TcpFlags, ForgedAnswerComesFirst)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, 100, 0));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 900000, 5000, 0, 65535));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 500, 101, 0, 1000));
    bench.packet_in(A, tcp_packet(TCP_ACK, 101, 501, 20));
    bench.packet_in(B, tcp_packet(TCP_ACK, 501, 121, 30));
    EXPECT_EQ(b()["tcpISeqN"], "500");
    EXPECT_EQ(b()["tcpSeqSntBytes"], "30");
    EXPECT_EQ(b()["tcpFlwLssAckRcvdBytes"], "20");
    EXPECT_EQ(a()["tcpSeqFaultCnt"], "0");
}

TEST_F(TcpFlags, LateSynBelongsToItsConnection)
{
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 500, 101));
    bench.packet_in(A, tcp_packet(TCP_ACK, 101, 501));
    bench.packet_in(A, tcp_packet(TCP_ACK | TCP_PSH, 101, 501, 50));
    bench.packet_in(A, tcp_packet(TCP_SYN, 100, 0));
    bench.packet_in(B, tcp_packet(TCP_ACK, 501, 151));
    EXPECT_EQ(a()["tcpISeqN"], "100");
    EXPECT_EQ(a()["tcpAnomaly"], "0x0040") << "out of order, nothing sent again";
    EXPECT_EQ(a()["tcpSeqSntBytes"], "50");
    EXPECT_EQ(b()["tcpFlwLssAckRcvdBytes"], "50");

    // its window scale counts for what came before it
    bench.reset();
    bench.packet_in(B, with_options(tcp_packet(TCP_SYN | TCP_ACK, 500, 101), -1, 1));
    bench.packet_in(A, tcp_packet(TCP_ACK, 101, 501, 0, 300));
    bench.packet_in(A, with_options(tcp_packet(TCP_SYN, 100, 0), -1, 2));
    EXPECT_EQ(a()["tcpMaxWinSz"], "1200");
}

// Two SYNs, nobody has answered: the answer decides.
TEST_F(TcpFlags, SynWithAnotherNumber)
{
    for (const std::uint32_t answered : {100u, 3000u}) {
        bench.reset();
        bench.packet_in(A, tcp_packet(TCP_SYN, 100, 0));
        bench.packet_in(A, tcp_packet(TCP_SYN, 3000, 0), 1000 * kMs);
        bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 500, answered + 1), 10 * kMs);
        bench.packet_in(A, tcp_packet(TCP_ACK, answered + 1, 501, 5));
        bench.packet_in(B, tcp_packet(TCP_ACK, 501, answered + 6));
        EXPECT_EQ(a()["tcpISeqN"], std::to_string(answered));
        EXPECT_EQ(a()["tcpSeqSntBytes"], "5");
        EXPECT_EQ(a()["tcpSeqFaultCnt"], "0");
        EXPECT_EQ(b()["tcpFlwLssAckRcvdBytes"], "5");
        EXPECT_EQ(b()["tcpAckFaultCnt"], "0");
        EXPECT_EQ(b()["tcpSSASAATrip"], answered == 100 ? "1.01" : "0.01");
    }
}

// RFC 9293 3.5.1: one side has lost the connection and begins another one.
TEST_F(TcpFlags, HalfOpenConnectionStartsAnew)
{
    handshake();
    a_data(0, 100);
    b_ack(100);
    bench.packet_in(A, tcp_packet(TCP_SYN, 0x20000000, 0));
    bench.packet_in(B, tcp_packet(TCP_ACK, kSeqB + 1, kSeqA + 101, 0, 400)); // what it was waiting for
    bench.packet_in(A, tcp_packet(TCP_RST, kSeqA + 101, 0, 0, 0));
    bench.packet_in(A, tcp_packet(TCP_SYN, 0x20000000, 0), 1000 * kMs);
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 0x30000000, 0x20000001));
    bench.packet_in(A, tcp_packet(TCP_ACK, 0x20000001, 0x30000001, 7));
    bench.packet_in(B, tcp_packet(TCP_ACK, 0x30000001, 0x20000008));
    EXPECT_EQ(a()["tcpISeqN"], std::to_string(0x20000000));
    EXPECT_EQ(a()["tcpSeqSntBytes"], "107");
    EXPECT_EQ(a()["tcpAnomaly"], "0x0001") << "the SYN was sent twice";
    EXPECT_EQ(b()["tcpFlwLssAckRcvdBytes"], "107");
    EXPECT_EQ(b()["tcpAckFaultCnt"], "0");
}

TEST_F(TcpFlags, SimultaneousOpen)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, 100, 0));
    bench.packet_in(B, tcp_packet(TCP_SYN, 300, 0));
    bench.packet_in(A, tcp_packet(TCP_SYN | TCP_ACK, 100, 301));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 300, 101));
    bench.packet_in(A, tcp_packet(TCP_ACK, 101, 301, 10));
    for (unsigned direction : {A, B}) { // RFC 9293 figure 8: each number is sent twice by rule
        EXPECT_EQ(bench.flow_row(direction)["tcpAnomaly"], "0x0000");
        EXPECT_EQ(bench.flow_row(direction)["tcpSeqFaultCnt"], "0");
    }
    EXPECT_EQ(a()["tcpSeqSntBytes"], "10");
}

// One side alone was captured: nobody can acknowledge, what the sender goes on with decides.
TEST_F(TcpFlags, OneSidedConnections)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, 100, 0));
    bench.packet_in(A, tcp_packet(TCP_ACK, 101, 501, 10));
    bench.packet_in(A, tcp_packet(TCP_SYN, 0x70000000, 0));
    bench.packet_in(A, tcp_packet(TCP_ACK, 111, 501, 10));
    EXPECT_EQ(a()["tcpISeqN"], "100");
    EXPECT_EQ(a()["tcpSeqSntBytes"], "20");
    bench.packet_in(A, tcp_packet(TCP_SYN, 0x50000000, 0));
    bench.packet_in(A, tcp_packet(TCP_ACK, 0x50000001, 900, 10));
    bench.packet_in(A, tcp_packet(TCP_ACK, 0x5000000b, 900, 10));
    EXPECT_EQ(a()["tcpISeqN"], std::to_string(0x50000000));
    EXPECT_EQ(a()["tcpSeqSntBytes"], "40");
    EXPECT_EQ(a()["tcpSeqFaultCnt"], "0");
}

// RFC 7413: the data of a SYN is acknowledged with it, or not and sent again.
TEST_F(TcpFlags, FastOpenTimesTheHandshake)
{
    for (const std::uint32_t taken : {0u, 7u}) {
        bench.reset();
        bench.packet_in(A, tcp_packet(TCP_SYN, 100, 0, 7));
        bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 500, 101 + taken), 10 * kMs);
        bench.packet_in(A, tcp_packet(TCP_ACK | TCP_PSH, 101 + taken, 501, 7 - taken), 20 * kMs);
        bench.packet_in(B, tcp_packet(TCP_ACK, 501, 108));
        EXPECT_EQ(b()["tcpSSASAATrip"], "0.01") << taken;
        EXPECT_EQ(a()["tcpSSASAATrip"], "0.02") << taken;
        EXPECT_EQ(a()["tcpSeqSntBytes"], "7") << taken;
        EXPECT_EQ(b()["tcpFlwLssAckRcvdBytes"], "7") << taken;
        EXPECT_EQ(a()["tcpAnomaly"], taken ? "0x4000" : "0x4002") << taken;
    }
}

// A hole larger than any window: the capture lost packets of both sides, and goes on when they agree.
TEST_F(TcpFlags, CaptureLossBeyondTheWindow)
{
    handshake();
    a_data(0, 100);
    b_ack(100);
    a_data(1'000'000, 100);
    EXPECT_EQ(a()["tcpSeqSntBytes"], "100") << "not yet";
    b_ack(1'000'100);
    EXPECT_EQ(a()["tcpSeqSntBytes"], "1000100");
    EXPECT_EQ(a()["tcpAnomaly"], "0x0280");
    EXPECT_EQ(a()["tcpSeqFaultCnt"], "1");
    EXPECT_EQ(b()["tcpFlwLssAckRcvdBytes"], "1000100");
    a_data(1'000'100, 100);
    b_ack(1'000'200);
    EXPECT_EQ(a()["tcpSeqSntBytes"], "1000200");
    EXPECT_EQ(a()["tcpSeqFaultCnt"], "1");
}

// More bytes than a sequence number can tell.
TEST_F(TcpFlags, FiveGibibytes)
{
    constexpr std::uint32_t kBytes = 60000;
    handshake(14, 14);
    std::uint64_t sent = 0;
    while (sent < 5ull << 30) {
        a_data(static_cast<std::uint32_t>(sent), kBytes, 1000);
        sent += kBytes;
        b_ack(static_cast<std::uint32_t>(sent), 400, 1000);
    }
    EXPECT_EQ(a()["tcpSeqSntBytes"], std::to_string(sent));
    EXPECT_EQ(b()["tcpFlwLssAckRcvdBytes"], std::to_string(sent));
    EXPECT_EQ(a()["tcpSeqFaultCnt"], "0");
    EXPECT_EQ(b()["tcpAckFaultCnt"], "0");
    EXPECT_EQ(a()["tcpAnomaly"], "0x0000");
}

TEST_F(TcpFlags, Timestamps)
{
    bench.packet_in(A, with_timestamp(tcp_packet(TCP_SYN, 1, 0), 0xfffffff0, 99));
    EXPECT_EQ(a()["tcpTmER"], "0") << "not valid without ACK";
    bench.packet_in(A, with_timestamp(tcp_packet(TCP_ACK, 2, 1), 5, 42));
    auto row = a();
    EXPECT_EQ(row["tcpTmS"], "5");
    EXPECT_EQ(row["tcpTmER"], "42");
    EXPECT_EQ(row["tcpOptPktCnt"], "2");
    EXPECT_EQ(row["tcpOptCnt"], "6");
    EXPECT_EQ(row["tcpOptions"], "0x00000102");
    EXPECT_EQ(row["tcpFStat"], "0x0013") << "the wrap is no decrease";
    bench.packet_in(A, with_timestamp(tcp_packet(TCP_ACK, 2, 1), 4, 42));
    EXPECT_EQ(a()["tcpFStat"], "0x0017");
}

TEST_F(TcpFlags, IpFields)
{
    auto ip = [](std::uint16_t id, std::uint8_t ttl, std::uint8_t flags) {
        packet p = udp_packet(10);
        p.ip_id = id;
        p.ttl = ttl;
        p.tos = 0xb8;
        p.ip_flags = flags;
        return p;
    };
    bench.packet_in(A, ip(65530, 64, 2));
    auto row = a();
    EXPECT_EQ(row["ipMindIPID"], "0") << "one packet has no distance";
    EXPECT_EQ(row["ipFlags"], "0x0040");
    bench.packet_in(A, ip(65533, 64, 2));
    bench.packet_in(A, ip(4, 60, 2)); // 7 on, over the end
    EXPECT_EQ(bench.packet_row()["ipIDDiff"], "7");
    row = a();
    EXPECT_EQ(row["ipMindIPID"], "3");
    EXPECT_EQ(row["ipMaxdIPID"], "7");
    EXPECT_EQ(row["ipMinTTL"], "60");
    EXPECT_EQ(row["ipMaxTTL"], "64");
    EXPECT_EQ(row["ipTTLChg"], "1");
    EXPECT_EQ(row["ipToS"], "0xb8");
    EXPECT_EQ(row["ipFlags"], "0x0044");
    bench.packet_in(A, ip(2, 60, 4), 0);
    EXPECT_EQ(bench.packet_row()["ipIDDiff"], "-2");
    row = a();
    EXPECT_EQ(row["ipMindIPID"], "2");
    EXPECT_EQ(row["ipFlags"], "0x40c6"); // interval 0, reserved, DF, rollover, back
    EXPECT_EQ(row["tcpFlags"], "0x0000");
    EXPECT_EQ(row["tcpFStat"], "0x0001");
}

TEST_F(TcpFlags, EarlierTimeIsNegativeInterval)
{
    bench.packet_in(A, udp_packet(1));
    bench.packet_in(A, udp_packet(1), -5 * kMs);
    EXPECT_EQ(a()["ipFlags"], "0x8000");
    EXPECT_EQ(a()["tcpFStat"], "0x0000");
}

packet fragment(std::uint16_t id, unsigned offset_bytes, std::uint32_t bytes, bool more)
{
    packet p = udp_packet(bytes);
    p.l4_len = bytes;
    p.l3_end = 34 + bytes;
    p.ip_id = id;
    p.fragment_id = id;
    p.fragment_version = 4;
    p.fragment_proto = 17;
    p.fragment_offset = static_cast<__u16>(offset_bytes / 8);
    p.ip_flags = more;
    p.flags = static_cast<__u16>(!offset_bytes ? PACKET_FIRST_FRAGMENT
                                 : more        ? PACKET_LATER_FRAGMENT
                                               : PACKET_LATER_FRAGMENT | PACKET_LAST_FRAGMENT);
    return p;
}

TEST_F(TcpFlags, Fragments)
{
    bench.packet_in(A, fragment(1, 0, 1480, true));
    EXPECT_EQ(bench.packet_row()["ipFrag"], "0x2000");
    bench.packet_in(A, fragment(1, 1480, 1480, true));
    bench.packet_in(A, fragment(1, 2960, 100, false));
    EXPECT_EQ(bench.packet_row()["ipFrag"], "0x0172");
    EXPECT_EQ(a()["ipFlags"], "0x0020") << "whole and in order";
    bench.packet_in(A, fragment(2, 0, 1480, true));
    bench.packet_in(A, fragment(2, 2960, 100, false));
    EXPECT_EQ(a()["ipFlags"], "0x0120") << "a fragment is missing";

    bench.reset();
    bench.packet_in(A, fragment(3, 0, 1480, true));
    bench.packet_in(A, fragment(4, 0, 1480, true));
    EXPECT_EQ(a()["ipFlags"], "0x0220") << "the datagram before was not finished";
    bench.reset();
    bench.packet_in(A, fragment(5, 1480, 100, false));
    EXPECT_EQ(a()["ipFlags"], "0x0200") << "no first fragment";
    bench.reset();
    bench.packet_in(A, fragment(6, 0, 40, true));
    EXPECT_EQ(a()["ipFlags"], "0x0028") << "60 bytes of IP";
    bench.reset();
    bench.packet_in(A, fragment(7, 65528, 100, false));
    EXPECT_EQ(a()["ipFlags"], "0x0210") << "ping of death";
}

TEST_F(TcpFlags, ShortHeaders)
{
    packet p = tcp_packet(TCP_ACK, 1, 1);
    p.l4_len = 24;
    p.tcp_header_len = 32;
    bench.packet_in(A, p);
    EXPECT_EQ(a()["ipFlags"], "0x1000");
}

TEST_F(TcpFlags, PacketColumns)
{
    handshake(3, 2);
    bench.packet_in(A, with_timestamp(tcp_packet(TCP_ACK | TCP_FIN, kSeqA + 1, kSeqB + 1, 10, 100), 7, 8));
    auto row = bench.packet_row();
    EXPECT_EQ(row["seq"], std::to_string(kSeqA + 1));
    EXPECT_EQ(row["ack"], std::to_string(kSeqB + 1));
    EXPECT_EQ(row["tcpWin"], "800");
    EXPECT_EQ(row["tcpFlags"], "0x0111");
    EXPECT_EQ(row["tcpMSS"], "");
    EXPECT_EQ(row["tcpTmS"], "7");
    EXPECT_EQ(row["tcpTmER"], "8");
    EXPECT_EQ(row["ipTTL"], "64");
    EXPECT_EQ(row["ipToS"], "0x00");

    bench.reset();
    packet l2{};
    l2.wire_len = l2.cap_len = 60;
    bench.packet_in(A, l2);
    for (const char* name : {"ipToS", "ipID", "ipIDDiff", "ipFrag", "ipTTL", "seq", "tcpWin", "tcpFlags", "tcpAnomaly"})
        EXPECT_EQ(bench.packet_row()[name], "") << name;
    EXPECT_EQ(a()["ipMinTTL"], "0");
}

TEST_F(TcpFlags, WantsOptionsOfEverySegment)
{
    EXPECT_TRUE(bench.config().flags & FLOW_CONFIG_TCP_OPTIONS);
    bench.packet_in(A, tcp_packet(TCP_SYN, 1, 0));
    a();
    EXPECT_EQ(bench.report_lines(),
              (std::vector<std::string>{"tcpFlags: Aggregated tcpFStat=0x0010", "tcpFlags: Aggregated tcpFlags=0x0002",
                                        "tcpFlags: Aggregated tcpAnomaly=0x1000",
                                        "tcpFlags: Number of TCP scans, successful scans: 1, 0"}));
}

// A sender whose segments are cut at random, some sent twice at once: sums follow from what was sent.
TEST_F(TcpFlags, RandomTransfersAddUp)
{
    std::mt19937 random(42);
    for (int round = 0; round < 200; round++) {
        bench.reset();
        handshake();
        std::uint32_t sent = 0, repeats = 0, segments = 0, most = 0, acked = 0;
        for (int i = 0; i < 100; i++) {
            const std::uint32_t n = 2 + random() % 1400;
            a_data(sent, n);
            segments++;
            if (random() % 8 == 0) {
                a_data(sent, n);
                repeats++;
            }
            sent += n;
            most = std::max(most, sent - acked);
            if (random() % 3 == 0) {
                b_ack(sent);
                acked = sent;
            }
        }
        b_ack(sent);
        auto row = a();
        ASSERT_EQ(row["tcpSeqSntBytes"], std::to_string(sent)) << "round " << round;
        ASSERT_EQ(row["tcpSeqFaultCnt"], std::to_string(repeats)) << "round " << round;
        ASSERT_EQ(row["tcpPSeqCnt"], std::to_string(segments + 1)) << "round " << round;
        ASSERT_EQ(row["tcpBFlgtMx"], std::to_string(most)) << "round " << round;
        ASSERT_EQ(b()["tcpFlwLssAckRcvdBytes"], std::to_string(sent)) << "round " << round;
        ASSERT_EQ(b()["tcpAckFaultCnt"], "0") << "round " << round;
    }
}

// Anything at all may come: nothing may trap (sanitizers watch) and the unsigned sums stay sane.
TEST_F(TcpFlags, NoiseIsHarmless)
{
    std::mt19937 random(99);
    for (int i = 0; i < 200'000; i++) {
        if (i % 500 == 0)
            bench.reset();
        packet p =
            tcp_packet(random() & 0xff, static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random()),
                       random() % 3 ? 0 : random() % 2000, static_cast<std::uint16_t>(random()));
        if (random() % 4) { // close numbers make the interesting cases
            p.tcp_seq = 1000 + random() % 8;
            p.tcp_ack = 1000 + random() % 8;
            p.payload_len = random() % 4;
        }
        if (random() % 16 == 0)
            p.flags |= PACKET_LATER_FRAGMENT;
        p.ip_option_count = static_cast<__u8>(random());
        p.ip_option[0] = static_cast<__u8>(random());
        p.ip_option[1] = static_cast<__u8>(random());
        p.ip_version = random() % 2 ? 4 : 6;
        p.tcp_window_scale = static_cast<__u8>(random());
        p.flags = static_cast<__u16>(p.flags | (random() & (PACKET_HAS_WSCALE | PACKET_HAS_TIMESTAMP)));
        bench.packet_in(random() % 2, p, static_cast<std::int64_t>(random() % 3) - 1);
        bench.packet_row();
        if (i % 100 == 0) {
            a();
            b();
        }
    }
}

// The parser's side: options are counted as the README says.
packet parsed(std::vector<std::uint8_t> frame)
{
    frame_meta meta{};
    meta.wire_len = meta.cap_len = static_cast<__u32>(frame.size());
    meta.start_kind = HEADER_KIND_ETHERNET;
    packet p;
    const tunnel_config tunnels = tunnel_config_default();
    packet_parse(frame.data(), &meta, &tunnels, 1, 1, &p);
    return p;
}

std::vector<std::uint8_t> ipv4_frame(std::vector<std::uint8_t> options, std::uint8_t proto,
                                     std::vector<std::uint8_t> body)
{
    std::vector<std::uint8_t> f(12, 2);
    f.insert(f.end(), {0x08, 0x00});
    const auto ihl = static_cast<std::uint8_t>(5 + options.size() / 4);
    const auto total = static_cast<std::uint16_t>(ihl * 4 + body.size());
    f.insert(f.end(), {static_cast<std::uint8_t>(0x40 | ihl),
                       0,
                       static_cast<std::uint8_t>(total >> 8),
                       static_cast<std::uint8_t>(total),
                       0,
                       0,
                       0,
                       0,
                       64,
                       proto,
                       0,
                       0,
                       10,
                       0,
                       0,
                       1,
                       10,
                       0,
                       0,
                       2});
    f.insert(f.end(), options.begin(), options.end());
    f.insert(f.end(), body.begin(), body.end());
    return f;
}

TEST(TcpFlagsParser, CountsTcpOptions)
{
    std::vector<std::uint8_t> tcp = {0, 80, 0, 81, 0, 0, 0, 1,  0, 0, 0, 2, 0x80, TCP_ACK, 1, 0,
                                     0, 0,  0, 0,  1, 1, 8, 10, 0, 0, 0, 5, 0,    0,       0, 6};
    EXPECT_EQ(parsed(ipv4_frame({}, 6, tcp)).tcp_option_count, 3);
    tcp[20] = 0; // end of list
    EXPECT_EQ(parsed(ipv4_frame({}, 6, tcp)).tcp_option_count, 0);
}

TEST(TcpFlagsParser, CountsIpv4Options)
{
    packet p = parsed(ipv4_frame({148, 4, 0, 0, 1, 7, 7, 4, 0, 0, 0, 0}, 17, std::vector<std::uint8_t>(8)));
    EXPECT_EQ(p.ip_option_count, 3); // router alert, NOP, record route
    EXPECT_EQ(p.ip_option[0], 148);
    EXPECT_EQ(p.ip_option[1], 7);
    p = parsed(ipv4_frame({148, 1, 0, 0}, 17, std::vector<std::uint8_t>(8)));
    EXPECT_EQ(p.ip_option_count, 1 | PACKET_IP_OPTION_BAD);
    p = parsed(ipv4_frame({148, 9, 0, 0}, 17, std::vector<std::uint8_t>(8)));
    EXPECT_EQ(p.ip_option_count, 1 | PACKET_IP_OPTION_BAD);
    p = parsed(ipv4_frame({}, 17, std::vector<std::uint8_t>(8)));
    EXPECT_EQ(p.ip_option_count, 0);

    Bench bench({"tcp_flags"}, FLOW_KIND_IPV4, 17);
    bench.packet_in(A, parsed(ipv4_frame({148, 4, 0, 0, 1, 7, 7, 4, 0, 0, 0, 0}, 17, std::vector<std::uint8_t>(8))));
    bench.packet_in(A, parsed(ipv4_frame({148, 9, 0, 0}, 17, std::vector<std::uint8_t>(8))));
    auto row = bench.flow_row(A);
    EXPECT_EQ(row["ipOptCnt"], "4");
    EXPECT_EQ(row["ipOptCpCl_Num"], "0x11_0x00100080"); // copy and class 4 and 0; numbers 20 and 7
    EXPECT_EQ(row["ipFlags"], "0x0001");
    EXPECT_EQ(row["ip6OptCntHH_D"], "0_0");
}

TEST(TcpFlagsParser, CountsIpv6OptionHeaders)
{
    std::vector<std::uint8_t> f(12, 2);
    f.insert(f.end(), {0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 0, 64});
    f.resize(f.size() + 32, 1);
    f.insert(f.end(), {60, 0, 5, 2, 0, 0, 1, 0});  // hop-by-hop: router alert
    f.insert(f.end(), {17, 0, 4, 1, 3, 1, 1, 0});  // destination: tunnel encapsulation limit
    f.insert(f.end(), {0, 80, 0, 81, 0, 8, 0, 0}); // UDP
    const packet p = parsed(f);
    EXPECT_EQ(p.ip_proto, 17);
    EXPECT_EQ(p.ip_option_count, 0x11);
    Bench bench({"tcp_flags"}, FLOW_KIND_IPV6, 17);
    bench.packet_in(A, p);
    auto row = bench.flow_row(A);
    EXPECT_EQ(row["ip6OptCntHH_D"], "1_1");
    EXPECT_EQ(row["ip6OptHH_D"], "0x00000020_0x00000010");
    EXPECT_EQ(row["ipOptCnt"], "0");
    EXPECT_EQ(row["ipOptCpCl_Num"], "0x00_0x00000000");
}

} // namespace
} // namespace flowxdp::test
