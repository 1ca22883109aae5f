// SPDX-License-Identifier: BSD-2-Clause
// export_basics, user half: what a flow record says of every flow, with the names and values of basic_flow's and
// basic_stats' columns. It runs in their place when only exporters read the rows.
#include "export_basics.bpf.h"

#include "flowxdp/plugin.hpp"

namespace {

struct FlowColumns : flowxdp::ColumnSet {
    Column<Time> first{this, {.name = "timeFirst", .help = "Date time of first packet"}};
    Column<Time> last{this, {.name = "timeLast", .help = "Date time of last packet"}};
    List<Mac> src_mac{this, {.name = "srcMac", .help = "Mac source; the first one seen"}};
    List<Mac> dst_mac{this, {.name = "dstMac", .help = "Mac destination; the first one seen"}};
    Column<H16> ethertype{this, {.name = "ethType", .help = "Ethernet type"}};
    List<U16> vlans{this, {.name = "vlanID", .help = "VLAN IDs"}};
    Column<Ip> src_ip{this, {.name = "srcIP", .help = "Source IP address"}};
    Column<U16> src_port{this, {.name = "srcPort", .help = "Source port"}};
    Column<Ip> dst_ip{this, {.name = "dstIP", .help = "Destination IP address"}};
    Column<U16> dst_port{this, {.name = "dstPort", .help = "Destination port"}};
    Column<U8> protocol{this, {.name = "l4Proto", .help = "Layer 4 protocol"}};
    Column<U64> packets{this, {.name = "pktsSnt", .help = "Packets sent", .unit = "packets"}};
};
constexpr FlowColumns kColumns;
using Half = flowxdp::KernelHalfOf<export_basics_state, export_basics_config>;
constexpr flowxdp::PluginDescription kDescription = {
    .number = 104,
    .name = "export_basics",
    .version = "0.1.0",
    .help = "Times, addresses, MACs, VLANs and packets for exporters, in place of basic_flow and basic_stats",
    .kernel = Half::sizes,
    .columns = kColumns.all()};

class ExportBasics final : public flowxdp::Plugin {
  public:
    ExportBasics(flowxdp::OptionValues, void*, flowxdp::Host) {}

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const export_basics_state& s = Half::state(flow);
        row.put(kColumns.first, flow.first_ns);
        row.put(kColumns.last, flow.last_ns);
        put_mac(kColumns.src_mac, s, flow.direction, row);
        put_mac(kColumns.dst_mac, s, flow.direction ^ 1, row);
        row.put(kColumns.ethertype, flow.record->ethertype);
        const unsigned vlans = s.vlans_used < EXPORT_BASICS_VLANS ? s.vlans_used : EXPORT_BASICS_VLANS;
        row.list(kColumns.vlans, std::span<const __u16>(s.vlan, vlans));
        row.ip(kColumns.src_ip, flow.src_address, flow.ip_version);
        row.put(kColumns.src_port, flow.src_port);
        row.ip(kColumns.dst_ip, flow.dst_address, flow.ip_version);
        row.put(kColumns.dst_port, flow.dst_port);
        row.put(kColumns.protocol, flow.ip_proto);
        row.put(kColumns.packets, flow.dir->packets);
        return 0;
    }

  private:
    static void put_mac(const flowxdp::ListColumnOf<FlowColumns::Mac>& column, const export_basics_state& s,
                        unsigned endpoint, flowxdp::RowWriter& row)
    {
        struct Mac {
            std::uint8_t bytes[6];
        };
        Mac mac;
        std::memcpy(mac.bytes, s.mac[endpoint], sizeof mac.bytes);
        row.list(column, std::span<const Mac>(&mac, s.has & EXPORT_BASICS_MAC ? 1 : 0));
    }
};

} // namespace

FLOWXDP_PLUGIN(ExportBasics, kDescription)
