// SPDX-License-Identifier: BSD-2-Clause
// The plugin host refuses what would crash later and says why; it orders, chooses and configures what is left.
#include <dlfcn.h>
#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "module/module_file.h"
#include "plugin/plugin_host.h"
#include "row/cell_text.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

namespace fs = std::filesystem;

// A plugin folder with some of the small plugins.
class PluginFolder {
  public:
    explicit PluginFolder(const std::vector<std::string>& plugins)
    {
        for (const std::string& plugin : plugins)
            fs::copy_file(fs::path(SMALL_PLUGINS) / (plugin + ".so"), folder_ / (plugin + ".so"));
    }
    [[nodiscard]] const fs::path& path() const { return folder_.path(); }
    [[nodiscard]] std::vector<PluginLibrary> load() const { return load_plugin_libraries(folder_.path()); }

  private:
    test::TempFolder folder_;
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
    EXPECT_TRUE(says(refusal({"no_figures"}), "figures are announced but missing"));
    EXPECT_TRUE(says(refusal({"no_figure_values"}), "figures are announced but missing"));
    EXPECT_TRUE(says(refusal({"odd_figure"}), "lower case, digits and _"));
    EXPECT_TRUE(says(refusal({"odd_state"}), "not a multiple of 8"));
    EXPECT_TRUE(says(refusal({"odd_cold"}), "not a multiple of 8"));
    EXPECT_TRUE(says(refusal({"odd_memory"}), "not a multiple of 8"));
    EXPECT_TRUE(says(refusal({"no_symbol"}), "exports no flowxdp_plugin()"));
}

TEST(PluginLibraries, ARefusedLibraryNeverRuns)
{
    for (const std::string name : {"constructor", "other_version", "says_nothing"}) {
        const PluginFolder folder({name});
        const fs::path trace = folder.path() / "trace";
        setenv("SMALL_PLUGIN_TRACE", trace.c_str(), 1);
        EXPECT_THROW((void)folder.load(), StartupError) << name;
        EXPECT_FALSE(fs::exists(trace)) << name;
        // A dlopen() without the check runs the constructor.
        void* handle = dlopen((folder.path() / (name + ".so")).c_str(), RTLD_NOW | RTLD_LOCAL);
        ASSERT_NE(handle, nullptr) << dlerror();
        dlclose(handle);
        EXPECT_TRUE(fs::exists(trace)) << name;
        unsetenv("SMALL_PLUGIN_TRACE");
    }
}

TEST(PluginLibraries, OneThatDoesNotSayItsInterfaceIsRefused)
{
    const std::string text = refusal({"says_nothing"});
    EXPECT_TRUE(says(text, "does not say which interface it was built for")) << text;
    EXPECT_TRUE(says(text, "says_nothing.so")) << text;
}

