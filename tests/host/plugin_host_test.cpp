// SPDX-License-Identifier: BSD-2-Clause
// The plugin host refuses what would crash later and says why; it orders, chooses and configures what is left.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "plugin/plugin_host.h"
#include "row/cell_text.h"

namespace flowxdp {
namespace {

namespace fs = std::filesystem;

// A plugin folder with some of the small plugins.
class PluginFolder {
  public:
    explicit PluginFolder(const std::vector<std::string>& plugins)
    {
        std::string name = (fs::temp_directory_path() / "flowxdp_plugins_XXXXXX").string();
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        path_ = name;
        for (const std::string& plugin : plugins)
            fs::copy_file(fs::path(SMALL_PLUGINS) / (plugin + ".so"), path_ / (plugin + ".so"));
    }
    ~PluginFolder() { fs::remove_all(path_); }
    PluginFolder(const PluginFolder&) = delete;
    PluginFolder& operator=(const PluginFolder&) = delete;

    [[nodiscard]] const fs::path& path() const { return path_; }
    [[nodiscard]] std::vector<PluginLibrary> load() const { return load_plugin_libraries(path_); }

  private:
    fs::path path_;
};

std::string refusal(const std::vector<std::string>& plugins)
{
    try {
        const auto libraries = PluginFolder(plugins).load();
        return "";
    } catch (const StartupError& e) {
        return e.what();
    }
}

bool says(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

PluginChoice choice_of(const std::vector<std::string>& add, bool replace_default = true)
{
    PluginChoice choice;
    choice.replace_default = replace_default;
    for (const std::string& text : add)
        choice.add.push_back(parse_plugin_spec(text).take());
    return choice;
}

struct Host {
    Host(const PluginFolder& folder, const PluginChoice& choice)
        : libraries(folder.load()), host(libraries, choice, *flowxdp_bundle(), false, {}, &flow)
    {
    }
    [[nodiscard]] std::vector<std::string> names() const
    {
        std::vector<std::string> names;
        for (const auto& active : host.active())
            names.push_back(active.name);
        return names;
    }
    std::vector<PluginLibrary> libraries;
    flow_config flow{};
    PluginHost host;
};

std::string refusal_of_host(const std::vector<std::string>& plugins, const PluginChoice& choice,
                            ExitCode* code = nullptr)
{
    const PluginFolder folder(plugins);
    try {
        const Host host(folder, choice);
        return "";
    } catch (const StartupError& e) {
        if (code)
            *code = e.code();
        return e.what();
    }
}

using Names = std::vector<std::string>;

TEST(PluginLibraries, AnotherInterfaceVersionIsRefusedWithBothNumbers)
{
    const std::string text = refusal({"other_version"});
    EXPECT_TRUE(says(text, "interface 77")) << text;
    EXPECT_TRUE(says(text, "this flowxdp has " + std::to_string(FX_PLUGIN_API_VERSION))) << text;
}

TEST(PluginLibraries, AnotherDescriptorSizeIsRefused)
{
    const std::string text = refusal({"other_size"});
    EXPECT_TRUE(says(text, "(8 bytes)")) << text;
}

TEST(PluginLibraries, WhatAPluginMustHaveIsAskedFor)
{
    EXPECT_TRUE(says(refusal({"no_help"}), "name, version or help is missing"));
    EXPECT_TRUE(says(refusal({"no_flow_end"}), "create, destroy or on_flow_end is missing"));
    EXPECT_TRUE(says(refusal({"no_columns"}), "announced but missing"));
    EXPECT_TRUE(says(refusal({"odd_state"}), "not a multiple of 8"));
    EXPECT_TRUE(says(refusal({"no_symbol"}), "exports no flowxdp_plugin()"));
}

TEST(PluginLibraries, TwoPluginsOfOneNumberOrNameAreRefused)
{
    EXPECT_TRUE(says(refusal({"alpha", "same_number"}), "is taken by another plugin"));
    EXPECT_TRUE(says(refusal({"alpha", "same_name"}), "is taken by another plugin"));
}

TEST(PluginLibraries, AFileThatIsNoLibraryIsRefusedAndOtherFilesAreLeftAlone)
{
    const PluginFolder folder({"alpha"});
    std::ofstream(folder.path() / "README.md") << "no library\n";
    EXPECT_EQ(folder.load().size(), 1U);
    std::ofstream(folder.path() / "text.so") << "no library\n";
    EXPECT_THROW((void)folder.load(), StartupError);
}

TEST(PluginLibraries, AFolderThatIsNotThereNamesTheOptionThatGivesOne)
{
    try {
        (void)load_plugin_libraries("/nonexistent/plugins");
        FAIL();
    } catch (const StartupError& e) {
        EXPECT_TRUE(says(e.what(), "/nonexistent/plugins")) << e.what();
        EXPECT_TRUE(says(e.what(), "--lib")) << e.what();
    }
}

TEST(PluginHost, TheDefaultSetIsWhatPluginsSayOfThemselves)
{
    const PluginFolder folder({"alpha", "beta", "omega"});
    EXPECT_EQ(Host(folder, choice_of({}, false)).names(), Names{"alpha"});
    EXPECT_EQ(Host(folder, choice_of({"omega"}, false)).names(), (Names{"alpha", "omega"}));
    PluginChoice none = choice_of({}, false);
    none.remove = {"alpha"};
    EXPECT_EQ(Host(folder, none).names(), Names{});
}

TEST(PluginHost, OrderIsByNumberHoweverPluginsWereNamed)
{
    const PluginFolder folder({"alpha", "beta", "omega"});
    const Host host(folder, choice_of({"omega", "beta", "alpha"}));
    EXPECT_EQ(host.names(), (Names{"alpha", "beta", "omega"}));
    Names columns;
    for (const Column& column : host.host.flow_schema()->columns())
        columns.push_back(column.name);
    EXPECT_EQ(columns, (Names{"dir", "flowInd", "alphaColumn", "betaColumn", "omegaColumn"}));
    EXPECT_EQ(host.host.packet_schema(), nullptr); // no packet mode
}

TEST(PluginHost, ADependencyMustBeEnabledAndThere)
{
    ExitCode code = ExitCode::kOk;
    EXPECT_TRUE(says(refusal_of_host({"alpha", "beta"}, choice_of({"beta"}), &code), "add --plugin alpha"));
    EXPECT_EQ(code, ExitCode::kUsage);
    EXPECT_TRUE(says(refusal_of_host({"beta"}, choice_of({"beta"})), "there is no plugin 'alpha'"));
    PluginChoice removed = choice_of({"alpha", "beta"});
    removed.remove = {"alpha"};
    EXPECT_TRUE(says(refusal_of_host({"alpha", "beta"}, removed), "which is not enabled"));
}

TEST(PluginHost, ADependencyMustHaveALowerNumber)
{
    EXPECT_TRUE(says(refusal_of_host({"alpha", "early"}, choice_of({"alpha", "early"})), "must have a lower number"));
}

TEST(PluginHost, AStateOfAnotherSizeThanTheBundlesIsRefusedWithBothNumbers)
{
    const std::string text = refusal_of_host({"other_state"}, choice_of({"tcp_win"}));
    EXPECT_TRUE(says(text, "has state 8")) << text;
    EXPECT_TRUE(says(text, "has 24")) << text; // two directions of two counts, a status and its padding
}

TEST(PluginHost, AKernelHalfThatIsNotInTheBundleIsMissed)
{
    EXPECT_TRUE(says(refusal_of_host({"ghost"}, choice_of({"ghost"})), "not in the engine bundle"));
}

TEST(PluginHost, UnknownPluginsAndOptionsNameTheOnesThereAre)
{
    EXPECT_TRUE(says(refusal_of_host({"alpha"}, choice_of({"alhpa"})), "there are: alpha"));
    EXPECT_TRUE(says(refusal_of_host({"alpha"}, choice_of({"alpha:anwser=1"})), "it has: answer"));
    PluginChoice choice = choice_of({"alpha"});
    choice.remove = {"tcp_wim"};
    EXPECT_TRUE(says(refusal_of_host({"alpha"}, choice), "there is no plugin 'tcp_wim'"));
}

TEST(PluginHost, WhatAPluginSaysOfItsOptionsStopsTheStart)
{
    EXPECT_EQ(refusal_of_host({"alpha"}, choice_of({"alpha:answer=no"})), "plugin 'alpha': the answer must not be no");
}

TEST(PluginHost, ALaterOptionWinsAndReachesTheColumn)
{
    const PluginFolder folder({"alpha"});
    Host host(folder, choice_of({"alpha:answer=1", "alpha:answer=7"}));
    ended_record ended{};
    ended.record.dir[0].packets = 1;
    ended.record.flow_id = 9;
    ended.record.key.kind = FLOW_KIND_IPV4;
    RowBatch rows(host.host.flow_schema());
    host.host.add_flow_row(ended, DIRECTION_A, &rows);
    std::string text;
    for (const Column& column : host.host.flow_schema()->columns()) {
        append_cell_text(rows.row(0), column, StringStyle::kQuoted, &text);
        text += ' ';
    }
    EXPECT_EQ(text, "A 9 7 ");
}

TEST(PluginHost, ASinksColumnEnablesThePluginThatFillsIt)
{
    const PluginFolder folder({"alpha", "omega"});
    PluginChoice choice = choice_of({});
    choice.columns_needed = {"flowInd", "omegaColumn"};
    EXPECT_EQ(Host(folder, choice).names(), Names{"omega"});
    choice.remove = {"omega"};
    EXPECT_TRUE(says(refusal_of_host({"alpha", "omega"}, choice), "whose plugin was removed"));
    choice.columns_needed = {"nobodysColumn"};
    EXPECT_TRUE(says(refusal_of_host({"alpha", "omega"}, choice), "which no plugin has"));
}

TEST(PluginHost, SlotsOfEnabledHalvesStandBehindTheCoreWithoutGaps)
{
    std::vector<PluginLibrary> libraries = load_plugin_libraries(FLOWXDP_PLUGIN_DIR);
    PluginChoice choice;
    choice.replace_default = true;
    for (const PluginLibrary& library : libraries)
        choice.add.push_back({library.descriptor->name, {}});
    flow_config flow{};
    const PluginHost host(libraries, choice, *flowxdp_bundle(), true, {}, &flow);
    std::uint32_t record = sizeof(flow_record), packet = sizeof(packet_record);
    for (std::uint32_t i = 0; i < flowxdp_bundle()->half_count; i++) {
        const half_descriptor& half = flowxdp_bundle()->halves[i];
        if (!(flow.enabled & (1u << i)))
            continue;
        EXPECT_EQ(flow.slot_offset[i], record) << half.name;
        record += half.state_size;
        packet += half.packet_state_size;
    }
    EXPECT_EQ(flow.enabled, (1u << flowxdp_bundle()->half_count) - 1);
    EXPECT_EQ(flow.record_size, record);
    EXPECT_EQ(flow.packet_record_size, packet);
    EXPECT_EQ(record % 8, 0U);
    EXPECT_LE(record, FLOW_RECORD_MAX);
    EXPECT_TRUE(flow.flags & FLOW_CONFIG_PACKET_RECORDS);
}

} // namespace
} // namespace flowxdp
