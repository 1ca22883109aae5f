// SPDX-License-Identifier: BSD-2-Clause
// tcp_flags, user half: averages, scaled windows, round trips of both directions, scans, and the columns.
#include "tcp_flags.bpf.h"

#include <cmath>

#include <fmt/format.h>

#include "plugin.h"

namespace {

constexpr fx_bit kStatusBits[] = {
    {TCP_FLAGS_INTERVAL_GOOD, "Inter-arrival times can be assessed"},
    {TCP_FLAGS_OPTION_INIT, "TCP options seen"},
    {TCP_FLAGS_TIMESTAMP_DOWN, "TCP timestamp decreasing"},
    {TCP_FLAGS_OPTION_CORRUPT, "TCP option field corrupt"},
    {TCP_FLAGS_WINDOW_INIT, "TCP window initialised by a SYN"},
    {TCP_FLAGS_WINDOW_UPDATE, "TCP window update"},
    {TCP_FLAGS_ZERO_PROBE, "TCP zero-window probe"},
    {TCP_FLAGS_ZERO_PROBE_ACK, "TCP zero-window probe ACK"},
    {TCP_FLAGS_WINDOW_LOW, "TCP window below the minimum"},
    {TCP_FLAGS_SCALE_USED, "TCP window scale in use"},
    {TCP_FLAGS_RECEIVER_FULL, "TCP window of the receiver filled"},
    {TCP_FLAGS_WINDOW_TURNED, "TCP window went up and down"},
    {TCP_FLAGS_SACK, "Selective acknowledgment in use"},
    {TCP_FLAGS_MPTCP, "Multipath TCP option seen"},
};
constexpr fx_bit kIpBits[] = {
    {TCP_FLAGS_IP_OPTION_CORRUPT, "IP options corrupt"},
    {TCP_FLAGS_IP_ID_BACK, "IPv4 packets out of order (IPID)"},
    {TCP_FLAGS_IP_ID_ROLLOVER, "IPv4 ID rollover"},
    {TCP_FLAGS_FRAGMENT_SMALL, "IP fragment below minimum"},
    {TCP_FLAGS_FRAGMENT_RANGE, "IP fragment out of range"},
    {TCP_FLAGS_MF, "More fragments (MF)"},
    {TCP_FLAGS_DF, "Don't fragment (DF)"},
    {TCP_FLAGS_RESERVED, "Reserved bit"},
    {TCP_FLAGS_FRAGMENT_POSITION, "IP fragmentation position error"},
    {TCP_FLAGS_FRAGMENT_SEQUENCE, "IP fragmentation sequence error"},
    {TCP_FLAGS_LENGTH_SHORT, "L4 header longer than the packet"},
    {TCP_FLAGS_INTERVAL_ZERO, "Packet interdistance = 0"},
    {TCP_FLAGS_INTERVAL_NEGATIVE, "Packet interdistance < 0"},
};
constexpr fx_bit kFlagBits[] = {
    {TCP_FIN, "FIN: no more data"},
    {TCP_SYN, "SYN: synchronise sequence numbers"},
    {TCP_RST, "RST: reset connection"},
    {TCP_PSH, "PSH: push data"},
    {TCP_ACK, "ACK: acknowledgment field valid"},
    {TCP_URG, "URG: urgent pointer valid"},
    {TCP_ECE, "ECE: ECN echo"},
    {TCP_CWR, "CWR: congestion window reduced"},
    {TCP_FLAGS_FIN_ACK, "FIN-ACK"},
    {TCP_FLAGS_SYN_ACK, "SYN-ACK"},
    {TCP_FLAGS_RST_ACK, "RST-ACK"},
    {TCP_FLAGS_NULL, "Potential NULL scan: no flag"},
    {TCP_FLAGS_SYN_FIN, "SYN-FIN, scan or malicious packet"},
    {TCP_FLAGS_SYN_FIN_RST, "SYN-FIN-RST, potential malicious scan packet"},
    {TCP_FLAGS_FIN_RST, "FIN-RST, abnormal flow termination"},
    {TCP_FLAGS_XMAS, "Potential Xmas scan: FIN, PSH, URG"},
};
constexpr fx_bit kAnomalyBits[] = {
    {TCP_FLAGS_SYN_RETRANSMITTED, "SYN retransmission"},
    {TCP_FLAGS_RETRANSMITTED, "Sequence number retransmission"},
    {TCP_FLAGS_FAST_RETRANSMITTED, "Fast retransmission"},
    {TCP_FLAGS_DUPLICATE_ACK, "Duplicate ACK"},
    {TCP_FLAGS_KEEP_ALIVE, "Keep-alive"},
    {TCP_FLAGS_KEEP_ALIVE_ACK, "Keep-alive ACK"},
    {TCP_FLAGS_OUT_OF_ORDER, "Sequence number out of order"},
    {TCP_FLAGS_LOST, "Bytes acknowledged that were not captured"},
    {TCP_FLAGS_ACK_UNSEEN, "ACK of unseen data"},
    {TCP_FLAGS_PREVIOUS_MISSING, "Previous segment not captured"},
    {TCP_FLAGS_SCAN, "Potential scan"},
    {TCP_FLAGS_SCAN_SUCCESSFUL, "Potential successful scan"},
    {TCP_FLAGS_SYN_PAYLOAD, "SYN with payload"},
};

template <std::size_t N>
constexpr fx_column bit_column(const char* name, const char* help, const fx_bit (&bits)[N])
{
    return {name, help, FX_H16, 0, static_cast<std::uint16_t>(N), bits};
}
constexpr fx_column column(const char* name, const char* help, fx_type type, std::uint8_t flags = 0)
{
    return {name, help, static_cast<std::uint8_t>(type), flags, 0, nullptr};
}

enum {
    kStat,
    kMinIpId,
    kMaxIpId,
    kMinTtl,
    kMaxTtl,
    kTtlChg,
    kTos,
    kIpFlags,
    kIpOptCnt,
    kIpOpt,
    kIp6OptCnt,
    kIp6Opt,
    kISeq,
    kSeqCnt,
    kSeqBytes,
    kSeqFault,
    kAckCnt,
    kAckBytes,
    kAckFault,
    kFlight,
    kInitWin,
    kAvgWin,
    kMinWin,
    kMaxWin,
    kWinDown,
    kWinUp,
    kWinTurn,
    kWinThRt,
    kFlags,
    kAnomaly,
    kOptPkt,
    kOptCnt,
    kTcpOptions,
    kMss,
    kWs,
    kTmS,
    kTmEr,
    kHandshakeTrip,
    kTripMin,
    kTripMax,
    kTripAvg,
    kTripJitter,
    kRoundTrip,
    kRoundJitter
};
constexpr fx_column kColumns[] = {
    bit_column("tcpFStat", "TCP analysis status", kStatusBits),
    column("ipMindIPID", "Smallest distance of consecutive IPv4 identifications", FX_U16),
    column("ipMaxdIPID", "Largest distance of consecutive IPv4 identifications", FX_U16),
    column("ipMinTTL", "Smallest TTL or hop limit", FX_U8),
    column("ipMaxTTL", "Largest TTL or hop limit", FX_U8),
    column("ipTTLChg", "Changes of the TTL or hop limit", FX_U8),
    column("ipToS", "Type of service or traffic class of the last packet", FX_H8),
    bit_column("ipFlags", "IP flags and anomalies", kIpBits),
    column("ipOptCnt", "IPv4 options", FX_U16),
    column("ipOptCpCl_Num", "IPv4 options: copy and class, number, one bit each", FX_WORD),
    column("ip6OptCntHH_D", "IPv6 hop-by-hop and destination option headers", FX_WORD),
    column("ip6OptHH_D", "IPv6 hop-by-hop and destination option types, one bit each", FX_WORD),
    column("tcpISeqN", "Initial sequence number", FX_U32),
    column("tcpPSeqCnt", "Segments that moved the sequence number forward", FX_U32),
    column("tcpSeqSntBytes", "Bytes sent by sequence numbers", FX_U64),
    column("tcpSeqFaultCnt", "Segments whose sequence number was not the expected one", FX_U16),
    column("tcpPAckCnt", "Segments that moved the acknowledgment number forward", FX_U32),
    column("tcpFlwLssAckRcvdBytes", "Bytes received by acknowledgment numbers", FX_U64),
    column("tcpAckFaultCnt", "Acknowledgments that went back or beyond what was seen", FX_U16),
    column("tcpBFlgtMx", "Most bytes in flight", FX_U32),
    column("tcpInitWinSz", "Effective window of the first segment, bytes", FX_U32),
    column("tcpAvgWinSz", "Mean effective window, bytes", FX_FLOAT),
    column("tcpMinWinSz", "Smallest effective window, bytes", FX_U32),
    column("tcpMaxWinSz", "Largest effective window, bytes", FX_U32),
    column("tcpWinSzDwnCnt", "Times the window went down", FX_U16),
    column("tcpWinSzUpCnt", "Times the window went up", FX_U16),
    column("tcpWinSzChgDirCnt", "Times the window changed direction", FX_U16),
    column("tcpWinSzThRt", "Share of TCP packets with a window below the minimum", FX_FLOAT),
    bit_column("tcpFlags", "TCP flags and combinations", kFlagBits),
    bit_column("tcpAnomaly", "TCP anomalies", kAnomalyBits),
    column("tcpOptPktCnt", "TCP packets with options", FX_U32),
    column("tcpOptCnt", "TCP options", FX_U32),
    column("tcpOptions", "TCP option kinds, one bit each, 31 and above in bit 31", FX_H32),
    column("tcpMSS", "Maximum segment size option", FX_U16),
    column("tcpWS", "Window scale option, shift count", FX_U8),
    column("tcpTmS", "Last TCP timestamp", FX_U32),
    column("tcpTmER", "Last TCP timestamp echo reply", FX_U32),
    column("tcpSSASAATrip", "Trip from the other side's SYN to its acknowledgment, s", FX_FLOAT),
    column("tcpRTTAckTripMin", "Smallest trip from the other side's data to its acknowledgment, s", FX_FLOAT),
    column("tcpRTTAckTripMax", "Largest such trip, s", FX_FLOAT),
    column("tcpRTTAckTripAvg", "Mean of such trips, s", FX_FLOAT),
    column("tcpRTTAckTripJitAvg", "Mean difference of consecutive trips, s", FX_FLOAT),
    column("tcpRTTSseqAA", "A: SYN, SYN-ACK, ACK round trip; B: ACK-ACK round trip, s", FX_FLOAT),
    column("tcpRTTAckJitAvg", "Jitter of the ACK round trip, s", FX_FLOAT),
};

enum {
    kPktTos,
    kPktIpId,
    kPktIpIdDiff,
    kPktFrag,
    kPktTtl,
    kPktIpFlags,
    kPktChecksum,
    kPktSeq,
    kPktAck,
    kPktWin,
    kPktMss,
    kPktTmS,
    kPktTmEr,
    kPktStat,
    kPktFlags,
    kPktAnomaly
};
constexpr fx_column kPacketColumns[] = {
    column("ipTOS", "Type of service or traffic class", FX_H8, FX_OPTIONAL),
    column("ipID", "IPv4 identification", FX_U16, FX_OPTIONAL),
    column("ipIDDiff", "Distance from the identification before", FX_I64, FX_OPTIONAL),
    column("ipFrag", "Fragment field: flags and offset in units of 8 bytes", FX_H16, FX_OPTIONAL),
    column("ipTTL", "TTL or hop limit", FX_U8, FX_OPTIONAL),
    {"ipFlags", "IP flags and anomalies of the direction so far", FX_H16, FX_OPTIONAL, std::size(kIpBits), kIpBits},
    column("l4HdrChkSum", "Checksum field of the TCP or ICMP header", FX_H16, FX_OPTIONAL),
    column("seq", "Sequence number", FX_U32, FX_OPTIONAL),
    column("ack", "Acknowledgment number", FX_U32, FX_OPTIONAL),
    column("tcpWin", "Effective window, bytes", FX_U32, FX_OPTIONAL),
    column("tcpMSS", "Maximum segment size option", FX_U16, FX_OPTIONAL),
    column("tcpTmS", "TCP timestamp", FX_U32, FX_OPTIONAL),
    column("tcpTmER", "TCP timestamp echo reply", FX_U32, FX_OPTIONAL),
    {"tcpFStat", "TCP analysis status of the direction so far", FX_H16, FX_OPTIONAL, std::size(kStatusBits),
     kStatusBits},
    {"tcpFlags", "TCP flags and combinations of this packet", FX_H16, FX_OPTIONAL, std::size(kFlagBits), kFlagBits},
    {"tcpAnomaly", "TCP anomalies of the direction so far", FX_H16, FX_OPTIONAL, std::size(kAnomalyBits), kAnomalyBits},
};

constexpr fx_option kOptions[] = {
    {"winmin", "1", "effective windows below this count in tcpWinSzThRt, bytes; 1 = zero windows alone"},
};
constexpr flowxdp::PluginDescription kDescription = {
    130,
    false,
    "tcp_flags",
    "0.1.0",
    "IP and TCP header fields, sequence and window analysis, trip times",
    sizeof(tcp_flags_state),
    sizeof(tcp_flags_packet_state),
    sizeof(tcp_flags_config),
    nullptr,
    kOptions,
    kColumns,
    kPacketColumns,
    false};

constexpr double kNs = 1e-9;

double ratio(std::uint64_t sum, std::uint64_t n)
{
    return n ? static_cast<double>(sum) / static_cast<double>(n) : 0.0;
}
double mean_trip(const tcp_flags_dir& d)
{
    return ratio(d.trip_sum_ns, d.trips) * kNs;
}
double mean_jitter(const tcp_flags_dir& d)
{
    return d.trips > 1 ? ratio(d.jitter_sum_ns, d.trips - 1) * kNs : 0.0;
}

// Bits that only the whole flow tells: d asked, and nobody sent a byte. A scan's probe is a lone SYN, or a segment that
// opens nothing (NULL, Xmas, FIN without ACK); it was successful when a SYN was granted and then torn down by RST.
std::uint16_t scan_bits(const tcp_flags_dir& d, const tcp_flags_dir& o)
{
    if (!d.packets || d.seq_bytes || o.seq_bytes)
        return 0;
    if ((d.flags & (TCP_FLAGS_NULL | TCP_FLAGS_XMAS)) || ((d.flags & TCP_FIN) && !(d.flags & TCP_ACK)))
        return TCP_FLAGS_SCAN;
    if (!(d.flags & TCP_SYN) || (d.flags & TCP_FLAGS_SYN_ACK))
        return 0;
    if (!(o.flags & TCP_SYN) && (!o.packets || (o.flags & TCP_RST)))
        return TCP_FLAGS_SCAN;
    if ((o.flags & TCP_FLAGS_SYN_ACK) && (d.flags & TCP_RST))
        return TCP_FLAGS_SCAN | TCP_FLAGS_SCAN_SUCCESSFUL;
    return 0;
}

class TcpFlags final : public flowxdp::Plugin {
  public:
    TcpFlags(const flowxdp::PluginOptions& options, void* kernel_config, const fx_host&)
    {
        auto* config = static_cast<tcp_flags_config*>(kernel_config);
        config->window_min = static_cast<std::uint32_t>(options.number("winmin", 1, 1U << 30));
        window_min_ = config->window_min;
    }

