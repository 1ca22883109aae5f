// SPDX-License-Identifier: BSD-2-Clause
// mac_recorder, user half: the MAC pairs of a direction, with vendor labels from an OUI file.
#include "mac_recorder.bpf.h"

#include <fmt/format.h>

#include "oui_table.h"
#include "plugin.h"

namespace {

enum { kStat, kPairs, kPairList, kLabelList };
constexpr fx_bit kStatBits[] = {{MAC_RECORDER_STAT_OVERFLOW, "MAC list overflow: further pairs were not kept"}};
constexpr fx_column kColumns[] = {
    {"macStat", "MAC recorder status", FX_H8, 0, std::size(kStatBits), kStatBits},
    {"macPairs", "Distinct source/destination MAC pairs kept", FX_U32, 0, 0, nullptr},
    {"srcMac_dstMac_numP", "Source MAC, destination MAC, packets of the pair", FX_MAC_PAIR, FX_LIST, 0, nullptr},
    {"srcMacLbl_dstMacLbl", "Vendor labels of the pair", FX_WORD, FX_LIST, 0, nullptr},
};
enum { kSrcLabel, kDstLabel };
constexpr fx_column kPacketColumns[] = {
    {"srcMacLbl", "Vendor label of the source MAC", FX_WORD, 0, 0, nullptr},
    {"dstMacLbl", "Vendor label of the destination MAC", FX_WORD, 0, 0, nullptr},
};
constexpr fx_option kOptions[] = {
    {"oui", "",
     "file of MAC prefixes and vendors: IEEE oui.txt, Wireshark manuf or nmap-mac-prefixes; labels are - without"},
};
constexpr flowxdp::PluginDescription kDescription = {110,
                                                     false,
                                                     "mac_recorder",
                                                     "0.1.0",
                                                     "MAC address pairs of a flow",
                                                     sizeof(mac_recorder_state),
                                                     0,
                                                     sizeof(mac_recorder_config),
                                                     nullptr,
                                                     kOptions,
                                                     kColumns,
                                                     kPacketColumns,
                                                     false};

class MacRecorder final : public flowxdp::Plugin {
  public:
    MacRecorder(const flowxdp::PluginOptions& options, void*, const fx_host& host)
    {
        const std::string path(options.text("oui"));
        if (path.empty())
            return;
        labels_.load(path);
        if (labels_.empty())
            host.log(host.context, 1, fmt::format("mac_recorder: no MAC prefix found in '{}'", path).c_str());
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const auto* s = static_cast<const mac_recorder_state*>(flow.slot);
        mac_recorder_pair pairs[MAC_RECORDER_PAIRS];
        std::string labels[MAC_RECORDER_PAIRS];
        std::string_view views[MAC_RECORDER_PAIRS];
        std::uint32_t n = 0;
        for (unsigned i = 0; i < s->used && i < MAC_RECORDER_PAIRS; i++) {
            if (s->direction[i] != flow.direction)
                continue;
            pairs[n] = s->pair[i];
            labels[n] = fmt::format("{}_{}", labels_.find(s->pair[i].src), labels_.find(s->pair[i].dst));
            views[n] = labels[n];
            n++;
        }
        row.put<std::uint8_t>(kStat, s->stat[flow.direction]);
        row.put<std::uint32_t>(kPairs, n);
        row.list<mac_recorder_pair>(kPairList, {pairs, n});
        row.text_list(kLabelList, {views, n});

        stat_ = static_cast<std::uint8_t>(stat_ | s->stat[flow.direction]);
        min_ = rows_ == 0 || n < min_ ? n : min_;
        max_ = n > max_ ? n : max_;
        sum_ += n;
        rows_++;
        return 0;
    }

    void on_packet(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        row.text(kSrcLabel, labels_.find(packet.record->mac_src));
        row.text(kDstLabel, labels_.find(packet.record->mac_dst));
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
