// SPDX-License-Identifier: BSD-2-Clause
// column_fillers.h - which plugins fill the columns that sinks need.
//
// Two plugins may have a column of one name (export_basics has some of basic_flow's and basic_stats'). Then one of them
// runs.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "flowxdp/plugin.h"
#include "plugin/plugin_library.h"

namespace flowxdp {

// A column that a sink requires.
struct NeededColumn {
    std::string name;
    std::string by; // what needs it, for messages: "sink 'json'", "--key tunnel"
};

class ColumnFillers {
  public:
    // left_out: names of plugins that must not run. Both must outlive this object.
    ColumnFillers(const std::vector<PluginLibrary>& libraries, const std::vector<std::string>& left_out)
        : libraries_(libraries), left_out_(left_out)
    {
    }

    // Adds plugins to the chosen ones until every needed column is filled. Where there is a choice, the plugin comes
    // that takes the fewest bytes of a record. Throws StartupError.
    void complete(const std::vector<NeededColumn>& needed, std::set<const fx_plugin*>* chosen) const;
    // Throws StartupError when two of the chosen plugins have a column of one name.
    static void check(const std::set<const fx_plugin*>& chosen);

  private:
    // Every plugin that has the column, in number order.
    [[nodiscard]] std::vector<const fx_plugin*> fillers_of(const std::string& column) const;
    // The one to add; null: none may run.
    [[nodiscard]] const fx_plugin* cheapest(const std::vector<const fx_plugin*>& fillers,
                                            const std::set<const fx_plugin*>& chosen) const;
    [[nodiscard]] bool is_left_out(const fx_plugin& plugin) const;
    [[noreturn]] void refuse(const NeededColumn& column, const std::vector<const fx_plugin*>& fillers,
                             const std::set<const fx_plugin*>& chosen) const;

    const std::vector<PluginLibrary>& libraries_;
    const std::vector<std::string>& left_out_;
};

} // namespace flowxdp