    [[nodiscard]] std::uint32_t flow_config_flags() const override { return FLOW_CONFIG_TCP_OPTIONS; }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const auto* state = static_cast<const tcp_flags_state*>(flow.slot);
        const tcp_flags_dir& d = state->dir[flow.direction];
        const tcp_flags_dir& o = state->dir[flow.direction ^ 1];
        const auto anomalies = static_cast<std::uint16_t>(d.anomalies | scan_bits(d, o));

        put_ip(d, flow, row);
        put_windows(d, o, row);
        put_trips(d, o, flow.direction, row);
        row.put<std::uint16_t>(kStat, d.status);
        row.put<std::uint32_t>(kISeq, d.first_seq);
        row.put<std::uint32_t>(kSeqCnt, d.seq_packets);
        row.put<std::uint64_t>(kSeqBytes, d.seq_bytes);
        row.put<std::uint16_t>(kSeqFault, d.seq_faults);
        row.put<std::uint32_t>(kAckCnt, d.ack_packets);
        row.put<std::uint64_t>(kAckBytes, d.ack_bytes);
        row.put<std::uint16_t>(kAckFault, d.ack_faults);
        row.put<std::uint32_t>(kFlight, d.flight_max);
        row.put<std::uint16_t>(kFlags, d.flags);
        row.put<std::uint16_t>(kAnomaly, anomalies);
        row.put<std::uint32_t>(kOptPkt, d.option_packets);
        row.put<std::uint32_t>(kOptCnt, d.option_count);
        row.put<std::uint32_t>(kTcpOptions, d.tcp_options);
        row.put<std::uint16_t>(kMss, d.mss);
        row.put<std::uint8_t>(kWs, d.window_scale);
        row.put<std::uint32_t>(kTmS, d.timestamp);
        row.put<std::uint32_t>(kTmEr, d.timestamp_echo);

