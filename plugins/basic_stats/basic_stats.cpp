// SPDX-License-Identifier: BSD-2-Clause
// basic_stats, user half: averages, deviations, rates and asymmetries from the kernel half's exact integer sums.
#include "basic_stats.bpf.h"

#include <arpa/inet.h>

#include <cmath>

#include <fmt/format.h>

#include "moments.h"
#include "plugin.h"

namespace {

enum {
    kPktsSnt,
    kPktsRcvd,
    kPadBytesSnt,
    kL7BytesSnt,
    kL7BytesRcvd,
    kMinL7,
    kMaxL7,
    kAvgL7,
    kStdL7,
    kMinIat,
    kMaxIat,
    kAvgIat,
    kStdIat,
    kPktPs,
    kBytPs,
    kPktAsm,
    kBytAsm
};
constexpr fx_column kColumns[] = {
    {"pktsSnt", "Packets sent", FX_U64, 0, 0, nullptr},
    {"pktsRcvd", "Packets received: those of the opposite direction", FX_U64, 0, 0, nullptr},
    {"padBytesSnt", "Ethernet padding sent, bytes", FX_I64, 0, 0, nullptr},
    {"l7BytesSnt", "Layer 7 bytes sent", FX_U64, 0, 0, nullptr},
    {"l7BytesRcvd", "Layer 7 bytes received", FX_U64, 0, 0, nullptr},
    {"minL7PktSz", "Smallest layer 7 size of a packet, bytes", FX_U32, 0, 0, nullptr},
    {"maxL7PktSz", "Largest layer 7 size of a packet, bytes", FX_U32, 0, 0, nullptr},
    {"avgL7PktSz", "Mean layer 7 size, bytes", FX_FLOAT, 0, 0, nullptr},
    {"stdL7PktSz", "Standard deviation of the layer 7 size, bytes", FX_FLOAT, 0, 0, nullptr},
    {"minIAT", "Smallest inter-arrival time, s; the first packet's 0 counts", FX_FLOAT, 0, 0, nullptr},
    {"maxIAT", "Largest inter-arrival time, s", FX_FLOAT, 0, 0, nullptr},
    {"avgIAT", "Mean inter-arrival time, s", FX_FLOAT, 0, 0, nullptr},
    {"stdIAT", "Standard deviation of the inter-arrival time, s", FX_FLOAT, 0, 0, nullptr},
    {"pktps", "Packets sent per second, 0 for zero duration", FX_FLOAT, 0, 0, nullptr},
    {"bytps", "Layer 7 bytes sent per second, 0 for zero duration", FX_FLOAT, 0, 0, nullptr},
    {"pktAsm", "Packet asymmetry (snt - rcvd) / (snt + rcvd)", FX_FLOAT, 0, 0, nullptr},
    {"bytAsm", "Layer 7 byte asymmetry (snt - rcvd) / (snt + rcvd)", FX_FLOAT, 0, 0, nullptr},
};

enum { kPktLen, kSnapL3Len, kSnapL4Len, kSnapL7Len, kL3Len, kUdpLen, kL7Len, kPadLen };
constexpr fx_column kPacketColumns[] = {
    {"pktLen", "Bytes on the wire", FX_U32, 0, 0, nullptr},
    {"snapL3Len", "Captured bytes of the IP packet", FX_U32, FX_OPTIONAL, 0, nullptr},
    {"snapL4Len", "Captured bytes from layer 4 on", FX_U32, FX_OPTIONAL, 0, nullptr},
    {"snapL7Len", "Captured bytes of layer 7", FX_U32, FX_OPTIONAL, 0, nullptr},
    {"l3Len", "Bytes of the IP packet, as its header claims", FX_U32, FX_OPTIONAL, 0, nullptr},
    {"udpLen", "Bytes of UDP header and payload, as the IP header claims", FX_U32, FX_OPTIONAL, 0, nullptr},
    {"l7Len", "Bytes of layer 7, as the IP header claims", FX_U32, FX_OPTIONAL, 0, nullptr},
    {"padLen", "Ethernet padding, bytes", FX_I64, 0, 0, nullptr},
};

constexpr flowxdp::PluginDescription kDescription = {
    120,
    true,
    "basic_stats",
    "0.1.0",
    "Packet and byte counts, sizes, inter-arrival times, rates, asymmetry",
    sizeof(basic_stats_state),
    sizeof(basic_stats_packet_state),
    sizeof(basic_stats_config),
    nullptr,
    {},
    kColumns,
    kPacketColumns,
    false};

constexpr double kNs = 1e-9;

double asymmetry(std::uint64_t sent, std::uint64_t received, bool negate)
{
    if (sent == received) // 0 packets or bytes both ways included
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

std::string ip_text(const std::uint8_t* address, int version)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (version == 4)
        inet_ntop(AF_INET, address + 12, text, sizeof text);
    else
        inet_ntop(AF_INET6, address, text, sizeof text);
    return text;
}

// The flow direction that sent most, and who that was. Kept as bytes: texts are made for the report alone.
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
    BasicStats(const flowxdp::PluginOptions&, void*, const fx_host& host) : host_(&host) {}

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const auto* state = static_cast<const basic_stats_state*>(flow.slot);
        const basic_stats_dir& d = state->dir[flow.direction];
        const basic_stats_dir& o = state->dir[flow.direction ^ 1];
        const std::uint64_t packets = flow.dir->packets;
        const std::uint64_t received = flow.has_opposite ? flow.opposite->packets : 0;
        const std::uint64_t l7_received = flow.has_opposite ? o.l7_bytes : 0;
        const double duration = static_cast<double>(flow.last_ns - flow.first_ns) * kNs;
        // T2: an inverted flow without partner is an answer to a question that was not seen.
        const bool negate = !flow.has_opposite && (flow.dir->status & FS(INVERTED));

