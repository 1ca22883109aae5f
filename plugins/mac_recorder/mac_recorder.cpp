// SPDX-License-Identifier: BSD-2-Clause
// mac_recorder, user half: the MAC pairs of a direction, with vendor labels from an OUI file.
#include "mac_recorder.bpf.h"

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "oui_table.h"

namespace {

constexpr fx_bit kStatBits[] = {{MAC_RECORDER_STAT_OVERFLOW, "MAC list overflow: further pairs were not kept"}};
struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "macStat", .help = "MAC recorder status", .bits = kStatBits}};
    Column<U32> pairs{this, {.name = "macPairs", .help = "Distinct source/destination MAC pairs kept"}};
    List<MacPair> pair_list{this,
                            {.name = "srcMac_dstMac_numP", .help = "Source MAC, destination MAC, packets of the pair"}};
    List<Word> label_list{this, {.name = "srcMacLbl_dstMacLbl", .help = "Vendor labels of the pair"}};
};
constexpr FlowColumns kColumns;
struct PacketColumns : flowxdp::ColumnSet {
    Column<Word> src_label{this, {.name = "srcMacLbl", .help = "Vendor label of the source MAC"}};
    Column<Word> dst_label{this, {.name = "dstMacLbl", .help = "Vendor label of the destination MAC"}};
};
constexpr PacketColumns kPacketColumns;
struct Options : flowxdp::OptionSet {
    Text oui{
        this, "oui", "",
        "file of MAC prefixes and vendors: IEEE oui.txt, Wireshark manuf or nmap-mac-prefixes; labels are - without"};
};
constexpr Options kOptions;
using Half = flowxdp::KernelHalfOf<mac_recorder_state, mac_recorder_config, mac_recorder_cold>;
constexpr flowxdp::PluginDescription kDescription = {.number = 110,
                                                     .name = "mac_recorder",
                                                     .version = "0.1.0",
                                                     .help = "MAC address pairs of a flow",
                                                     .kernel = Half::sizes,
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .packet_columns = kPacketColumns.all()};

class MacRecorder final : public flowxdp::Plugin {
  public:
    MacRecorder(flowxdp::OptionValues options, void*, flowxdp::Host host)
    {
        const std::string path(options[kOptions.oui]);
        if (path.empty())
            return;
        labels_.load(path);
        if (labels_.empty())
            host.warn(fmt::format("mac_recorder: no MAC prefix found in '{}'", path));
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const mac_recorder_state& s = Half::state(flow);
        mac_recorder_pair pairs[MAC_RECORDER_PAIRS];
        std::string labels[MAC_RECORDER_PAIRS];
        std::string_view views[MAC_RECORDER_PAIRS];
        std::uint32_t n = 0;
        for (unsigned i = 0; i < s.used && i < MAC_RECORDER_PAIRS; i++) {
            if (s.direction[i] != flow.direction)
                continue;
            pairs[n] = *mac_recorder_pair_at(&s, &Half::cold(flow), i);
            labels[n] = fmt::format("{}_{}", labels_.find(pairs[n].src), labels_.find(pairs[n].dst));
            views[n] = labels[n];
            n++;
        }
        row.put(kColumns.stat, s.stat[flow.direction]);
        row.put(kColumns.pairs, n);
        row.list(kColumns.pair_list, std::span<const mac_recorder_pair>(pairs, n));
        row.list(kColumns.label_list, {views, n});

        stat_ = static_cast<std::uint8_t>(stat_ | s.stat[flow.direction]);
        min_ = rows_ == 0 || n < min_ ? n : min_;
        max_ = n > max_ ? n : max_;
        sum_ += n;
        rows_++;
        return 0;
    }

    void on_packet_row(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        row.text(kPacketColumns.src_label, labels_.find(packet.record->mac_src));
        row.text(kPacketColumns.dst_label, labels_.find(packet.record->mac_dst));
    }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!rows_)
            return;
        if (stat_)
            out.line(fmt::format("macRecorder: Aggregated macStat=0x{:02x}", stat_));
        out.line(fmt::format("macRecorder: MAC pairs per flow: min: {}, max: {}, average: {:.2f}", min_, max_,
                             static_cast<double>(sum_) / static_cast<double>(rows_)));
    }

  private:
    flowxdp::OuiTable labels_;
    std::uint8_t stat_ = 0;
    std::uint32_t min_ = 0, max_ = 0;
    std::uint64_t sum_ = 0, rows_ = 0;
};

static_assert(sizeof(mac_recorder_pair) == 16, "the cell of FX_MAC_PAIR: two addresses and a 32-bit count");

} // namespace

FLOWXDP_PLUGIN(MacRecorder, kDescription)
