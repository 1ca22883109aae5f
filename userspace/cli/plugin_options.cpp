// SPDX-License-Identifier: BSD-2-Clause
// The options of plugin build, new and list.
#include <fmt/format.h>

#include "cli/command_rows.h"
#include "core/printable.h"
#include "core/result.h"

namespace flowxdp {

CommandRow plugin_build_command(Options* options)
{
    PluginOptions* plugin = &options->plugin;
    CommandRow row;
    row.name = "plugin build";
    row.summary = "Compile plugin folders and the installed plugins into a bundle";
    row.words = "DIR...";
    row.noun = Noun::kFolder;
    row.options
        .text("--output,-o", "FOLDER", &plugin->output, "The bundle's folder; a bundle that is there is replaced")
        .with_default("flowxdp-bundle");
    row.examples = {{"flowxdp plugin build my_plugin", "a bundle in ./flowxdp-bundle"},
                    {"flowxdp replay --lib flowxdp-bundle --plugin my_plugin FILE", "rows with its columns"}};
    row.notes = {"DIR is a folder NAME with NAME.cpp, and with NAME.bpf.h when the plugin counts in the kernel. The "
                 "installed headers and the compilers that are there are used: $CLANG, $CXX, with $CXXFLAGS and "
                 "$LDFLAGS for user halves. A build that fails leaves the bundle that was there."};
    row.finish = [options, plugin](const std::vector<std::string>& words) -> Result<void> {
        options->command = Command::kPlugin;
        plugin->action = PluginOptions::Action::kBuild;
        plugin->folders = words;
        if (words.empty())
            return Error{"plugin build needs a plugin's folder; 'flowxdp plugin new NAME' writes one"};
        return {};
    };
    return row;
}

CommandRow plugin_new_command(Options* options)
{
    PluginOptions* plugin = &options->plugin;
    CommandRow row;
    row.name = "plugin new";
    row.summary = "Write a plugin to start from, with a test";
    row.words = "NAME";
    row.options.text("--directory,-C", "FOLDER", &plugin->folder, "Where the folder NAME is made").with_default(".");
    row.examples = {{"flowxdp plugin new my_plugin && my_plugin/test.sh", "it builds, and its test passes"}};
    row.finish = [options, plugin](const std::vector<std::string>& words) -> Result<void> {
        options->command = Command::kPlugin;
        plugin->action = PluginOptions::Action::kNew;
        if (words.size() != 1)
            return Error{words.empty() ? "plugin new needs a name: lower case letters, digits and _"
                                       : fmt::format("plugin new takes one name, and '{}' is one more",
                                                     printable(words[1], kValueBytes))};
        plugin->name = words[0];
        return {};
    };
    return row;
}

CommandRow plugin_list_command(Options* options)
{
    PluginOptions* plugin = &options->plugin;
    CommandRow row;
    row.name = "plugin list";
    row.summary = "List the folders of plugins, what is in them, and what is wrong with it";
    row.options.flag("--json", &plugin->json, "As JSON");
    row.options.text("--lib", "DIR", &plugin->library_folder, "Folder with engine bundle and plugins");
    row.notes = {
        "Nearest first: --lib or $FLOWXDP_LIB, the user's ($XDG_DATA_HOME/flowxdp or ~/.local/share/flowxdp), the "
        "administrator's (/usr/local/lib/flowxdp), the installation's. 'flowxdp plugins' has options and columns."};
    row.finish = [options, plugin](const std::vector<std::string>&) {
        options->command = Command::kPlugin;
        plugin->action = PluginOptions::Action::kList;
        return Result<void>();
    };
    return row;
}

} // namespace flowxdp
