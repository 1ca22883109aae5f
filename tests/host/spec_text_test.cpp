// SPDX-License-Identifier: BSD-2-Clause
// What the command line says of sinks, plugins and file splitting, and which words are files.
#include <gtest/gtest.h>

#include "cli/options.h"
#include "plugin/plugin_host.h"
#include "sink/file/split_file.h"
#include "sink/sink_spec.h"
#include "support/row_builder.h"

namespace flowxdp {
namespace {

using Pairs = std::map<std::string, std::string>;

TEST(SinkSpec, NameTargetAndOptions)
{
    auto spec = parse_sink_spec("json");
    ASSERT_TRUE(spec.ok());
    EXPECT_EQ(spec->name, "json");
    EXPECT_EQ(spec->target, "");
    spec = parse_sink_spec("ipfix:udp://127.0.0.1:4739,policy=drop,queue=4096");
    ASSERT_TRUE(spec.ok());
    EXPECT_EQ(spec->name, "ipfix");
    EXPECT_EQ(spec->target, "udp://127.0.0.1:4739");
    EXPECT_EQ(spec->options, (Pairs{{"policy", "drop"}, {"queue", "4096"}}));
    spec = parse_sink_spec("csv,eol=lf");
    ASSERT_TRUE(spec.ok());
    EXPECT_EQ(spec->target, "");
    EXPECT_EQ(spec->options, (Pairs{{"eol", "lf"}}));
}

TEST(SinkSpec, ATargetMayHoldCommasAndEqualSigns)
{
    auto spec = parse_sink_spec("json:/tmp/a,b/c=d.json,packets=-");
    ASSERT_TRUE(spec.ok());
    EXPECT_EQ(spec->target, "/tmp/a,b/c=d.json");
    EXPECT_EQ(spec->options, (Pairs{{"packets", "-"}}));
    spec = parse_sink_spec("x:tcp://[2001:db8::1]:9,");
    ASSERT_TRUE(spec.ok());
    EXPECT_EQ(spec->target, "tcp://[2001:db8::1]:9,");
}

TEST(SinkSpec, AnOptionsValueMayBeEmptyOrHoldEqualSigns)
{
    auto spec = parse_sink_spec("text,split=,start=a=b");
    ASSERT_TRUE(spec.ok());
    EXPECT_EQ(spec->options, (Pairs{{"split", ""}, {"start", "a=b"}}));
}

TEST(SinkSpec, WhatIsWrongIsNamed)
{
    for (const char* text : {"", ":x", ",a=b"})
        EXPECT_NE(parse_sink_spec(text).error().message.find("has no name"), std::string::npos) << text;
    for (const char* text : {"json,", "json,packets", "json,=x", "json:a,b=c,d"})
        EXPECT_NE(parse_sink_spec(text).error().message.find("is not key=value"), std::string::npos) << text;
}

class FlowsOnly final : public Sink {
  public:
    Result<void> open(const SinkContext&) override { return {}; }
    Result<void> write(const Rows&) override { return {}; }
};

TEST(Sink, AFormatWithoutAPlaceForPacketRowsSkipsThem)
{
    test::RowBuilder rows(test::make_schema({test::column("pktNo", FX_U64)}));
    rows.row().row();
    FlowsOnly sink;
    ASSERT_TRUE(sink.write_packets(rows.batch()).ok());
    EXPECT_EQ(sink.counts().skipped, 2U);
    EXPECT_EQ(sink.counts().sent, 0U);
}

TEST(SinkSpec, AnOptionGivenTwiceIsRefused)
{
    EXPECT_EQ(parse_sink_spec("csv:x,eol=lf,eol=crlf").error().message,
              "sink 'csv:x,eol=lf,eol=crlf': option 'eol' is given twice: 'lf' and 'crlf'; give it once");
    EXPECT_EQ(parse_plugin_spec("tcp_win:threshold=1,threshold=2").error().message,
              "plugin 'tcp_win:threshold=1,threshold=2': option 'threshold' is given twice: '1' and '2'; give it once");
}

TEST(PluginSpec, NameAndOptions)
{
    auto spec = parse_plugin_spec("tcp_win:threshold=100,force_at=5");
    ASSERT_TRUE(spec.ok());
    EXPECT_EQ(spec->name, "tcp_win");
    EXPECT_EQ(spec->options, (Pairs{{"threshold", "100"}, {"force_at", "5"}}));
    spec = parse_plugin_spec("mac_recorder:oui=/usr/share/a:b=c");
    ASSERT_TRUE(spec.ok());
    EXPECT_EQ(spec->options, (Pairs{{"oui", "/usr/share/a:b=c"}}));
    EXPECT_TRUE(parse_plugin_spec("tcp_win")->options.empty());
}

TEST(PluginSpec, WhatIsWrongIsNamed)
{
    EXPECT_NE(parse_plugin_spec(":a=b").error().message.find("has no name"), std::string::npos);
    for (const char* text : {"tcp_win:", "tcp_win:threshold", "tcp_win:=1", "tcp_win:a=1,", "tcp_win:a=1,b"})
        EXPECT_NE(parse_plugin_spec(text).error().message.find("is not key=value"), std::string::npos) << text;
}

TEST(SplitRule, SizesHaveUnitsExponentsOrCountFlows)
{
    EXPECT_EQ(parse_split_rule("500", "")->bytes, 500U);
    EXPECT_EQ(parse_split_rule("2K", "")->bytes, 2048U);
    EXPECT_EQ(parse_split_rule("500M", "")->bytes, 500U * 1048576);
    EXPECT_EQ(parse_split_rule("1.5G", "")->bytes, 1610612736U);
    EXPECT_EQ(parse_split_rule("1e5", "")->bytes, 100000U);
    const SplitRule flows = parse_split_rule("10000f", "3").value();
    EXPECT_EQ(flows.rows, 10000U);
    EXPECT_EQ(flows.bytes, 0U);
    EXPECT_EQ(flows.first_index, 3U);
    EXPECT_TRUE(flows.splits());
    EXPECT_EQ(parse_split_rule("1e5f", "")->rows, 100000U);
    EXPECT_EQ(parse_split_rule("2kf", "")->rows, 2048U);
    EXPECT_FALSE(SplitRule().splits());
}

TEST(SplitRule, RefusesWhatIsNoSizeAndWhatIsNoIndex)
{
    for (const char* size : {"", "0", "0.5", "-1", "x", "5x", "5Mx", "5ff", "nan", "inf", "1e300", "K"})
        EXPECT_FALSE(parse_split_rule(size, "").ok()) << size;
    for (const char* start : {"-1", " -1", "+1", "1x", "x", "18446744073709551616"})
        EXPECT_FALSE(parse_split_rule("5", start).ok()) << start;
    EXPECT_EQ(parse_split_rule("5", "18446744073709551615")->first_index, 18446744073709551615U);
}

// Parses a replay's words; the exit code of a refusal goes to *code.
bool replay(std::vector<std::string> words, ReplayOptions* out, int* code)
{
    words.insert(words.begin(), {"flowxdp", "replay"});
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    Options options;
    *code = 0;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const bool parsed = parse_options(static_cast<int>(words.size()), argv.data(), &options, code);
    testing::internal::GetCapturedStdout();
    testing::internal::GetCapturedStderr();
    *out = options.replay;
    return parsed;
}

using Words = std::vector<std::string>;

template <typename Spec>
Words names_of(const std::vector<Spec>& specs)
{
    Words names;
    for (const Spec& spec : specs)
        names.push_back(spec.name);
    return names;
}

TEST(ReplayOptions, TheFirstWordIsAFileAndTheFilterBeginsAtTheFirstThatIsNone)
{
    ReplayOptions o;
    int code;
    ASSERT_TRUE(replay({"no_such_capture", "b.pcap.gz", "tcp", "port", "443", "c.pcap"}, &o, &code));
    EXPECT_EQ(o.files, (Words{"no_such_capture", "b.pcap.gz"}));
    EXPECT_EQ(o.run.filter, "tcp port 443 c.pcap");
    ASSERT_TRUE(replay({"-R", "list", "udp"}, &o, &code));
    EXPECT_TRUE(o.files.empty());
    EXPECT_EQ(o.run.filter, "udp");
}

TEST(ReplayOptions, AFilterInOneWordMayBeLongerThanAFileName)
{
    std::string filter = "host 10.0.0.1";
    while (filter.size() < 5000)
        filter += " or host 10.0.0.1";
    ReplayOptions o;
    int code;
    ASSERT_TRUE(replay({"a.pcap", filter}, &o, &code));
    EXPECT_EQ(o.files, Words{"a.pcap"});
    EXPECT_EQ(o.run.filter, filter);
}

TEST(ReplayOptions, ExactlyOneInput)
{
    ReplayOptions o;
    int code;
    EXPECT_FALSE(replay({}, &o, &code));
    EXPECT_EQ(code, 2);
    EXPECT_FALSE(replay({"a.pcap", "-R", "list"}, &o, &code));
    EXPECT_EQ(code, 2);
    EXPECT_FALSE(replay({"-R", "list", "--series", "a0.pcap"}, &o, &code));
    EXPECT_EQ(code, 2);
}

TEST(ReplayOptions, OptionsThatRepeatTakeOneValueEach)
{
    ReplayOptions o;
    int code;
    ASSERT_TRUE(replay({"--sink", "json", "a.pcap"}, &o, &code));
    EXPECT_EQ(o.files, Words{"a.pcap"});
    EXPECT_EQ(names_of(o.run.sinks), Words{"json"});
    ASSERT_TRUE(replay({"a.pcap", "--sink", "json", "--sink", "csv", "tcp", "port", "80"}, &o, &code));
    EXPECT_EQ(names_of(o.run.sinks), (Words{"json", "csv"}));
    EXPECT_EQ(o.run.filter, "tcp port 80");
    ASSERT_TRUE(replay({"a.pcap", "--plugin", "tcp_flags", "udp"}, &o, &code));
    EXPECT_EQ(names_of(o.run.plugins), Words{"tcp_flags"});
    EXPECT_EQ(o.run.filter, "udp");
    ASSERT_TRUE(replay({"--no-plugin", "tcp_win", "--no-plugin", "tcp_states", "a.pcap"}, &o, &code));
    EXPECT_EQ(o.run.no_plugins, (Words{"tcp_win", "tcp_states"}));
    EXPECT_EQ(o.files, Words{"a.pcap"});
}

TEST(ReplayOptions, NumbersAreReadWholeAndWithinTheirRange)
{
    ReplayOptions o;
    int code;
    for (const char* text : {"-5", "0", "+1", " 1", "1 ", "abc", "1e3", "0x10", "18446744073709551616", ""}) {
        EXPECT_FALSE(replay({"a.pcap", "-c", text}, &o, &code)) << text;
        EXPECT_EQ(code, 2);
    }
    ASSERT_TRUE(replay({"a.pcap", "-c", "18446744073709551615"}, &o, &code));
    EXPECT_EQ(o.run.max_packets, 18446744073709551615U);
    for (const char* text : {"nan", "inf", "-1", "0", "1e9", "2x", "0x1p3"})
        EXPECT_FALSE(replay({"a.pcap", "-f", text}, &o, &code)) << text;
    for (const char* option : {"-x", "-S", "--max-flows"})
        for (const char* text : {"-1", "4294967296", "nan", "1.5"})
            EXPECT_FALSE(replay({"a.pcap", option, text}, &o, &code)) << option << " " << text;
    for (const char* text : {"24d", "1e99", "-1s", "nan", "infs", "2000001s"})
        EXPECT_FALSE(replay({"a.pcap", "--idle-timeout", text}, &o, &code)) << text;
}

TEST(ReplayOptions, ValuesAreReadOnceIntoTypes)
{
    ReplayOptions o;
    int code;
    ASSERT_TRUE(replay({"a.pcap", "--alarm", "all", "--engine", "bpf", "--sink", "csv:b,eol=lf", "--plugins",
                        "basic_flow,tcp_win:threshold=5", "-W", "out:2K,7"},
                       &o, &code));
    EXPECT_EQ(o.run.alarm, AlarmMode::kAll);
    EXPECT_EQ(o.engine, EngineChoice::kBpf);
    EXPECT_EQ(o.run.sinks[0].target, "b");
    EXPECT_EQ(o.run.sinks[0].options, (Pairs{{"eol", "lf"}}));
    EXPECT_EQ(names_of(o.run.plugin_list), (Words{"basic_flow", "tcp_win"}));
    EXPECT_EQ(o.run.plugin_list[1].options, (Pairs{{"threshold", "5"}}));
    ASSERT_TRUE(o.run.split);
    EXPECT_EQ(o.run.split->prefix, "out");
    EXPECT_EQ(o.run.split->size, "2K");
    EXPECT_EQ(o.run.split->start, "7");
    ASSERT_TRUE(replay({"a.pcap", "--split", "a/b"}, &o, &code));
    EXPECT_EQ(o.run.split->prefix, "a/b");
    EXPECT_EQ(o.run.split->size, "500M");
    for (const Words& wrong : {Words{"--sink", ":x"}, Words{"--plugin", "tcp_win:"}, Words{"--plugins", ","},
                               Words{"-W", ":5"}, Words{"-W", "a", "-w", "b"}, Words{"-l"}, Words{"-l", "-w", "-"}}) {
        Words words = {"a.pcap"};
        words.insert(words.end(), wrong.begin(), wrong.end());
        EXPECT_FALSE(replay(words, &o, &code)) << wrong[0];
        EXPECT_EQ(code, 2);
    }
}

TEST(ReplayOptions, DurationsHaveUnits)
{
    const std::pair<const char*, std::uint32_t> durations[] = {{"182", 182000},  {"0.5", 500},   {"30s", 30000},
                                                               {"500ms", 500},   {"5m", 300000}, {"2h", 7200000},
                                                               {"5min", 300000}, {"0.001", 1}};
    ReplayOptions o;
    int code;
    for (const auto& [text, ms] : durations) {
        ASSERT_TRUE(replay({"a.pcap", "--idle-timeout", text}, &o, &code)) << text;
        EXPECT_EQ(o.run.idle_timeout_ms, ms) << text;
    }
    for (const char* text : {"", "0", "-1", "5d", "x", "nan", "inf", "3e6"}) {
        EXPECT_FALSE(replay({"a.pcap", std::string("--idle-timeout=") + text}, &o, &code)) << text;
        EXPECT_EQ(code, 2);
    }
    ASSERT_TRUE(replay({"a.pcap", "--active-timeout", "0"}, &o, &code));
    EXPECT_EQ(o.run.active_timeout_ms, 0U);
}

TEST(ReplayOptions, MaxFlowsIsMultipliedWithinItsRange)
{
    ReplayOptions o;
    int code;
    ASSERT_TRUE(replay({"a.pcap"}, &o, &code));
    EXPECT_EQ(o.run.max_flows, 262144U);
    ASSERT_TRUE(replay({"a.pcap", "-f", "2"}, &o, &code));
    EXPECT_EQ(o.run.max_flows, 524288U);
    ASSERT_TRUE(replay({"a.pcap", "-f", "1000"}, &o, &code));
    EXPECT_EQ(o.run.max_flows, 262144000U);
    EXPECT_FALSE(replay({"a.pcap", "--max-flows", "268435456", "-f", "1000"}, &o, &code));
    EXPECT_EQ(code, 2);
    EXPECT_FALSE(replay({"a.pcap", "--max-flows", "16", "-f", "0.001"}, &o, &code));
    EXPECT_EQ(code, 2);
}

} // namespace
} // namespace flowxdp
