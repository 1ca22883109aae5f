// SPDX-License-Identifier: BSD-2-Clause
// size_rule, user half: options, and the alarms of a direction.
#include "size_rule/size_rule.bpf.h"

#include "flowxdp/plugin.hpp"

namespace {

struct FlowColumns : flowxdp::ColumnSet {
    Column<U32> alarms{this, {.name = "sizeAlarms", .help = "Alarms by the payload of a packet"}};
};
constexpr FlowColumns kColumns;
struct Options : flowxdp::OptionSet {
    Number<std::uint32_t> force{this, "force", "0", "end the flow at a packet with this payload; 0 = never", 0, 65535};
    Number<std::uint32_t> alarm{this, "alarm", "0", "raise an alarm at a packet with this payload; 0 = never",
                                0,    65535};
    Number<std::uint32_t> wait{this, "wait", "0", "set the idle timeout at a packet with this payload; 0 = never",
                               0,    65535};
    Duration timeout{this, "timeout", "", "idle timeout of a direction from such a packet on"};
};
constexpr Options kOptions;
using Half = flowxdp::KernelHalfOf<size_rule_state, size_rule_config>;

constexpr flowxdp::PluginDescription kDescription = {.number = 811,
                                                     .name = "size_rule",
                                                     .version = "0.1.0",
                                                     .help = "Verdicts by the payload of a packet",
                                                     .kernel = Half::sizes,
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .can_alarm = true};

class SizeRule final : public flowxdp::Plugin {
  public:
    SizeRule(flowxdp::OptionValues options, void* kernel_config, flowxdp::Host)
    {
        auto* config = static_cast<size_rule_config*>(kernel_config);
        config->force_size = options[kOptions.force];
        config->alarm_size = options[kOptions.alarm];
        config->timeout_size = options[kOptions.wait];
        config->timeout_ms = options[kOptions.timeout];
        can_force_ = config->force_size != 0;
    }
    [[nodiscard]] std::uint32_t flow_config_flags() const override
    {
        return can_force_ ? std::uint32_t{FLOW_CONFIG_CAN_FORCE} : 0;
    }
    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const std::uint32_t alarms = Half::state(flow).alarms[flow.direction];
        row.put(kColumns.alarms, alarms);
        return alarms;
    }

  private:
    bool can_force_ = false;
};

} // namespace

FLOWXDP_PLUGIN(SizeRule, kDescription)
