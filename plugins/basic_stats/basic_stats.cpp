// SPDX-License-Identifier: BSD-2-Clause
// basic_stats, user half: averages, deviations, rates and asymmetries from the kernel half's exact integer sums.
#include "basic_stats.bpf.h"

#include <cmath>

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "moments.h"

namespace {

struct FlowColumns : flowxdp::ColumnSet {
    Column<U64> packets_sent{this, {.name = "pktsSnt", .help = "Packets sent", .unit = "packets"}};
    Column<U64> packets_received{
        this, {.name = "pktsRcvd", .help = "Packets received: those of the opposite direction", .unit = "packets"}};
    Column<I64> padding{this, {.name = "padBytesSnt", .help = "Ethernet padding sent, bytes", .unit = "B"}};
    Column<U64> l7_sent{this, {.name = "l7BytesSnt", .help = "Layer 7 bytes sent", .unit = "B"}};
    Column<U64> l7_received{this, {.name = "l7BytesRcvd", .help = "Layer 7 bytes received", .unit = "B"}};
    Column<U32> l7_min{this, {.name = "minL7PktSz", .help = "Smallest layer 7 size of a packet, bytes", .unit = "B"}};
    Column<U32> l7_max{this, {.name = "maxL7PktSz", .help = "Largest layer 7 size of a packet, bytes", .unit = "B"}};
    Column<Float> l7_mean{this, {.name = "avgL7PktSz", .help = "Mean layer 7 size, bytes", .unit = "B"}};
    Column<Float> l7_deviation{
        this, {.name = "stdL7PktSz", .help = "Standard deviation of the layer 7 size, bytes", .unit = "B"}};
    Column<Float> interval_min{
        this, {.name = "minIAT", .help = "Smallest inter-arrival time, s; the first packet's 0 counts", .unit = "s"}};
    Column<Float> interval_max{this, {.name = "maxIAT", .help = "Largest inter-arrival time, s", .unit = "s"}};
    Column<Float> interval_mean{this, {.name = "avgIAT", .help = "Mean inter-arrival time, s", .unit = "s"}};
    Column<Float> interval_deviation{
        this, {.name = "stdIAT", .help = "Standard deviation of the inter-arrival time, s", .unit = "s"}};
    Column<Float> packet_rate{
        this, {.name = "pktps", .help = "Packets sent per second, 0 for zero duration", .unit = "packets/s"}};
    Column<Float> byte_rate{
        this, {.name = "bytps", .help = "Layer 7 bytes sent per second, 0 for zero duration", .unit = "B/s"}};
    Column<Float> packet_asymmetry{this, {.name = "pktAsm", .help = "Packet asymmetry (snt - rcvd) / (snt + rcvd)"}};
    Column<Float> byte_asymmetry{this,
                                 {.name = "bytAsm", .help = "Layer 7 byte asymmetry (snt - rcvd) / (snt + rcvd)"}};
};
constexpr FlowColumns kColumns;
struct PacketColumns : flowxdp::ColumnSet {
    Column<U32> length{this, {.name = "pktLen", .help = "Bytes on the wire", .unit = "B"}};
    Optional<U32> captured_l3{this, {.name = "snapL3Len", .help = "Captured bytes of the IP packet", .unit = "B"}};
    Optional<U32> captured_l4{this, {.name = "snapL4Len", .help = "Captured bytes from layer 4 on", .unit = "B"}};
    Optional<U32> captured_l7{this, {.name = "snapL7Len", .help = "Captured bytes of layer 7", .unit = "B"}};
    Optional<U32> l3{this, {.name = "l3Len", .help = "Bytes of the IP packet, as its header claims", .unit = "B"}};
    Optional<U32> udp{
        this, {.name = "udpLen", .help = "Bytes of UDP header and payload, as the IP header claims", .unit = "B"}};
    Optional<U32> l7{this, {.name = "l7Len", .help = "Bytes of layer 7, as the IP header claims", .unit = "B"}};
    Column<I64> padding{this, {.name = "padLen", .help = "Ethernet padding, bytes", .unit = "B"}};
};
constexpr PacketColumns kPacketColumns;

using Half = flowxdp::KernelHalfOf<basic_stats_state, basic_stats_config, flowxdp::None, basic_stats_packet_state>;
constexpr flowxdp::PluginDescription kDescription = {
    .number = 120,
    .default_on = true,
    .name = "basic_stats",
    .version = "0.1.0",
    .help = "Packet and byte counts, sizes, inter-arrival times, rates, asymmetry",
    .kernel = Half::sizes,
    .columns = kColumns.all(),
    .packet_columns = kPacketColumns.all()};

constexpr double kNs = 1e-9;

double asymmetry(std::uint64_t sent, std::uint64_t received, bool negate)
{
    if (sent == received) // also 0 in both directions
        return 0;
    const auto s = static_cast<double>(sent);
    const auto r = static_cast<double>(received);
    const double a = (s - r) / (s + r);
    return negate ? -a : a;
}

std::uint32_t distance(std::uint32_t from, std::uint32_t to)
{
    return to > from ? to - from : 0;
}

std::string mac_text(const std::uint8_t* m)
{
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", m[0], m[1], m[2], m[3], m[4], m[5]);
}

// The flow direction that sent most, and its source. Stored as bytes; only the report makes text of it.
struct Talker {
    std::uint64_t amount = 0, total = 0;
    std::uint8_t address[16] = {};
    std::uint8_t version = 0;