TEST(PluginLibraries, DamagedLibrariesAreRefused)
{
    std::ifstream file(fs::path(SMALL_PLUGINS) / "alpha.so", std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    ASSERT_GT(whole.size(), 4096U);
    auto loads = [](const std::string& bytes) {
        const PluginFolder folder({});
        std::ofstream(folder.path() / "a.so", std::ios::binary) << bytes;
        try {
            return folder.load().size() == 1;
        } catch (const StartupError&) {
            return false;
        }
    };
    EXPECT_TRUE(loads(whole));
    for (const std::size_t length : {0U, 3U, 64U, 1000U, 4096U})
        EXPECT_FALSE(loads(whole.substr(0, length))) << length;
    for (const std::size_t place :
         {0U, 4U, 18U, 40U, 58U, 60U}) { // magic, class, machine, section table: where, size, number
        std::string other = whole;
        other.replace(place, 2, "\xfe\xff");
        EXPECT_FALSE(loads(other)) << place;
    }
}

// Whatever stands in the tables of a file, it is looked at within the file. Nothing is loaded here.
TEST(PluginLibraries, AnyTablesCanBeLookedAt)
{
    const test::TempFolder folder;
    const std::string whole = test::read_file(fs::path(SMALL_PLUGINS) / "alpha.so");
    const std::string path = folder / "a.so";
    Elf64_Ehdr header{};
    std::memcpy(&header, whole.data(), sizeof header);
    auto check = [&path](const std::string& bytes) {
        std::ofstream(path, std::ios::binary) << bytes;
        return check_module(path, "plugin", "flowxdp_plugin",
                            {"flowxdp_plugin_interface", FX_PLUGIN_API_VERSION, sizeof(fx_plugin)});
    };
    ASSERT_TRUE(check(whole).ok());
    std::mt19937_64 chance(7); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in each run
    int refused = 0;
    constexpr int kTries = 3000;
    for (int i = 0; i < kTries; i++) {
        std::string other = whole;
        for (std::uint64_t n = 1 + chance() % 3; n > 0; n--) {
            // The header, the program headers behind it, the section headers at the end.
            const std::size_t places[] = {chance() % sizeof header, chance() % 1024,
                                          header.e_shoff + chance() % (whole.size() - header.e_shoff)};
            const std::size_t place = std::min(places[chance() % 3], whole.size() - 8);
            const std::uint64_t value = chance() % 2 ? chance() : ~std::uint64_t{0} >> chance() % 64;
            std::memcpy(other.data() + place, &value, std::size_t{1} << chance() % 4);
        }
        refused += !check(other).ok();
    }
    EXPECT_GT(refused, kTries / 4);
    for (std::size_t length = 0; length < whole.size(); length += 1 + whole.size() / 500)
        EXPECT_FALSE(check(whole.substr(0, length)).ok()) << length;
}

TEST(PluginLibraries, ASegmentThatIsNotInTheFileIsMissed)
{
    std::string bytes = test::read_file(fs::path(SMALL_PLUGINS) / "alpha.so");
    Elf64_Ehdr header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment{};
        const std::size_t at = header.e_phoff + i * sizeof segment;
        std::memcpy(&segment, bytes.data() + at, sizeof segment);
        if (segment.p_type != PT_LOAD)
            continue;
        segment.p_filesz = bytes.size() - segment.p_offset + 1;
        std::memcpy(bytes.data() + at, &segment, sizeof segment);
        break;
    }
    const test::TempFolder folder;
    std::ofstream(folder / "a.so", std::ios::binary) << bytes;
    try {
        (void)load_plugin_libraries(folder / "");
        FAIL();
    } catch (const StartupError& e) {
        EXPECT_TRUE(says(e.what(), "it is cut off")) << e.what();
    }
}

TEST(PluginLibraries, RootLoadsNothingThatOthersMayWrite)
{
    if (geteuid() != 0)
        GTEST_SKIP() << "needs root: only a program with rights is careful";
    struct stat program {};
    ASSERT_EQ(stat("/proc/self/exe", &program), 0);
    auto refusal_with = [](uid_t owner, mode_t mode, mode_t folder_mode) -> std::string {
        const PluginFolder folder({"alpha"});
        const fs::path file = folder.path() / "alpha.so";
        if (chown(file.c_str(), owner, 0) || chmod(file.c_str(), mode) || chmod(folder.path().c_str(), folder_mode))
            return "cannot prepare";
        try {
            const auto libraries = folder.load();
            return "";
        } catch (const StartupError& e) {
            return e.what();
        }
    };
    EXPECT_EQ(refusal_with(0, 0755, 0755), "");
    EXPECT_TRUE(says(refusal_with(program.st_uid + 4711, 0755, 0755), "its file belongs to user"));
    EXPECT_TRUE(says(refusal_with(0, 0757, 0755), "others may write to its file"));
    EXPECT_TRUE(says(refusal_with(0, 0755, 0777), "others may write to its folder"));
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
    EXPECT_TRUE(says(refusal_of_host({"other_cold"}, choice_of({"tcp_win"})), "has state 24, cold state 8"));
}

TEST(PluginHost, AKernelHalfThatIsNotInTheBundleIsMissed)
{
    EXPECT_TRUE(says(refusal_of_host({"ghost"}, choice_of({"ghost"})), "not in the engine bundle"));
}