        row.put<std::uint64_t>(kPktsSnt, packets);
        row.put<std::uint64_t>(kPktsRcvd, received);
        row.put<std::int64_t>(kPadBytesSnt, d.pad_bytes);
        row.put<std::uint64_t>(kL7BytesSnt, d.l7_bytes);
        row.put<std::uint64_t>(kL7BytesRcvd, l7_received);
        row.put<std::uint32_t>(kMinL7, d.l7_min);
        row.put<std::uint32_t>(kMaxL7, d.l7_max);
        row.put<double>(kAvgL7, flowxdp::mean(d.l7_bytes, packets));
        row.put<double>(kStdL7, std::sqrt(flowxdp::population_variance(d.l7_bytes, d.l7_square_sum, packets)));
        row.put<double>(kMinIat, 0.0);
        row.put<double>(kMaxIat, static_cast<double>(d.interval_max_ns) * kNs);
        row.put<double>(kAvgIat, flowxdp::mean(d.interval_sum_ns, packets) * kNs);
        const flowxdp::Uint128 squares =
            static_cast<flowxdp::Uint128>(d.interval_square_hi) << 64 | d.interval_square_lo;
        row.put<double>(kStdIat, std::sqrt(flowxdp::population_variance(d.interval_sum_ns, squares, packets)) * kNs);
        row.put<double>(kPktPs, duration > 0 ? static_cast<double>(packets) / duration : 0.0);
        row.put<double>(kBytPs, duration > 0 ? static_cast<double>(d.l7_bytes) / duration : 0.0);
        row.put<double>(kPktAsm, asymmetry(packets, received, negate));
        row.put<double>(kBytAsm, asymmetry(d.l7_bytes, l7_received, negate));

        if (flow.ip_version) {
            l3_packets_.offer(packets, flow.src_address, 16, flow.ip_version);
            l3_bytes_.offer(d.l7_bytes, flow.src_address, 16, flow.ip_version);
        } else {
            l2_packets_.offer(packets, flow.src_mac, 6, 0);
            l2_bytes_.offer(flow.dir->octets, flow.src_mac, 6, 0);
        }
        return 0;
    }

    void on_packet(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const packet_record& p = *packet.record;
        row.put<std::uint32_t>(kPktLen, p.wire_len);
        row.put<std::int64_t>(kPadLen, static_cast<const basic_stats_packet_state*>(packet.state)->pad_bytes);
        if (!p.ip_version) {
            for (const int i : {kSnapL3Len, kSnapL4Len, kSnapL7Len, kL3Len, kUdpLen, kL7Len})
                row.empty(static_cast<std::size_t>(i));
            return;
        }
        const std::uint32_t captured_end = p.cap_len < p.l3_end ? p.cap_len : p.l3_end; // padding is no IP
        row.put<std::uint32_t>(kSnapL3Len, distance(p.l3_offset, captured_end));
        row.put<std::uint32_t>(kSnapL4Len, distance(p.l4_offset, captured_end));
        row.put<std::uint32_t>(kSnapL7Len, distance(p.payload_offset, captured_end));
        row.put<std::uint32_t>(kL3Len, distance(p.l3_offset, p.l3_end));
        row.put<std::uint32_t>(kL7Len, p.payload_len);
        if ((p.ip_proto == 17 || p.ip_proto == 136) && !(p.flags & PACKET_LATER_FRAGMENT))
            row.put<std::uint32_t>(kUdpLen, distance(p.l4_offset, p.l3_end));
        else
            row.empty(kUdpLen);
    }

    void report(flowxdp::ReportWriter& out) override
    {
        auto line = [&](const char* layer, const char* unit, const Talker& t) {
            if (!t.amount)
                return;
            std::string who = mac_text(t.address);
            if (t.version) {
                const char *country = "-", *organisation = "-";
                std::size_t country_len = 1, organisation_len = 1;
                host_->geo(host_->context, t.address, t.version, &country, &country_len, &organisation,
                           &organisation_len);
                who = fmt::format("{} ({})", ip_text(t.address, t.version), std::string_view(country, country_len));
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
    const fx_host* host_;
    Talker l2_packets_, l2_bytes_, l3_packets_, l3_bytes_;
};

} // namespace

FLOWXDP_PLUGIN(BasicStats, kDescription)
