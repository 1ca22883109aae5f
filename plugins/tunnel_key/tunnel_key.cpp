// SPDX-License-Identifier: BSD-2-Clause
// tunnel_key: the tunnel that tells a flow from flows with the same addresses and ports (--key tunnel). It has only a
// user half.
#include <array>
#include <string_view>

#include "flowxdp/flow_key.h"
#include "flowxdp/plugin.hpp"

namespace {

struct FlowColumns : flowxdp::ColumnSet {
    Column<Word> kind{this, {.name = "tunnelKind", .help = "Kind of the tunnel that is part of the flow's key"}};
    Optional<U32> id{this, {.name = "tunnelID", .help = "Its VNI (VXLAN, GENEVE), TEID (GTP) or key (GRE)"}};
};
constexpr FlowColumns kColumns;

constexpr flowxdp::PluginDescription kDescription = {.number = 101,
                                                     .name = "tunnel_key",
                                                     .version = "0.1.0",
                                                     .help = "The tunnel that is part of a flow's key (--key tunnel)",
                                                     .columns = kColumns.all()};

std::string_view kind_text(std::uint32_t header)
{
    switch (header) {
    case HEADER_VXLAN:
        return "vxlan";
    case HEADER_GENEVE:
        return "geneve";
    case HEADER_GTP:
        return "gtp";
    case HEADER_GRE:
        return "gre";
    default:
        return {};
    }
}

class TunnelKey final : public flowxdp::Plugin {
  public:
    TunnelKey(flowxdp::OptionValues, void*, flowxdp::Host) {}

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const std::string_view kind = kind_text(flow.record->key.tunnel_header);
        if (kind.empty()) {
            row.text(kColumns.kind, "-");
            row.leave_empty(kColumns.id);
        } else {
            row.text(kColumns.kind, kind);
            row.put(kColumns.id, flow.record->key.tunnel_id);
        }
        return 0;
    }
};

} // namespace

FLOWXDP_PLUGIN(TunnelKey, kDescription)