TEST(PluginHost, UnknownPluginsAndOptionsNameTheOnesThereAre)
{
    EXPECT_TRUE(says(refusal_of_host({"alpha"}, choice_of({"alhpa"})), "did you mean 'alpha'? There are: alpha"));
    EXPECT_TRUE(says(refusal_of_host({"alpha"}, choice_of({"alpha:anwser=1"})), "did you mean 'answer'?"));
    PluginChoice choice = choice_of({"alpha"});
    choice.remove = {"tcp_wim"};
    EXPECT_TRUE(says(refusal_of_host({"alpha"}, choice), "there is no plugin 'tcp_wim'"));
}

TEST(PluginHost, WhatAPluginSaysOfItsOptionsStopsTheStart)
{
    EXPECT_EQ(refusal_of_host({"alpha"}, choice_of({"alpha:answer=no"})), "plugin 'alpha': the answer must not be no");
}

TEST(PluginHost, AnOptionIsGivenOnceAndReachesTheColumn)
{
    EXPECT_TRUE(
        says(refusal_of_host({"alpha"}, choice_of({"alpha:answer=1", "alpha:answer=7"})), "given twice: '1' and '7'"));
    const PluginFolder folder({"alpha"});
    Host host(folder, choice_of({"alpha:answer=7"}));
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
    const std::vector<PluginHost::Figure> figures = host.host.figures();
    ASSERT_EQ(figures.size(), 1u);
    EXPECT_EQ(figures[0].plugin + "_" + figures[0].name, "alpha_answers_given");
    EXPECT_EQ(figures[0].value, 1u) << "one row";
}

TEST(PluginHost, ASinksColumnEnablesThePluginThatFillsIt)
{
    const PluginFolder folder({"alpha", "omega"});
    PluginChoice choice = choice_of({});
    choice.columns_needed = {{"flowInd", "sink 's'"}, {"omegaColumn", "sink 's'"}};
    EXPECT_EQ(Host(folder, choice).names(), Names{"omega"});
    choice.remove = {"omega"};
    EXPECT_TRUE(
        says(refusal_of_host({"alpha", "omega"}, choice),
             "sink 's' needs column 'omegaColumn' of plugin 'omega', which is left out: leave --no-plugin omega "
             "or sink 's' out"));
    choice.columns_needed = {{"nobodysColumn", "sink 's'"}};
    EXPECT_TRUE(says(refusal_of_host({"alpha", "omega"}, choice), "which no plugin has"));
}

// The real plugins: export_basics has some columns of basic_flow and basic_stats, and takes less of a record than
// either.
TEST(PluginHost, WherePluginsShareAColumnTheOneThatTakesLeastFillsIt)
{
    const std::vector<PluginLibrary> libraries = load_plugin_libraries(FLOWXDP_PLUGIN_DIR);
    const auto chosen = [&](PluginChoice choice) {
        flow_config flow{};
        const PluginHost host(libraries, choice, *flowxdp_bundle(), false, {}, &flow);
        Names names;
        for (const auto& active : host.active())
            names.push_back(active.name);
        return names;
    };
    const auto refused = [&](const PluginChoice& choice) -> std::string {
        try {
            chosen(choice);
        } catch (const StartupError& e) {
            return e.what();
        }
        return "";
    };
    PluginChoice choice = choice_of({"flow_export"});
    choice.columns_needed = {{"timeFirst", "sink 's'"}, {"pktsSnt", "sink 's'"}, {"ipOctets", "sink 's'"}};
    EXPECT_EQ(chosen(choice), (Names{"export_basics", "flow_export"}));
    // A column that basic_stats alone has comes last, and decides.
    choice.columns_needed.push_back({"l7BytesSnt", "sink 's'"});
    EXPECT_EQ(chosen(choice), (Names{"basic_flow", "flow_export", "basic_stats"}));
    choice.columns_needed.pop_back();
    choice.replace_default = false;
    EXPECT_EQ(chosen(choice), (Names{"basic_flow", "flow_export", "basic_stats", "tcp_states", "tcp_win"}));
    choice.remove = {"basic_stats"};
    EXPECT_TRUE(says(refused(choice), "sink 's' needs column 'pktsSnt' of plugin 'basic_stats', which is left out"));
    EXPECT_EQ(refused(choice_of({"basic_flow", "export_basics"})),
              "plugins 'basic_flow' and 'export_basics' both have column 'timeFirst': leave one of them out");
    choice = choice_of({"export_basics"});
    choice.columns_needed = {{"duration", "sink 's'"}};
    EXPECT_EQ(refused(choice),
              "sink 's' needs column 'duration' of plugin 'basic_flow', which does not run beside 'export_basics', "
              "because both have column 'timeFirst': leave 'export_basics' or sink 's' out");
}