        status_ = static_cast<std::uint16_t>(status_ | d.status);
        ip_flags_ = static_cast<std::uint16_t>(ip_flags_ | d.ip_flags);
        flags_ = static_cast<std::uint16_t>(flags_ | d.flags);
        anomalies_ = static_cast<std::uint16_t>(anomalies_ | anomalies);
        low_windows_ += d.low_windows;
        scans_ += (anomalies & TCP_FLAGS_SCAN) != 0;
        successful_scans_ += (anomalies & TCP_FLAGS_SCAN_SUCCESSFUL) != 0;
        return 0;
    }

    void on_packet(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const auto* s = static_cast<const tcp_flags_packet_state*>(packet.state);
        const bool ip = s->ip_version != 0;
        const bool v4 = s->ip_version == 4;
        const bool tcp = s->has & TCP_FLAGS_PACKET_TCP;
        const bool timestamp = s->has & TCP_FLAGS_PACKET_TIMESTAMP;
        const bool checksum = tcp || (ip && (packet.record->ip_proto == 1 || packet.record->ip_proto == 58));
        auto cell = [&row](std::size_t index, bool there, auto value) {
            if (there)
                row.put(index, value);
            else
                row.empty(index);
        };
        cell(kPktTos, ip, s->tos);
        cell(kPktIpId, v4, s->ip_id);
        cell(kPktIpIdDiff, v4, static_cast<std::int64_t>(s->ip_id_step));
        cell(kPktFrag, ip, s->fragment);
        cell(kPktTtl, ip, s->ttl);
        cell(kPktIpFlags, ip, s->ip_flags);
        cell(kPktChecksum, checksum, s->l4_checksum);
        cell(kPktSeq, tcp, s->seq);
        cell(kPktAck, tcp, s->ack);
        cell(kPktWin, tcp, s->window);
        cell(kPktMss, (s->has & TCP_FLAGS_PACKET_MSS) != 0, s->mss);
        cell(kPktTmS, timestamp, s->timestamp);
        cell(kPktTmEr, timestamp, s->timestamp_echo);
        cell(kPktStat, tcp, s->status);
        cell(kPktFlags, tcp, s->flags);
        cell(kPktAnomaly, tcp, s->anomalies);
    }

