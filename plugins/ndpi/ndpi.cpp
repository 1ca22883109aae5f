// SPDX-License-Identifier: BSD-2-Clause
// ndpi: what a flow is, as libndpi finds in its first packets (T2 nDPI). It has only a user half. README.md has columns
// and limits.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "ndpi/detections.h"
#include "ndpi/risk_bits.h"

namespace {

using flowxdp::DetectionId;
using flowxdp::FlowDetection;
using flowxdp::FlowPacket;
using flowxdp::IpPacket;
using flowxdp::ProtocolDetector;
using flowxdp::Verdict;

enum Status : std::uint8_t {
    kUsedUp = 0x01,
    kCut = 0x02,
    kGap = 0x04,
    kDropped = 0x08,
    kNoIp = 0x10,
};
constexpr fx_bit kStatBits[] = {
    {kUsedUp, "Protocol not found in the packets that are looked at (option packets)"},
    {kCut, "Payload of a packet was not captured, or is longer than 16,384 bytes"},
    {kGap, "Packets did not reach the plugin: lost on the way, or from before the daemon's start"},
    {kDropped, "Too many flows were looked at at once (option flows): judged by ports alone"},
    {kNoIp, "No IP header: not looked at"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<U16> master{this, {.name = "nDPIMstrProto", .help = "nDPI's number of the protocol below; 0 = none"}};
    Column<U16> application{this, {.name = "nDPISubProto", .help = "nDPI's number of the application; 0 = unknown"}};
    Column<String> name{this, {.name = "nDPIclass", .help = "Protocol and application, as in TLS.Google"}};
    Column<String> category{this, {.name = "nDPICategory", .help = "What the application is for"}};
    Column<String> confidence{this, {.name = "nDPIConfidence", .help = "How it was found"}};
    Column<H64> risks{this, {.name = "nDPIRisk", .help = "Risks that nDPI sees", .bits = flowxdp::kNdpiRiskBits}};
    Column<U16> score{this, {.name = "nDPIRiskScore", .help = "Sum of the scores of the risks"}};
    Column<H8> stat{this, {.name = "nDPIStat", .help = "nDPI status", .bits = kStatBits}};
};
constexpr FlowColumns kColumns;

struct Options : flowxdp::OptionSet {
    Number<std::uint16_t> packets{this, "packets", "16", "first packets of a direction that are looked at", 1, 1000};
    Number<std::uint32_t> flows{this, "flows", "65536", "flows that are looked at at once; the oldest gives way",
                                1,    1u << 24};
    Switch guess{this, "guess", "1", "flows that nDPI does not know get the protocol of their ports and addresses"};
};
constexpr Options kOptions;

// What is kept of a live flow.
struct Memory {
    DetectionId detection; // while it is looked at
    Verdict verdict;       // when it is done
    std::uint32_t is_done;
    std::uint32_t stat;
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr flowxdp::PluginDescription kDescription = {.number = 112,
                                                     .name = "ndpi",
                                                     .version = "0.1.0",
                                                     .help = "Protocols and risks that nDPI finds",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size};

constexpr std::int64_t kNsPerMs = 1'000'000;

FlowPacket flow_packet(const fx_packet& packet)
{
    const packet_record& r = *packet.record;
    FlowPacket p;
    p.ip.src = reinterpret_cast<const std::uint8_t*>(r.src);
    p.ip.dst = reinterpret_cast<const std::uint8_t*>(r.dst);
    p.ip.ip_version = r.ip_version;
    p.ip.ip_proto = r.ip_proto;
    p.ip.src_port = r.src_port;
    p.ip.dst_port = r.dst_port;
    p.ip.tcp_flags = r.tcp_flags;
    p.ip.tcp_seq = r.tcp_seq;
    p.ip.payload = {packet.payload, r.payload_captured};
    p.payload_len = r.payload_len;
    p.number = r.direction_packet_no;
    p.time_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(r.ts_ns + r.wall_offset_ns, 0) / kNsPerMs);
    p.direction = r.direction & 1;
    p.is_readable = !(r.flags & PACKET_LATER_FRAGMENT);
    if (r.ip_proto == IpPacket::kTcp) {
        p.is_readable = p.is_readable && (r.flags & PACKET_HAS_TCP);
    } else if (r.ip_proto == IpPacket::kUdp) {
        p.is_readable = p.is_readable && (r.flags & PACKET_HAS_PORTS);
    } else {
        // It may begin at L3, because of another plugin's need.
        const std::uint32_t end = std::min(r.cap_len, r.payload_offset);
        const std::size_t header = end > r.l4_offset ? end - r.l4_offset : 0;
        const std::size_t taken = std::min<std::size_t>(header, r.header_captured);
        p.ip.header = {packet.header + (r.header_captured - taken), taken};
    }
    return p;
}

class Ndpi final : public flowxdp::Plugin {
  public:
    Ndpi(flowxdp::OptionValues options, void*, flowxdp::Host host)
        : host_(host), detector_(options[kOptions.guess]), packets_(options[kOptions.packets]),
          most_flows_(options[kOptions.flows]), detections_(most_flows_)
    {
        for (fx_packet_need& need : needs_) {
            need.first_packets = packets_;
            need.payload_bytes = PACKET_MAX_PAYLOAD;
        }
        // nDPI reads types and codes of these two.
        needs_[1].ip_proto = IpPacket::kIcmp;
        needs_[2].ip_proto = IpPacket::kIcmpV6;
        needs_[1].first_layer = needs_[2].first_layer = 4;
    }

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return needs_; }

    void on_packet(const fx_packet& packet) override
    {
        Memory& memory = FlowMemory::of(packet);
        if (memory.is_done)
            return;
        FlowDetection* detection = detections_.find(memory.detection);
        if (!detection) {
            if (memory.detection.place)
                return; // it was let go
            memory.detection = add_detection();
            detection = detections_.find(memory.detection);
        }
        const FlowPacket p = flow_packet(packet);
        if (p.is_readable && packet.record->payload_captured < packet.record->payload_len)
            memory.stat |= kCut;
        if (!detection->add(p, &detector_))
            return;
        memory.verdict = finish(detection, p.ip.ip_proto, p.ip.src_port, p.ip.dst_port, &memory.stat);
        memory.is_done = 1;
        detections_.remove(memory.detection);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const Result result = result_of(flow);
        const Verdict& v = result.verdict;
        const std::uint16_t score = ProtocolDetector::risk_score(v);
        row.put(kColumns.master, v.master);
        row.put(kColumns.application, v.application);
        row.text(kColumns.name, detector_.name(v));
        row.text(kColumns.category, detector_.category_name(v));
        row.text(kColumns.confidence, ProtocolDetector::confidence_name(v));
        row.put(kColumns.risks, v.risks);
        row.put(kColumns.score, score);
        row.put(kColumns.stat, static_cast<std::uint8_t>(result.stat));
        const bool is_first_row = flow.letter == 'A';
        if (is_first_row && flow.ip_version) {
            flows_++;
            (v.is_known() ? ProtocolDetector::is_guess(v) ? guessed_ : found_ : unknown_)++;
            risky_ += v.risks != 0;
        }
        risks_ |= v.risks;
        stat_ |= static_cast<std::uint8_t>(result.stat);
        return 0;
    }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!flows_)
            return;
        out.line(fmt::format("nDPI: Aggregated nDPIStat=0x{:02x}", stat_));
        if (risks_)
            out.line(fmt::format("nDPI: Aggregated nDPIRisk=0x{:016x}", risks_));
        line(out, "Number of flows classified", found_);
        line(out, "Number of flows guessed by port or address", guessed_);
        line(out, "Number of flows unknown", unknown_);
        line(out, "Number of flows with risks", risky_);
        line(out, "Number of flows let go (option flows)", detections_.dropped());
    }

  private:
    struct Result {
        Verdict verdict;
        std::uint32_t stat;
    };

    DetectionId add_detection()
    {
        const std::uint64_t dropped = detections_.dropped();
        const DetectionId id = detections_.add(std::make_unique<FlowDetection>(packets_));
        if (!dropped && detections_.dropped())
            host_.warn(fmt::format("plugin ndpi: more than {} flows are looked at at once: the oldest are judged by "
                                   "their ports alone; raise them with --plugin ndpi:flows={}",
                                   most_flows_, std::uint64_t{2} * most_flows_));
        return id;
    }

    Verdict finish(FlowDetection* detection, std::uint8_t ip_proto, std::uint16_t src_port, std::uint16_t dst_port,
                   std::uint32_t* stat)
    {
        Verdict verdict = detection->finish(&detector_);
        if (!detection->has_looked()) // later fragments, headers that were cut
            verdict = detector_.guess_by_ports(ip_proto, src_port, dst_port);
        if (detection->has_gap())
            *stat |= kGap;
        if (detection->used_up() && (!verdict.is_known() || ProtocolDetector::is_guess(verdict)))
            *stat |= kUsedUp;
        return verdict;
    }

    Result result_of(const fx_flow& flow)
    {
        if (!flow.ip_version)
            return {{}, kNoIp};
        const Memory* memory = FlowMemory::of(flow);
        if (memory && memory->is_done)
            return {memory->verdict, memory->stat};
        Result result = {{}, memory ? memory->stat : 0};
        if (memory) {
            // Two rows of a flow follow each other; the detection ends with the first one.
            if (memory->detection == ended_id_)
                return ended_;
            if (FlowDetection* detection = detections_.find(memory->detection)) {
                result.verdict = finish(detection, flow.ip_proto, flow.src_port, flow.dst_port, &result.stat);
                detections_.remove(memory->detection);
                ended_id_ = memory->detection;
                ended_ = result;
                return result;
            }
            result.stat |= kDropped;
        }
        result.verdict = detector_.guess_by_ports(flow.ip_proto, flow.src_port, flow.dst_port);
        return result;
    }

    void line(flowxdp::ReportWriter& out, std::string_view what, std::uint64_t n) const
    {
        if (n)
            out.line(fmt::format("nDPI: {}: {} [{:.2f}%]", what, flowxdp::count_text(n),
                                 100.0 * static_cast<double>(n) / static_cast<double>(flows_)));
    }

    flowxdp::Host host_;
    ProtocolDetector detector_;
    std::uint16_t packets_;
    std::uint32_t most_flows_;
    flowxdp::Detections detections_;
    std::array<fx_packet_need, 3> needs_ = {};
    DetectionId ended_id_ = {};
    Result ended_ = {};
    std::uint64_t flows_ = 0, found_ = 0, guessed_ = 0, unknown_ = 0, risky_ = 0;
    std::uint64_t risks_ = 0;
    std::uint8_t stat_ = 0;
};

} // namespace

FLOWXDP_PLUGIN(Ndpi, kDescription)
