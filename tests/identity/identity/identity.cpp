// SPDX-License-Identifier: BSD-2-Clause
// identity, user half: what the kernel half kept of the packets' ids.
#include "identity/identity.bpf.h"

#include "flowxdp/plugin.hpp"

namespace {

struct FlowColumns : flowxdp::ColumnSet {
    Column<U64> count{this, {.name = "idCount", .help = "Packets with an id", .unit = "packets"}};
    Column<U64> sum{this, {.name = "idSum", .help = "Sum of their ids modulo 2^64"}};
    Column<H64> exclusive_or{this, {.name = "idXor", .help = "Exclusive or of their ids"}};
};
constexpr FlowColumns kColumns;
using Half = flowxdp::KernelHalfOf<identity_state, identity_config>;
constexpr flowxdp::PluginDescription kDescription = {
    .number = 899,
    .name = "identity",
    .version = "0.1.0",
    .help = "Which packets a flow holds, by the ids that a test's sender gave them",
    .kernel = Half::sizes,
    .columns = kColumns.all()};

class Identity final : public flowxdp::Plugin {
  public:
    Identity(flowxdp::OptionValues, void*, flowxdp::Host) {}

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const identity_dir& d = Half::state(flow).dir[flow.direction];
        row.put(kColumns.count, d.count);
        row.put(kColumns.sum, d.sum);
        row.put(kColumns.exclusive_or, d.exclusive_or);
        return 0;
    }
};

} // namespace

FLOWXDP_PLUGIN(Identity, kDescription)