    void report(flowxdp::ReportWriter& out) override
    {
        auto aggregated = [&](const char* name, std::uint16_t bits) {
            if (bits)
                out.line(fmt::format("tcpFlags: Aggregated {}=0x{:04x}", name, bits));
        };
        aggregated("tcpFStat", status_);
        aggregated("ipFlags", ip_flags_);
        aggregated("tcpFlags", flags_);
        aggregated("tcpAnomaly", anomalies_);
        if (scans_)
            out.line(fmt::format("tcpFlags: Number of TCP scans, successful scans: {}, {}", flowxdp::count_text(scans_),
                                 flowxdp::count_text(successful_scans_)));
        if (low_windows_)
            out.line(fmt::format("tcpFlags: Number of effective TCP windows below {}: {} [{:.2f}%]", window_min_,
                                 flowxdp::count_text(low_windows_),
                                 100.0 * ratio(low_windows_, out.totals().ip_proto[6].packets)));
    }

  private:
    static void put_ip(const tcp_flags_dir& d, const fx_flow& flow, flowxdp::RowWriter& row)
    {
        const bool has_step = d.ip_id_min != 0xffff; // a distance is at most 0x8000
        row.put<std::uint16_t>(kMinIpId, has_step ? d.ip_id_min : std::uint16_t{0});
        row.put<std::uint16_t>(kMaxIpId, d.ip_id_max);
        row.put<std::uint8_t>(kMinTtl, d.ttl_min);
        row.put<std::uint8_t>(kMaxTtl, d.ttl_max);
        row.put<std::uint8_t>(kTtlChg, d.ttl_changes);
        row.put<std::uint8_t>(kTos, flow.dir->tos);
        row.put<std::uint16_t>(kIpFlags, d.ip_flags);
        const bool v6 = flow.ip_version == 6;
        row.put<std::uint16_t>(kIpOptCnt, v6 ? std::uint16_t{0} : d.ip_option_count);
        char text[32];
        auto word = [&](std::size_t index, const char* format, unsigned a, unsigned b) {
            const int n = std::snprintf(text, sizeof text, format, a, b);
            row.text(index, {text, static_cast<std::size_t>(n)});
        };
        word(kIpOpt, "0x%02x_0x%08x", v6 ? 0 : d.ip_options[1], v6 ? 0 : d.ip_options[0]);
        word(kIp6OptCnt, "%u_%u", v6 ? d.ip_option_count : 0U, d.ip6_destination_count);
        word(kIp6Opt, "0x%08x_0x%08x", v6 ? d.ip_options[0] : 0, v6 ? d.ip_options[1] : 0);
    }

