// SPDX-License-Identifier: BSD-2-Clause
#include "cli/interfaces_command.h"

#include <fmt/format.h>

#include "cli/json_object.h"
#include "core/printable.h"
#include "live/interface.h"

namespace flowxdp {

std::vector<std::string> programs_json(const std::optional<Dispatcher>& dispatcher)
{
    std::vector<std::string> programs;
    if (dispatcher)
        for (const DispatchedProgram& p : dispatcher->programs)
            programs.push_back(JsonObject()
                                   .add("id", p.id)
                                   .add("name", p.name)
                                   .add("priority", p.priority)
                                   .add("goes_on_after", p.goes_on_after)
                                   .text());
    return programs;
}

ExitCode run_interfaces_command(bool json)
{
    std::vector<std::string> objects;
    for (const InterfaceInfo& i : list_interfaces()) {
        const std::optional<Dispatcher> dispatcher = read_dispatcher(i);
        if (json)
            objects.push_back(JsonObject()
                                  .add("name", i.name)
                                  .add("index", i.index)
                                  .add("up", i.up)
                                  .add("mtu", i.mtu)
                                  .add("driver", i.driver)
                                  .add("rx_vlan_offload", i.rx_vlan_offload)
                                  .add("lro", i.lro)
                                  .add("xdp_program_id", i.xdp_program_id)
                                  .add("xdp_program", i.xdp_program_name)
                                  .add("xdp_mode", i.xdp_mode)
                                  .add("xdp_programs", programs_json(dispatcher))
                                  .text());
        else
            fmt::print("{:<16} {:<5} mtu {:<6} driver {:<12} {}{}{}\n", printable(i.name), i.up ? "up" : "down", i.mtu,
                       i.driver.empty() ? "-" : printable(i.driver),
                       i.xdp_program_id ? fmt::format("XDP program {} '{}' ({})", i.xdp_program_id,
                                                      printable(i.xdp_program_name), i.xdp_mode)
                                        : "no XDP program",
                       dispatcher ? " with " + dispatcher->text() : "",
                       i.rx_vlan_offload && hidden_tags_text(i).empty()
                           ? ", rx-vlan offload on (attach with --fix-offloads)"
                           : "");
    }
    if (json)
        fmt::print("{}\n", JsonObject::list(objects));
    return ExitCode::kOk;
}

} // namespace flowxdp
