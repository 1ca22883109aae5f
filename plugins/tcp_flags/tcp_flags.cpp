// SPDX-License-Identifier: BSD-2-Clause
// tcp_flags, user half: averages, scaled windows, round trips of both directions, scans, and the columns.
#include "tcp_flags.bpf.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "tcp_flags/checksums.h"
#include "tcp_flags/option_facts.h"

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
    {TCP_FLAGS_L4_JUDGED, "Checksum of TCP, UDP, ICMP or IGMP was verified (option ipchecksum)"},
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
    {TCP_FLAGS_L3_WRONG, "IPv4 header checksum is wrong (option ipchecksum)"},
    {TCP_FLAGS_L4_WRONG, "Checksum of TCP, UDP, ICMP or IGMP is wrong (option ipchecksum)"},
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

// RFC 8684 2.
constexpr fx_bit kMptcpBits[] = {
    {0x0001, "MP_CAPABLE: multipath is offered or agreed on"},
    {0x0002, "MP_JOIN: another path of a connection"},
    {0x0004, "DSS: data sequence signal"},
    {0x0008, "ADD_ADDR: another address is offered"},
    {0x0010, "REMOVE_ADDR: an address is withdrawn"},
    {0x0020, "MP_PRIO: priority of the path changes"},
    {0x0040, "MP_FAIL: back to one path"},
    {0x0080, "MP_FASTCLOSE: the whole connection ends at once"},
    {0x0100, "MP_TCPRST: why a path was reset"},
    {0x8000, "MP_EXPERIMENTAL"},
};
// RFC 8684 3.1.
constexpr fx_bit kMptcpFlagBits[] = {
    {0x80, "A: checksums are required"},
    {0x40, "B: extension"},
    {0x20, "C: no more paths to this address and port"},
    {0x01, "H: HMAC-SHA256 (version 0: HMAC-SHA1)"},
};
// RFC 8684 3.3.
constexpr fx_bit kDssBits[] = {
    {0x01, "Data acknowledgment"},
    {0x02, "Data acknowledgment of 8 bytes"},
    {0x04, "Data sequence mapping"},
    {0x08, "Data sequence number of 8 bytes"},
    {0x10, "DATA_FIN"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H16> status{this, {.name = "tcpFStat", .help = "TCP analysis status", .bits = kStatusBits}};
    Column<U16> ip_id_min{this,
                          {.name = "ipMindIPID", .help = "Smallest distance of consecutive IPv4 identifications"}};
    Column<U16> ip_id_max{this, {.name = "ipMaxdIPID", .help = "Largest distance of consecutive IPv4 identifications"}};
    Column<U8> ttl_min{this, {.name = "ipMinTTL", .help = "Smallest TTL or hop limit"}};
    Column<U8> ttl_max{this, {.name = "ipMaxTTL", .help = "Largest TTL or hop limit"}};
    Column<U8> ttl_changes{this, {.name = "ipTTLChg", .help = "Changes of the TTL or hop limit"}};
    Column<H8> tos{this, {.name = "ipToS", .help = "Type of service or traffic class of the last packet"}};
    Column<H16> ip_flags{this, {.name = "ipFlags", .help = "IP flags and anomalies", .bits = kIpBits}};
    Column<U16> ip_option_count{this, {.name = "ipOptCnt", .help = "IPv4 options"}};
    Column<Word> ip_options{this,
                            {.name = "ipOptCpCl_Num", .help = "IPv4 options: copy and class, number, one bit each"}};
    Column<Word> ip6_option_counts{this,
                                   {.name = "ip6OptCntHH_D", .help = "IPv6 hop-by-hop and destination option headers"}};
    Column<Word> ip6_options{
        this, {.name = "ip6OptHH_D", .help = "IPv6 hop-by-hop and destination option types, one bit each"}};
    Column<U32> first_seq{this, {.name = "tcpISeqN", .help = "Initial sequence number"}};
    Column<U32> seq_packets{this, {.name = "tcpPSeqCnt", .help = "Segments that moved the sequence number forward"}};
    Column<U64> seq_bytes{this, {.name = "tcpSeqSntBytes", .help = "Bytes sent by sequence numbers", .unit = "B"}};
    Column<U16> seq_faults{
        this, {.name = "tcpSeqFaultCnt", .help = "Segments whose sequence number was not the expected one"}};
    Column<U32> ack_packets{this,
                            {.name = "tcpPAckCnt", .help = "Segments that moved the acknowledgment number forward"}};
    Column<U64> ack_bytes{
        this, {.name = "tcpFlwLssAckRcvdBytes", .help = "Bytes received by acknowledgment numbers", .unit = "B"}};
    Column<U16> ack_faults{
        this, {.name = "tcpAckFaultCnt", .help = "Acknowledgments that went back or beyond what was seen"}};
    Column<U32> flight_max{this, {.name = "tcpBFlgtMx", .help = "Most bytes in flight", .unit = "B"}};
    Column<U32> first_window{
        this, {.name = "tcpInitWinSz", .help = "Effective window of the first segment, bytes", .unit = "B"}};
    Column<Float> window_mean{this, {.name = "tcpAvgWinSz", .help = "Mean effective window, bytes", .unit = "B"}};
    Column<U32> window_min{this, {.name = "tcpMinWinSz", .help = "Smallest effective window, bytes", .unit = "B"}};
    Column<U32> window_max{this, {.name = "tcpMaxWinSz", .help = "Largest effective window, bytes", .unit = "B"}};
    Column<U16> window_down{this, {.name = "tcpWinSzDwnCnt", .help = "Times the window went down"}};
    Column<U16> window_up{this, {.name = "tcpWinSzUpCnt", .help = "Times the window went up"}};
    Column<U16> window_turns{this, {.name = "tcpWinSzChgDirCnt", .help = "Times the window changed direction"}};
    Column<Float> low_window_share{
        this, {.name = "tcpWinSzThRt", .help = "Share of TCP packets with a window below the minimum"}};
    Column<H16> flags{this, {.name = "tcpFlags", .help = "TCP flags and combinations", .bits = kFlagBits}};
    Column<H16> anomalies{this, {.name = "tcpAnomaly", .help = "TCP anomalies", .bits = kAnomalyBits}};
    Column<Word> ja4t{this, {.name = "tcpJA4T", .help = "JA4T of the direction's SYN (JA4TS of a SYN-ACK)"}};
    Column<U32> option_packets{this, {.name = "tcpOptPktCnt", .help = "TCP packets with options"}};
    Column<U32> options_count{this, {.name = "tcpOptCnt", .help = "TCP options"}};
    Column<H32> tcp_options{this,
                            {.name = "tcpOptions", .help = "TCP option kinds, one bit each, 31 and above in bit 31"}};
    Column<U16> mss{this, {.name = "tcpMSS", .help = "Maximum segment size option"}};
    Column<U8> window_scale{this, {.name = "tcpWS", .help = "Window scale option, shift count"}};
    Column<H16> mptcp_subtypes{
        this, {.name = "tcpMPTBF", .help = "Subtypes of multipath TCP options, one bit each", .bits = kMptcpBits}};
    Column<H8> mptcp_flags{this,
                           {.name = "tcpMPF", .help = "Flags of multipath TCP's MP_CAPABLE", .bits = kMptcpFlagBits}};
    Column<U8> mptcp_address{this, {.name = "tcpMPAID", .help = "Address id that multipath TCP told last"}};
    Column<H8> dss_flags{
        this, {.name = "tcpMPDSSF", .help = "Flags of multipath TCP's data sequence signal", .bits = kDssBits}};
    Column<U32> timestamp{this, {.name = "tcpTmS", .help = "Last TCP timestamp"}};
    Column<U32> timestamp_echo{this, {.name = "tcpTmER", .help = "Last TCP timestamp echo reply"}};
    Column<Float> handshake_trip{
        this,
        {.name = "tcpSSASAATrip", .help = "Trip from the other side's SYN to its acknowledgment, s", .unit = "s"}};
    Column<Float> trip_min{this,
                           {.name = "tcpRTTAckTripMin",
                            .help = "Smallest trip from the other side's data to its acknowledgment, s",
                            .unit = "s"}};
    Column<Float> trip_max{this, {.name = "tcpRTTAckTripMax", .help = "Largest such trip, s", .unit = "s"}};
    Column<Float> trip_mean{this, {.name = "tcpRTTAckTripAvg", .help = "Mean of such trips, s", .unit = "s"}};
    Column<Float> trip_jitter{
        this, {.name = "tcpRTTAckTripJitAvg", .help = "Mean difference of consecutive trips, s", .unit = "s"}};
    Column<Float> round_trip{
        this,
        {.name = "tcpRTTSseqAA", .help = "A: SYN, SYN-ACK, ACK round trip; B: ACK-ACK round trip, s", .unit = "s"}};
    Column<Float> round_jitter{this,
                               {.name = "tcpRTTAckJitAvg", .help = "Jitter of the ACK round trip, s", .unit = "s"}};
};
constexpr FlowColumns kColumns;
struct PacketColumns : flowxdp::ColumnSet {
    Optional<H8> tos{this, {.name = "ipToS", .help = "Type of service or traffic class"}};
    Optional<U16> ip_id{this, {.name = "ipID", .help = "IPv4 identification"}};
    Optional<I64> ip_id_step{this, {.name = "ipIDDiff", .help = "Distance from the identification before"}};
    Optional<H16> fragment{this, {.name = "ipFrag", .help = "Fragment field: flags and offset in units of 8 bytes"}};
    Optional<U8> ttl{this, {.name = "ipTTL", .help = "TTL or hop limit"}};
    Optional<H16> ip_flags{
        this, {.name = "ipFlags", .help = "IP flags and anomalies of the direction so far", .bits = kIpBits}};
    Optional<H16> checksum{this, {.name = "l4HdrChkSum", .help = "Checksum field of the TCP or ICMP header"}};
    Optional<U32> seq{this, {.name = "seq", .help = "Sequence number"}};
    Optional<U32> ack{this, {.name = "ack", .help = "Acknowledgment number"}};
    Optional<U32> window{this, {.name = "tcpWin", .help = "Effective window, bytes", .unit = "B"}};
    Optional<U16> mss{this, {.name = "tcpMSS", .help = "Maximum segment size option"}};
    Optional<U32> timestamp{this, {.name = "tcpTmS", .help = "TCP timestamp"}};
    Optional<U32> timestamp_echo{this, {.name = "tcpTmER", .help = "TCP timestamp echo reply"}};
    Optional<H16> status{
        this, {.name = "tcpFStat", .help = "TCP analysis status of the direction so far", .bits = kStatusBits}};
    Optional<H16> flags{this,
                        {.name = "tcpFlags", .help = "TCP flags and combinations of this packet", .bits = kFlagBits}};
    Optional<H16> anomalies{
        this, {.name = "tcpAnomaly", .help = "TCP anomalies of the direction so far", .bits = kAnomalyBits}};
};
constexpr PacketColumns kPacketColumns;
struct Options : flowxdp::OptionSet {
    Number<std::uint32_t> window_min{
        this, "winmin", "1", "effective windows below this count in tcpWinSzThRt, bytes; 1 = zero windows alone",
        1,    1U << 30};
    Number<std::uint16_t> options{
        this,
        "options",
        "32",
        "first packets of a direction whose options are read for JA4T and multipath TCP; 0 = none: these columns stay "
        "empty",
        0,
        65535};
    Number<std::uint16_t> checksums{this,
                                    "ipchecksum",
                                    "0",
                                    "verify checksums: 0 = none, 1 = of IPv4 headers, 2 = of TCP, UDP, ICMP and IGMP "
                                    "too; each IP packet then comes to "
                                    "user space",
                                    0,
                                    2};
};
constexpr Options kOptions;
// What the checksums of a direction's packets said: bits of ipFlags and tcpFStat.
struct ChecksumBits {
    std::uint16_t ip_flags, status;
    std::uint32_t pad;
};
// Of both directions of a live flow.
struct Memory {
    flowxdp::OptionFacts dir[2];
    ChecksumBits checksums[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;
using Half = flowxdp::KernelHalfOf<tcp_flags_state, tcp_flags_config, tcp_flags_cold, tcp_flags_packet_state>;
constexpr flowxdp::PluginDescription kDescription = {
    .number = 130,
    .name = "tcp_flags",
    .version = "0.1.0",
    .help = "IP and TCP header fields, sequence and window analysis, trip times",
    .kernel = Half::sizes,
    .options = kOptions.all(),
    .columns = kColumns.all(),
    .packet_columns = kPacketColumns.all(),
    .flow_memory_size = FlowMemory::size};

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

// Bits that only the whole flow shows: d began, and neither side sent a byte. A scan's probe is a single SYN, or a
// segment that opens nothing (NULL, Xmas, FIN without ACK). It was successful when a SYN was answered and then ended by
// RST.
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
    TcpFlags(flowxdp::OptionValues options, void* kernel_config, flowxdp::Host)
    {
        auto* config = static_cast<tcp_flags_config*>(kernel_config);
        config->window_min = options[kOptions.window_min];
        window_min_ = config->window_min;
        option_packets_ = options[kOptions.options];
        checksums_ = options[kOptions.checksums];
        if (option_packets_)
            needs_[need_count_++] = {
                .ip_proto = 6, .first_layer = 4, .first_packets = option_packets_, .flags = FX_NEED_OPTIONS};
        if (checksums_)
            needs_[need_count_++] = {.first_layer = 3,
                                     .payload_bytes =
                                         static_cast<std::uint16_t>(checksums_ == 2 ? PACKET_MAX_PAYLOAD : 0)};
    }

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override
    {
        return std::span(needs_).first(need_count_);
    }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& r = *packet.record;
        // The header ends where the payload begins, or what was captured.
        const std::uint32_t end = std::min({r.payload_offset, r.cap_len, r.l3_end, FRAME_MAX_VISIBLE});
        const std::uint32_t begin = end - r.header_captured;
        if (checksums_ && r.ip_version) {
            ChecksumBits& bits = FlowMemory::of(packet).checksums[r.direction & 1];
            if (begin == r.l3_offset)
                add_checksums(packet, &bits);
            last_packet_ = {r.packet_no, r.flow_id, bits};
        }
        const std::uint32_t options_begin = r.l4_offset + 20;
        if (!(r.flags & PACKET_HAS_TCP) || r.direction_packet_no > option_packets_ || options_begin < begin)
            return;
        const std::uint32_t before = std::min<std::uint32_t>(options_begin - begin, r.header_captured);
        FlowMemory::of(packet).dir[r.direction & 1].add(
            {{packet.header + before, r.header_captured - before},
             r.direction_packet_no,
             static_cast<std::uint16_t>(Half::packet_state(packet)->window), // of a SYN: not scaled
             (r.tcp_flags & TCP_SYN) != 0});
    }

    [[nodiscard]] std::uint32_t flow_config_flags() const override { return FLOW_CONFIG_TCP_OPTIONS; }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const tcp_flags_state& state = Half::state(flow);
        const tcp_flags_cold& cold = Half::cold(flow);
        const tcp_flags_dir& d = state.dir[flow.direction];
        const tcp_flags_dir& o = state.dir[flow.direction ^ 1];
        const tcp_flags_cold_dir& dc = cold.dir[flow.direction];
        const auto anomalies = static_cast<std::uint16_t>(d.anomalies | scan_bits(d, o));

        const Memory* memory = FlowMemory::of(flow);
        const ChecksumBits sums = memory ? memory->checksums[flow.direction] : ChecksumBits{};
        const auto ip_flags = static_cast<std::uint16_t>(d.ip_flags | sums.ip_flags);
        const auto status = static_cast<std::uint16_t>(d.status | sums.status);

        row.put(kColumns.ip_flags, ip_flags);
        put_ip(d, dc, flow, row);
        put_windows(d, dc, row);
        put_trips(state, cold, flow.direction, row);
        row.put(kColumns.status, status);
        row.put(kColumns.first_seq, d.first_seq);
        row.put(kColumns.seq_packets, d.seq_packets);
        row.put(kColumns.seq_bytes, d.seq_bytes);
        row.put(kColumns.seq_faults, dc.seq_faults);
        row.put(kColumns.ack_packets, d.ack_packets);
        row.put(kColumns.ack_bytes, d.ack_bytes);
        row.put(kColumns.ack_faults, dc.ack_faults);
        row.put(kColumns.flight_max, d.flight_max);
        row.put(kColumns.flags, d.flags);
        row.put(kColumns.anomalies, anomalies);
        put_options(memory, flow.direction, row);
        row.put(kColumns.option_packets, d.option_packets);
        row.put(kColumns.options_count, d.option_count);
        row.put(kColumns.tcp_options, d.tcp_options);
        row.put(kColumns.mss, static_cast<std::uint16_t>(dc.mss));
        row.put(kColumns.window_scale, d.window_scale);
        row.put(kColumns.timestamp, d.timestamp);
        row.put(kColumns.timestamp_echo, d.timestamp_echo);

        status_ = static_cast<std::uint16_t>(status_ | status);
        ip_flags_ = static_cast<std::uint16_t>(ip_flags_ | ip_flags);
        flags_ = static_cast<std::uint16_t>(flags_ | d.flags);
        anomalies_ = static_cast<std::uint16_t>(anomalies_ | anomalies);
        low_windows_ += dc.low_windows;
        scans_ += (anomalies & TCP_FLAGS_SCAN) != 0;
        successful_scans_ += (anomalies & TCP_FLAGS_SCAN_SUCCESSFUL) != 0;
        return 0;
    }

    void on_packet_row(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const auto* s = Half::packet_state(packet);
        const bool ip = s->ip_version != 0;
        const bool v4 = s->ip_version == 4;
        const bool tcp = s->has & TCP_FLAGS_PACKET_TCP;
        const bool timestamp = s->has & TCP_FLAGS_PACKET_TIMESTAMP;
        const bool checksum = tcp || (ip && (packet.record->ip_proto == 1 || packet.record->ip_proto == 58));
        const ChecksumBits sums = checksum_bits(*packet.record);
        auto cell = [&row](const auto& column, bool there, auto value) {
            if (there)
                row.put(column, value);
            else
                row.leave_empty(column);
        };
        cell(kPacketColumns.tos, ip, s->tos);
        cell(kPacketColumns.ip_id, v4, s->ip_id);
        cell(kPacketColumns.ip_id_step, v4, static_cast<std::int64_t>(s->ip_id_step));
        cell(kPacketColumns.fragment, ip, s->fragment);
        cell(kPacketColumns.ttl, ip, s->ttl);
        cell(kPacketColumns.ip_flags, ip, static_cast<std::uint16_t>(s->ip_flags | sums.ip_flags));
        cell(kPacketColumns.checksum, checksum, s->l4_checksum);
        cell(kPacketColumns.seq, tcp, s->seq);
        cell(kPacketColumns.ack, tcp, s->ack);
        cell(kPacketColumns.window, tcp, s->window);
        cell(kPacketColumns.mss, (s->has & TCP_FLAGS_PACKET_MSS) != 0, s->mss);
        cell(kPacketColumns.timestamp, timestamp, s->timestamp);
        cell(kPacketColumns.timestamp_echo, timestamp, s->timestamp_echo);
        cell(kPacketColumns.status, tcp, static_cast<std::uint16_t>(s->status | sums.status));
        cell(kPacketColumns.flags, tcp, s->flags);
        cell(kPacketColumns.anomalies, tcp, s->anomalies);
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
    static void put_ip(const tcp_flags_dir& d, const tcp_flags_cold_dir& dc, const fx_flow& flow,
                       flowxdp::RowWriter& row)
    {
        const bool has_step = d.ip_id_min != 0xffff; // a distance is at most 0x8000
        row.put(kColumns.ip_id_min, static_cast<std::uint16_t>(has_step ? d.ip_id_min : 0));
        row.put(kColumns.ip_id_max, static_cast<std::uint16_t>(d.ip_id_max));
        row.put(kColumns.ttl_min, static_cast<std::uint8_t>(d.ttl_min));
        row.put(kColumns.ttl_max, static_cast<std::uint8_t>(d.ttl_max));
        row.put(kColumns.ttl_changes, static_cast<std::uint8_t>(d.ttl_changes));
        row.put(kColumns.tos, flow.dir->tos);
        const bool v6 = flow.ip_version == 6;
        row.put(kColumns.ip_option_count, v6 ? std::uint16_t{0} : dc.ip_option_count);
        char text[32];
        auto word = [&](const flowxdp::ColumnOf<FlowColumns::Word>& column, const char* format, unsigned a,
                        unsigned b) {
            const int n = std::snprintf(text, sizeof text, format, a, b);
            row.text(column, {text, static_cast<std::size_t>(n)});
        };
        word(kColumns.ip_options, "0x%02x_0x%08x", v6 ? 0 : dc.ip_options[1], v6 ? 0 : dc.ip_options[0]);
        word(kColumns.ip6_option_counts, "%u_%u", v6 ? dc.ip_option_count : 0U, d.ip6_destination_count);
        word(kColumns.ip6_options, "0x%08x_0x%08x", v6 ? dc.ip_options[0] : 0, v6 ? dc.ip_options[1] : 0);
    }

    // packet: from its IP header on.
    void add_checksums(const fx_packet& packet, ChecksumBits* bits) const
    {
        const packet_record& r = *packet.record;
        // Header and payload stand one behind the other.
        const flowxdp::ChecksumVerdict v = flowxdp::judge_checksums(
            r, {packet.header, std::size_t{r.header_captured} + r.payload_captured}, checksums_ == 2);
        bits->ip_flags = static_cast<std::uint16_t>(bits->ip_flags | (v.ip_wrong ? TCP_FLAGS_L3_WRONG : 0) |
                                                    (v.l4_wrong ? TCP_FLAGS_L4_WRONG : 0));
        bits->status = static_cast<std::uint16_t>(bits->status | (v.l4_judged ? TCP_FLAGS_L4_JUDGED : 0));
    }

    // Packet mode: the bits of the direction after this packet, which on_packet() has just got.
    [[nodiscard]] ChecksumBits checksum_bits(const packet_record& r) const
    {
        const bool is_last = last_packet_.number == r.packet_no && last_packet_.flow == r.flow_id;
        return is_last ? last_packet_.bits : ChecksumBits{};
    }

    static void put_options(const Memory* memory, unsigned direction, flowxdp::RowWriter& row)
    {
        static constexpr flowxdp::OptionFacts kNone{};
        const flowxdp::OptionFacts& facts = memory ? memory->dir[direction] : kNone;
        row.text(kColumns.ja4t, facts.ja4t());
        row.put(kColumns.mptcp_subtypes, facts.mptcp_subtypes);
        row.put(kColumns.mptcp_flags, facts.mptcp_flags);
        row.put(kColumns.mptcp_address, facts.address_id);
        row.put(kColumns.dss_flags, facts.dss_flags);
    }

    static void put_windows(const tcp_flags_dir& d, const tcp_flags_cold_dir& dc, flowxdp::RowWriter& row)
    {
        // The first segment is a SYN, or its direction's scale was not known yet.
        const std::uint32_t first_window = d.first_window;
        row.put(kColumns.first_window, first_window);
        if (d.marks & TCP_FLAGS_HAS_WINDOW) {
            row.put(kColumns.window_mean, ratio(d.window_sum, d.packets - d.window_skipped));
            row.put(kColumns.window_min, static_cast<std::uint32_t>(d.min_window) << d.min_scale);
            row.put(kColumns.window_max, static_cast<std::uint32_t>(d.max_window) << d.max_scale);
        } else { // only SYNs and RSTs
            row.put(kColumns.window_mean, static_cast<double>(first_window));
            row.put(kColumns.window_min, first_window);
            row.put(kColumns.window_max, first_window);
        }
        row.put(kColumns.window_down, d.window_down);
        row.put(kColumns.window_up, d.window_up);
        row.put(kColumns.window_turns, d.window_turns);
        row.put(kColumns.low_window_share, ratio(dc.low_windows, d.packets));
    }

    static void put_trips(const tcp_flags_state& state, const tcp_flags_cold& cold, unsigned direction,
                          flowxdp::RowWriter& row)
    {
        const tcp_flags_dir& d = state.dir[direction];
        const tcp_flags_dir& o = state.dir[direction ^ 1];
        const std::uint64_t handshake = cold.dir[direction].handshake_ns;
        const std::uint64_t other_handshake = cold.dir[direction ^ 1].handshake_ns;
        const double jitter = mean_jitter(d);
        const double other = mean_jitter(o);
        double round = 0;
        if (direction == DIRECTION_A) {
            if (handshake && other_handshake)
                round = static_cast<double>(handshake + other_handshake) * kNs;
        } else if (d.trips && o.trips) {
            round = mean_trip(d) + mean_trip(o);
        }
        row.put(kColumns.handshake_trip, static_cast<double>(handshake) * kNs);
        row.put(kColumns.trip_min, static_cast<double>(d.trip_min_ns) * kNs);
        row.put(kColumns.trip_max, static_cast<double>(d.trip_max_ns) * kNs);
        row.put(kColumns.trip_mean, mean_trip(d));
        row.put(kColumns.trip_jitter, jitter);
        row.put(kColumns.round_trip, round);
        row.put(kColumns.round_jitter, std::sqrt(jitter * jitter + other * other));
    }

    std::array<fx_packet_need, 2> needs_{};
    std::size_t need_count_ = 0;
    std::uint16_t option_packets_ = 0, checksums_ = 0;
    struct {
        std::uint64_t number, flow;
        ChecksumBits bits;
    } last_packet_ = {};
    std::uint32_t window_min_ = 1;
    std::uint16_t status_ = 0, ip_flags_ = 0, flags_ = 0, anomalies_ = 0;
    std::uint64_t low_windows_ = 0, scans_ = 0, successful_scans_ = 0;
};

} // namespace

FLOWXDP_PLUGIN(TcpFlags, kDescription)