    static void put_windows(const tcp_flags_dir& d, const tcp_flags_dir& o, flowxdp::RowWriter& row)
    {
        const unsigned shift = d.marks & o.marks & TCP_FLAGS_HAS_SCALE ? d.window_scale : 0U;
        const std::uint32_t first = static_cast<std::uint32_t>(d.first_window)
                                    << (d.marks & TCP_FLAGS_FIRST_SYN ? 0U : shift);
        row.put<std::uint32_t>(kInitWin, first);
        if (d.marks & TCP_FLAGS_HAS_WINDOW) {
            row.put<double>(kAvgWin, ratio(d.window_sum << shift, d.packets - d.window_skipped));
            row.put<std::uint32_t>(kMinWin, static_cast<std::uint32_t>(d.min_window) << shift);
            row.put<std::uint32_t>(kMaxWin, static_cast<std::uint32_t>(d.max_window) << shift);
        } else { // SYNs and RSTs alone
            row.put<double>(kAvgWin, first);
            row.put<std::uint32_t>(kMinWin, first);
            row.put<std::uint32_t>(kMaxWin, first);
        }
        row.put<std::uint16_t>(kWinDown, d.window_down);
        row.put<std::uint16_t>(kWinUp, d.window_up);
        row.put<std::uint16_t>(kWinTurn, d.window_turns);
        row.put<double>(kWinThRt, ratio(d.low_windows, d.packets));
    }

