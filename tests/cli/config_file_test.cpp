// SPDX-License-Identifier: BSD-2-Clause
// Configuration files: what TOML becomes, what is refused and where, and that every option of the table goes through
// one.
#include "cli/config_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/command_line.h"
#include "cli/option_samples.h"
#include "cli/options.h"

namespace flowxdp {
namespace {

using Words = std::vector<std::string>;

const CommandRow& row_of(const std::vector<CommandRow>& commands, const std::string& name)
{
    return *std::ranges::find(commands, name, &CommandRow::name);
}

// Reads text as a file of a command. Returns the problems, each on a line.
std::string apply(const std::string& text, Options* options, const std::string& command = "attach")
{
    const auto file = parse_config(text, "f.toml");
    if (!file.ok())
        return file.error().message + "\n";
    const std::vector<CommandRow> commands = command_table(options);
    std::string out;
    for (const std::string& problem :
         apply_config(file.value(), commands, row_of(commands, command), [](const OptionRow&) { return false; }))
        out += problem + "\n";
    return out;
}

// The options of a command line, without what the command itself demands.
Options parsed(const std::string& command, Words words)
{
    words.insert(words.begin(), {"config", "dump", "--command", command});
    Options options;
    const auto reply = read_command_line(command_table(&options, words), words, "");
    EXPECT_FALSE(reply) << reply->text;
    return options;
}

std::string dump(Options options, const std::string& command)
{
    Options untouched;
    const std::vector<CommandRow> rows = command_table(&options);
    const std::vector<CommandRow> defaults = command_table(&untouched);
    auto text = config_text(row_of(rows, command), row_of(defaults, command).options);
    EXPECT_TRUE(text.ok()) << text.error().message;
    return text.ok() ? text.take() : "";
}

TEST(ConfigFile, ValuesOfEveryKind)
{
    Options o;
    EXPECT_EQ(apply("write = 'out'\n"
                    "interfaces = ['eth0', 'eth1']\n"
                    "merge = true\n"
                    "quiet = false\n"
                    "verbose = 2\n"
                    "max-flows = 1_000\n"
                    "flow-factor = 0.5\n"
                    "idle-timeout = 30\n"
                    "active-timeout = '5m'\n"
                    "ring = '8M'\n"
                    "mode = 'native'\n"
                    "sink = ['json:a.json,queue=64K', 'csv']\n"
                    "tunnel = 'none'\n"
                    "plugins = ['basic_flow', 'tcp_win']\n",
                    &o),
              "");
    const AttachOptions& attach = o.attach;
    EXPECT_EQ(attach.run.write_prefix, "out");
    EXPECT_EQ(attach.interfaces, (Words{"eth0", "eth1"}));
    EXPECT_TRUE(attach.merge);
    EXPECT_FALSE(attach.run.quiet);
    EXPECT_EQ(attach.run.verbose, 2);
    EXPECT_EQ(attach.run.max_flows, 1000U);
    EXPECT_EQ(attach.run.flow_factor, 0.5);
    EXPECT_EQ(attach.run.idle_timeout_ms, 30000U);
    EXPECT_EQ(attach.run.active_timeout_ms, 300000U);
    EXPECT_EQ(attach.run.ring_bytes, 8U << 20);
    EXPECT_EQ(attach.mode, AttachMode::kNative);
    ASSERT_EQ(attach.run.sinks.size(), 2U);
    EXPECT_EQ(attach.run.sinks[0].target, "a.json");
    EXPECT_EQ(attach.run.sinks[0].options.at("queue"), "64K");
    EXPECT_EQ(attach.run.tunnels.values, Words{"none"});
    ASSERT_EQ(attach.run.plugin_list.size(), 2U);
    EXPECT_EQ(attach.run.plugin_list[1].name, "tcp_win");
}

TEST(ConfigFile, SinksAndPluginsAsTables)
{
    Options o;
    EXPECT_EQ(apply("[[sink]]\nname = 'ipfix'\ntarget = 'udp://192.0.2.1:4739'\nqueue = '64M'\n"
                    "[[sink]]\nname = 'csv'\n"
                    "[plugin.tcp_win]\nthreshold = 100\n"
                    "[plugin.tcp_flags]\n",
                    &o),
              "");
    ASSERT_EQ(o.attach.run.sinks.size(), 2U);
    EXPECT_EQ(sink_text(o.attach.run.sinks[0]), "ipfix:udp://192.0.2.1:4739,queue=64M");
    EXPECT_EQ(sink_text(o.attach.run.sinks[1]), "csv");
    Words plugins;
    for (const PluginSpec& spec : o.attach.run.plugins)
        plugins.push_back(plugin_text(spec));
    std::ranges::sort(plugins);
    EXPECT_EQ(plugins, (Words{"tcp_flags", "tcp_win:threshold=100"}));
}

TEST(ConfigFile, WhatIsWrongNamesFileLineKeyAndReason)
{
    const std::pair<const char*, const char*> wrong[] = {
        {"\nmax-flows = 5\n", "'f.toml', line 2: max-flows: '5' is too small: give a number from 16"},
        {"max-flow = 50\n", "line 1: max-flow: attach has no such option; did you mean 'max-flows'?"},
        {"zzzzzzzz = 1\n", "line 1: zzzzzzzz: attach has no such option; 'flowxdp config dump'"},
        {"engine = 'bpf'\n", "line 1: engine: it is an option of replay, not of attach"},
        {"mode = 'fast'\n", "line 1: mode: 'fast' is not known; there are: auto, native, generic"},
        {"merge = 'yes'\n", "line 1: merge: 'yes' is neither true nor false"},
        {"write = 5\n", "line 1: write: 5 is text here: write \"5\""},
        {"write = ''\n", "line 1: write: '' is empty"},
        {"write = ['a']\n", "line 1: write: it takes one value, not a list"},
        {"count = true\n", "line 1: count: 'true' is no number"},
        {"verbose = 99\n", "line 1: verbose: '99' is too large"},
        {"user = 2026-01-01\n", "line 1: user: a date or a time is no value"},
        {"sink = [['a']]\n", "line 1: sink: a list in a list is no value"},
        {"sink = ['csv',\n ':x']\n", "line 2: sink: sink ':x' has no name"},
        {"[[sink]]\ntarget = 'x'\n", "line 1: sink: the table has no name: write name ="},
        {"[[sink]]\nname = 'csv'\nqueue = '1,policy=drop'\n", "line 1: sink: 'csv,queue=1,policy=drop' cannot be told"},
        {"[user.x]\na = 1\n", "line 1: user: it takes one value"},
        {"[user]\na = 1\n", "line 1: user: it is no table"},
        {"a = 1\na = 2\n", "'f.toml', line 2: "},
        {"= 1\n", "'f.toml', line 1: "},
        {"\n[.\n", "'f.toml', line 2: "},
        {"[\x03", "'f.toml', line 1: "},
        {"max\xef\xbb\xbf", "'f.toml', line 1: "},
        {"\xc3\xa9 = 1\n", "'f.toml', line 1: "},
        {"write = \"\n", "'f.toml', line 1: "},
        {"write = \"\xff\"\n", "'f.toml', line 1: "},
        {"tunnel = 'vxlna'\n", "line 1: tunnel: there is no tunnel 'vxlna'"},
    };
    for (const auto& [text, says] : wrong) {
        Options o;
        const std::string problems = apply(text, &o);
        EXPECT_NE(problems.find(says), std::string::npos) << text << "says " << problems;
        EXPECT_EQ(std::ranges::count(problems, '\n'), 1) << problems;
    }
}

TEST(ConfigFile, EveryMistakeIsNamedInTheOrderOfTheLines)
{
    Options o;
    const std::string problems =
        apply("write = 1\nmode = 'x'\nidle-timeout = 'soon'\nalarm = 'any'\nsplti = 'a'\n", &o);
    std::vector<std::size_t> at;
    for (const char* line : {"line 1: write", "line 2: mode", "line 3: idle-timeout", "line 5: splti"})
        at.push_back(problems.find(line));
    EXPECT_TRUE(std::ranges::is_sorted(at)) << problems;
    EXPECT_NE(at.back(), std::string::npos) << problems;
    EXPECT_EQ(std::ranges::count(problems, '\n'), 4) << problems;
    EXPECT_EQ(o.attach.run.alarm, AlarmMode::kAny);
}

TEST(ConfigFile, DetachTakesWhatIsNotTheSensorsFromTheFileOfAnAttach)
{
    Options o;
    EXPECT_EQ(apply("interfaces = ['eth0']\nwrite = 'out'\nmode = 'native'\npacket-mode = true\nplugin = ['tcp_win']\n"
                    "sink = ['csv']\nfilter = 'udp'\nring = '8M'\n",
                    &o, "detach"),
              "");
    EXPECT_EQ(o.detach.interfaces, Words{"eth0"});
    EXPECT_EQ(o.detach.run.write_prefix, "out");
    EXPECT_EQ(o.detach.run.sinks.size(), 1U);
    EXPECT_FALSE(o.detach.run.packet_mode);
    EXPECT_TRUE(o.detach.run.plugins.empty());
    EXPECT_TRUE(o.detach.run.filter.empty());
    EXPECT_NE(apply("engine = 'bpf'\n", &o, "detach"), "");
}

// Whatever an option can hold, a file holds too: written and read again it is the same.
TEST(ConfigFile, EveryOptionOfTheTableGoesThroughAFile)
{
    const auto samples = test::option_samples("/tmp");
    for (const std::string command : {"attach", "replay"}) {
        Options none;
        const std::vector<CommandRow> table = command_table(&none);
        for (const OptionRow& row : row_of(table, command).options.rows()) {
            if (row.key.empty()) {
                // A file that names a file, and one that keeps the service from starting, would be mistakes.
                EXPECT_TRUE(row.name == "--config" || row.name == "--dry-run") << row.name << " fits in no file";
                continue;
            }
            SCOPED_TRACE(command + ", " + row.key);
            const auto sample = samples.find(row.key);
            ASSERT_NE(sample, samples.end()) << "option_samples.h has no value for it";
            const std::string text = dump(parsed(command, sample->second), command);
            EXPECT_NE(("\n" + text).find("\n" + row.key + " = "), std::string::npos) << text;
            Options again;
            EXPECT_EQ(apply(text, &again, command), "");
            EXPECT_EQ(dump(again, command), text);
            EXPECT_NE(text, dump(none, command));
        }
    }
}

TEST(ConfigFile, DefaultsAreComments)
{
    Options none;
    for (const char* command : {"attach", "replay"}) {
        std::istringstream lines(dump(none, command));
        for (std::string line; std::getline(lines, line);)
            EXPECT_TRUE(line.empty() || line[0] == '#') << line;
    }
}

TEST(ConfigFile, TheCommandLineWins)
{
    const std::string path = testing::TempDir() + "config_file_test.toml";
    std::ofstream(path) << "write = 'file'\nsink = ['json']\nalarm = 'any'\nfilter = 'udp'\nidle-timeout = '9s'\n"
                           "interfaces = ['eth7']\nquiet = true\n";
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    auto attach = [&](Words words) {
        words.insert(words.begin(), {"attach", "--config", path});
        Options options;
        const auto reply = read_command_line(command_table(&options, words), words, "");
        EXPECT_FALSE(reply) << reply->text;
        return options.attach;
    };
    const AttachOptions alone = attach({});
    EXPECT_EQ(alone.interfaces, Words{"eth7"});
    EXPECT_EQ(alone.run.write_prefix, "file");
    EXPECT_EQ(alone.run.filter, "udp");
    EXPECT_EQ(alone.run.alarm, AlarmMode::kAny);
    EXPECT_TRUE(alone.run.quiet);
    const AttachOptions both = attach({"lo", "tcp", "-W", "pieces", "--sink", "csv", "--alarm", "off"});
    EXPECT_EQ(both.interfaces, Words{"lo"});
    EXPECT_EQ(both.run.write_prefix, ""); // -W says where to write
    EXPECT_EQ(both.run.split->prefix, "pieces");
    EXPECT_EQ(both.run.filter, "tcp");
    EXPECT_EQ(both.run.alarm, AlarmMode::kOff);
    EXPECT_EQ(both.run.idle_timeout_ms, 9000U);
    ASSERT_EQ(both.run.sinks.size(), 1U);
    EXPECT_EQ(both.run.sinks[0].name, "csv");
    std::filesystem::remove(path);
}

TEST(ConfigFile, IsFoundByItsNameAndBounded)
{
    EXPECT_EQ(config_path("edge"), "/etc/flowxdp/edge.toml");
    EXPECT_EQ(config_path("./edge"), "./edge");
    EXPECT_EQ(config_path("edge.toml"), "edge.toml");
    EXPECT_NE(read_config_file("/no/such.toml").error().message.find("'/no/such.toml'"), std::string::npos);
    const std::string path = testing::TempDir() + "large_config.toml";
    std::ofstream(path) << "#" << std::string(kMaxConfigBytes, 'x') << "\n";
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    EXPECT_NE(read_config_file(path).error().message.find("larger than"), std::string::npos);
    std::filesystem::remove(path);
    std::string deep = "sink = ";
    deep.append(100000, '[');
    EXPECT_FALSE(parse_config(deep, "deep").ok());
}

} // namespace
} // namespace flowxdp