// What most packets touch lies together, behind the core; what they do not touch lies behind all of it.
TEST(PluginHost, HotStatesStandBehindTheCoreAndColdStatesBehindThem)
{
    std::vector<PluginLibrary> libraries = load_plugin_libraries(FLOWXDP_PLUGIN_DIR);
    PluginChoice choice;
    choice.replace_default = true;
    const std::string_view alone = "export_basics"; // runs beside neither basic_flow nor basic_stats
    for (const PluginLibrary& library : libraries)
        if (library.descriptor->name != alone)
            choice.add.push_back({library.descriptor->name, {}});
    flow_config flow{};
    const PluginHost host(libraries, choice, *flowxdp_bundle(), true, {}, &flow);
    std::uint32_t record = sizeof(flow_record), packet = sizeof(packet_record), enabled = 0;
    unsigned colds = 0;
    for (std::uint32_t i = 0; i < flowxdp_bundle()->half_count; i++) {
        const half_descriptor& half = flowxdp_bundle()->halves[i];
        if (half.name == alone)
            continue;
        enabled |= 1u << i;
        EXPECT_EQ(flow.slot_offset[i], record) << half.name;
        record += half.state_size;
        packet += half.packet_state_size;
    }
    for (std::uint32_t i = 0; i < flowxdp_bundle()->half_count; i++) {
        const half_descriptor& half = flowxdp_bundle()->halves[i];
        if (half.name == alone)
            continue;
        EXPECT_EQ(flow.cold_offset[i], half.cold_size ? record : 0) << half.name;
        record += half.cold_size;
        colds += half.cold_size != 0;
    }
    EXPECT_GE(colds, 4U) << "basic_flow, mac_recorder, tcp_flags, tcp_states";
    EXPECT_EQ(flow.enabled, enabled);
    EXPECT_EQ(flow.record_size, record);
    EXPECT_EQ(flow.packet_record_size, packet);
    EXPECT_EQ(record % 8, 0U);
    EXPECT_LE(record, FLOW_RECORD_MAX);
    EXPECT_TRUE(flow.flags & FLOW_CONFIG_PACKET_RECORDS);
}

// Each kind of option, with a value that its declaration does not allow: the host says so, before the plugin is made.
TEST(PluginHost, AnOptionOutOfItsRangeIsRefusedWithTheWayOut)
{
    const std::vector<PluginLibrary> libraries = load_plugin_libraries(FLOWXDP_PLUGIN_DIR);
    const auto refused = [&](const std::string& plugin) -> std::string {
        flow_config flow{};
        try {
            const PluginHost host(libraries, choice_of({plugin}, false), *flowxdp_bundle(), false, {}, &flow);
        } catch (const StartupError& e) {
            EXPECT_EQ(e.code(), ExitCode::kUsage);
            return e.what();
        }
        return "";
    };
    EXPECT_EQ(refused("tcp_geo_win:max_entries=0"),
              "plugin 'tcp_geo_win': option 'max_entries': '0' is too small: give a "
              "number from 1 to 1000000, e.g. 100");
    EXPECT_EQ(refused("tcp_win:threshold=65537"),
              "plugin 'tcp_win': option 'threshold': '65537' is too large: give a number from 1 to 65536, e.g. 1");
    EXPECT_EQ(refused("basic_flow:geo=2"),
              "plugin 'basic_flow': option 'geo': '2' is too large: give a number from 0 to 1, e.g. 1");
    EXPECT_EQ(refused("tcp_states:reset=0"),
              "plugin 'tcp_states': option 'reset': '0' is too short: give a duration from "
              "1ms to 2147483.647s, e.g. 0.5, 30s, 5m, 2h");
    EXPECT_EQ(refused("tcp_win:threshold=65536"), "");
}