    static void put_trips(const tcp_flags_dir& d, const tcp_flags_dir& o, unsigned direction, flowxdp::RowWriter& row)
    {
        const double jitter = mean_jitter(d);
        const double other = mean_jitter(o);
        double round = 0;
        if (direction == DIRECTION_A) {
            if (d.handshake_ns && o.handshake_ns)
                round = static_cast<double>(d.handshake_ns + o.handshake_ns) * kNs;
        } else if (d.trips && o.trips) {
            round = mean_trip(d) + mean_trip(o);
        }
        row.put<double>(kHandshakeTrip, static_cast<double>(d.handshake_ns) * kNs);
        row.put<double>(kTripMin, static_cast<double>(d.trip_min_ns) * kNs);
        row.put<double>(kTripMax, static_cast<double>(d.trip_max_ns) * kNs);
        row.put<double>(kTripAvg, mean_trip(d));
        row.put<double>(kTripJitter, jitter);
        row.put<double>(kRoundTrip, round);
        row.put<double>(kRoundJitter, std::sqrt(jitter * jitter + other * other));
    }

    std::uint32_t window_min_ = 1;
    std::uint16_t status_ = 0, ip_flags_ = 0, flags_ = 0, anomalies_ = 0;
    std::uint64_t low_windows_ = 0, scans_ = 0, successful_scans_ = 0;
};

} // namespace

FLOWXDP_PLUGIN(TcpFlags, kDescription)
