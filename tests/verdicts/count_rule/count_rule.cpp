// SPDX-License-Identifier: BSD-2-Clause
// count_rule, user half: options, and the alarms of a direction.
#include "count_rule/count_rule.bpf.h"

#include "flowxdp/plugin.hpp"

namespace {

struct FlowColumns : flowxdp::ColumnSet {
    Column<U32> alarms{this, {.name = "countAlarms", .help = "Alarms by the number of a packet"}};
};
constexpr FlowColumns kColumns;
struct Options : flowxdp::OptionSet {
    Number<std::uint32_t> force_at{this, "force_at", "0", "end the flow at this packet of a direction; 0 = never",
                                   0,    1000000};
    Number<std::uint32_t> alarm_at{this, "alarm_at", "0", "raise an alarm at this packet of a direction; 0 = never",
                                   0,    1000000};
    Duration timeout{this, "timeout", "", "idle timeout of a direction from each packet on"};
};
constexpr Options kOptions;
using Half = flowxdp::KernelHalfOf<count_rule_state, count_rule_config>;

constexpr flowxdp::PluginDescription kDescription = {.number = 810,
                                                     .name = "count_rule",
                                                     .version = "0.1.0",
                                                     .help = "Verdicts by the number of a packet",
                                                     .kernel = Half::sizes,
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .can_alarm = true};

class CountRule final : public flowxdp::Plugin {
  public:
    CountRule(flowxdp::OptionValues options, void* kernel_config, flowxdp::Host)
    {
        auto* config = static_cast<count_rule_config*>(kernel_config);
        config->force_at = options[kOptions.force_at];
        config->alarm_at = options[kOptions.alarm_at];
        config->timeout_ms = options[kOptions.timeout];
        can_force_ = config->force_at != 0;
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

FLOWXDP_PLUGIN(CountRule, kDescription)