// A bundle that this program was not built with: another list of halves, options of another size.
TEST(PluginHost, ABundleWithOtherHalvesIsLaidOutAsItSays)
{
    const half_descriptor* tcp_win = nullptr;
    for (std::uint32_t i = 0; i < flowxdp_bundle()->half_count; i++)
        if (std::string_view(flowxdp_bundle()->halves[i].name) == "tcp_win")
            tcp_win = &flowxdp_bundle()->halves[i];
    ASSERT_NE(tcp_win, nullptr);
    half_descriptor halves[] = {{"somebody_elses", 40, 24, 16, 0, 8, 1000}, *tcp_win};
    halves[1].config_offset = 1008;
    bundle_descriptor bundle = *flowxdp_bundle();
    bundle.half_count = 2;
    bundle.halves = halves;
    bundle.plugin_options_size = 1008 + tcp_win->config_size;

    std::vector<PluginLibrary> libraries = load_plugin_libraries(FLOWXDP_PLUGIN_DIR);
    flow_config flow{};
    const PluginHost host(libraries, choice_of({"tcp_win:threshold=7"}), bundle, false, {}, &flow);
    EXPECT_EQ(flow.enabled, 2U);
    EXPECT_EQ(flow.slot_offset[1], sizeof(flow_record));
    EXPECT_EQ(flow.record_size, sizeof(flow_record) + tcp_win->state_size);
    ASSERT_EQ(host.plugin_options().size(), bundle.plugin_options_size);
    std::uint32_t threshold = 0; // the first of tcp_win's options
    std::memcpy(&threshold, host.plugin_options().data() + 1008, sizeof threshold);
    EXPECT_EQ(threshold, 7U);
}

TEST(PluginHost, ABundleOfAnotherCoreIsRefused)
{
    bundle_descriptor bundle = *flowxdp_bundle();
    bundle.flow_config_size += 8;
    std::vector<PluginLibrary> libraries = load_plugin_libraries(FLOWXDP_PLUGIN_DIR);
    flow_config flow{};
    EXPECT_THROW(PluginHost(libraries, choice_of({"tcp_win"}), bundle, false, {}, &flow), StartupError);
}

// A half that this bundle has not.
TEST(PluginHost, AHalfThatTheBundleLacksIsRefused)
{
    bundle_descriptor bundle = *flowxdp_bundle();
    bundle.half_count = 1;
    std::vector<PluginLibrary> libraries = load_plugin_libraries(FLOWXDP_PLUGIN_DIR);
    flow_config flow{};
    EXPECT_THROW(PluginHost(libraries, choice_of({"tcp_win"}), bundle, false, {}, &flow), StartupError);
}

TEST(PluginHost, AnEngineRefusesTheOptionsOfAnotherBundle)
{
    std::vector<std::uint8_t> options(flowxdp_bundle()->plugin_options_size + 8);
    engine_options setup{};
    setup.flow.record_size = sizeof(flow_record);
    setup.max_flows = 16;
    setup.plugin_options = options.data();
    setup.plugin_options_size = static_cast<__u32>(options.size());
    EXPECT_EQ(flowxdp_bundle()->open(&setup), nullptr);
    setup.plugin_options_size -= 8;
    engine* opened = flowxdp_bundle()->open(&setup);
    EXPECT_NE(opened, nullptr);
    flowxdp_bundle()->close(opened);
}

} // namespace
} // namespace flowxdp