    void offer(std::uint64_t n, const std::uint8_t* who, std::size_t size, std::uint8_t ip_version)
    {
        total += n;
        if (n <= amount)
            return;
        amount = n;
        std::memcpy(address, who, size);
        version = ip_version;
    }
};

class BasicStats final : public flowxdp::Plugin {
  public:
    BasicStats(flowxdp::OptionValues, void*, flowxdp::Host host) : host_(host) {}

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const basic_stats_state& state = Half::state(flow);
        const basic_stats_dir& d = state.dir[flow.direction];
        const basic_stats_dir& o = state.dir[flow.direction ^ 1];
        const std::uint64_t packets = flow.dir->packets;
        const std::uint64_t received = flow.has_opposite ? flow.opposite->packets : 0;
        const std::uint64_t l7_received = flow.has_opposite ? o.l7_bytes : 0;
        const double duration = static_cast<double>(flow.last_ns - flow.first_ns) * kNs;
        // T2: an inverted flow without the opposite direction is an answer whose request was not seen.
        const bool negate = !flow.has_opposite && (flow.dir->status & FS(INVERTED));

        row.put(kColumns.packets_sent, packets);
        row.put(kColumns.packets_received, received);
        row.put(kColumns.padding, d.pad_bytes);
        row.put(kColumns.l7_sent, d.l7_bytes);
        row.put(kColumns.l7_received, l7_received);
        row.put(kColumns.l7_min, d.l7_min);
        row.put(kColumns.l7_max, d.l7_max);
        row.put(kColumns.l7_mean, flowxdp::mean(d.l7_bytes, packets));
        row.put(kColumns.l7_deviation, std::sqrt(flowxdp::population_variance(d.l7_bytes, d.l7_square_sum, packets)));
        row.put(kColumns.interval_min, 0.0);
        row.put(kColumns.interval_max, static_cast<double>(d.interval_max_ns) * kNs);
        row.put(kColumns.interval_mean, flowxdp::mean(d.interval_sum_ns, packets) * kNs);
        const flowxdp::Uint128 squares =
            static_cast<flowxdp::Uint128>(d.interval_square_hi) << 64 | d.interval_square_lo;
        row.put(kColumns.interval_deviation,
                std::sqrt(flowxdp::population_variance(d.interval_sum_ns, squares, packets)) * kNs);
        row.put(kColumns.packet_rate, duration > 0 ? static_cast<double>(packets) / duration : 0.0);
        row.put(kColumns.byte_rate, duration > 0 ? static_cast<double>(d.l7_bytes) / duration : 0.0);
        row.put(kColumns.packet_asymmetry, asymmetry(packets, received, negate));
        row.put(kColumns.byte_asymmetry, asymmetry(d.l7_bytes, l7_received, negate));

        if (flow.ip_version) {
            l3_packets_.offer(packets, flow.src_address, 16, flow.ip_version);
            l3_bytes_.offer(d.l7_bytes, flow.src_address, 16, flow.ip_version);
        } else {
            l2_packets_.offer(packets, flow.src_mac, 6, 0);
            l2_bytes_.offer(flow.dir->octets, flow.src_mac, 6, 0);
        }
        return 0;
    }

    void on_packet_row(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const packet_record& p = *packet.record;
        row.put(kPacketColumns.length, p.wire_len);
        row.put(kPacketColumns.padding, std::int64_t{Half::packet_state(packet)->pad_bytes});
        if (!p.ip_version) {
            row.leave_empty(kPacketColumns.captured_l3, kPacketColumns.captured_l4, kPacketColumns.captured_l7,
                            kPacketColumns.l3, kPacketColumns.udp, kPacketColumns.l7);
            return;
        }
        const std::uint32_t captured_end = p.cap_len < p.l3_end ? p.cap_len : p.l3_end; // padding is no IP
        row.put(kPacketColumns.captured_l3, distance(p.l3_offset, captured_end));
        row.put(kPacketColumns.captured_l4, distance(p.l4_offset, captured_end));
        row.put(kPacketColumns.captured_l7, distance(p.payload_offset, captured_end));
        row.put(kPacketColumns.l3, distance(p.l3_offset, p.l3_end));
        row.put(kPacketColumns.l7, p.payload_len);
        if ((p.ip_proto == 17 || p.ip_proto == 136) && !(p.flags & PACKET_LATER_FRAGMENT))
            row.put(kPacketColumns.udp, distance(p.l4_offset, p.l3_end));
        else
            row.leave_empty(kPacketColumns.udp);
    }

    void report(flowxdp::ReportWriter& out) override
    {
        auto line = [&](const char* layer, const char* unit, const Talker& t) {
            if (!t.amount)
                return;
            std::string who = mac_text(t.address);
            if (t.version) {
                who = host_.ip_text(t.address, t.version);
                // T2's codes of special ranges are digits ("22"), which would look like a port after an address.
                if (const std::string_view code = host_.place_of(t.address, t.version).country;
                    code.find_first_of("0123456789") == std::string_view::npos)
                    who += fmt::format(" ({})", code);
            }
            out.line(fmt::format("basicStats: Biggest {} talker: {}: {} [{:.2f}%] {}", layer, who,
                                 flowxdp::count_text(t.amount),
                                 100.0 * static_cast<double>(t.amount) / static_cast<double>(t.total), unit));
        };
        line("L2", "packets", l2_packets_);
        line("L2", "bytes", l2_bytes_);
        line("L3", "packets", l3_packets_);
        line("L3", "bytes", l3_bytes_);
    }

  private:
    flowxdp::Host host_;
    Talker l2_packets_, l2_bytes_, l3_packets_, l3_bytes_;
};

} // namespace

FLOWXDP_PLUGIN(BasicStats, kDescription)
