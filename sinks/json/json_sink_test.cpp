// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <sstream>

#include <nlohmann/json.hpp>

#include "row/json_text.h"
#include "support/packed_file.h"
#include "support/row_builder.h"
#include "support/sink_module.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

using namespace test;
using nlohmann::json;

constexpr const char* kFull =
    R"({"u8":255,"u16":65535,"u32":4294967295,"u64":18446744073709551615,"i64":-5,"h8":"0x0a","h16":"0x0800",)"
    R"("h32":"0xdeadbeef","h64":"0x0400000200004000","f":0.1,"time":"1022171701.691172000","dur":"-1.500000000",)"
    R"("mac":"00:80:48:b3:22:ef","ip":"192.168.1.105","string":"a \"b\", c\\d\n\u0001\u007f é �.",)"
    R"("word":"eth:ipv4:tcp","char":"A","pair":["00:01:02:03:04:05","0a:0b:0c:0d:0e:0f",7],)"
    R"("payload":"GET /\r\n\u0000\u00e9\u0080\"","u16s":[1,2,3],"words":["us","de"],"strings":["x;y","z, \"q\""],)"
    R"("ips":["10.0.0.1","2001:db8::1"],"pairs":[["00:01:02:03:04:05","0a:0b:0c:0d:0e:0f",7],)"
    R"(["00:01:02:03:04:05","0a:0b:0c:0d:0e:0f",7]],"maybe":7})"
    "\n";
constexpr const char* kZeros =
    R"({"u8":0,"u16":0,"u32":0,"u64":0,"i64":0,"h8":"0x00","h16":"0x0000","h32":"0x00000000",)"
    R"("h64":"0x0000000000000000","f":0,"time":"0.000000000","dur":"0.000000000","mac":"00:00:00:00:00:00","ip":"-",)"
    R"("string":"","word":"","char":"B","pair":["00:00:00:00:00:00","00:00:00:00:00:00",0],"payload":"","u16s":[],)"
    R"("words":[],"strings":[],"ips":[],"pairs":[],"maybe":null})"
    "\n";

std::unique_ptr<Sink> make(const std::string& spec)
{
    return make_module_sink(spec);
}

SinkContext context(std::shared_ptr<const Schema> schema, const std::string& prefix = "")
{
    SinkContext c;
    c.flow_schema = std::move(schema);
    c.output_prefix = prefix;
    return c;
}

TEST(JsonSink, OriginIsInFrontOfEveryObject)
{
    TempFolder folder;
    const auto sink = make("json:" + (folder / "x.json") + ",origin=1");
    const RowBuilder rows = all_types_rows();
    SinkContext c = context(all_types_schema());
    c.sensor_id = 7;
    c.boot = 0x0123456789abcdef;
    ASSERT_TRUE(sink->open(c).ok());
    ASSERT_TRUE(sink->write(rows.batch()).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    std::istringstream lines(read_file(folder / "x.json"));
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); count++) {
        EXPECT_TRUE(line.starts_with(R"({"sensor":7,"boot":"0x0123456789abcdef","u8":)")) << line;
        EXPECT_TRUE(json::accept(line));
    }
    EXPECT_EQ(count, rows.batch().size());
}

TEST(JsonText, EveryTypePrintsAsTheGrammarSays)
{
    const RowBuilder rows = all_types_rows();
    const JsonRowPrinter printer(rows.batch().schema());
    std::string line;
    printer.append(rows.batch().row(0), &line);
    EXPECT_EQ(line, kFull);
    line.clear();
    printer.append(rows.batch().row(1), &line);
    EXPECT_EQ(line, kZeros);
}

TEST(JsonText, AParserReadsBackTheSameValues)
{
    const json object = json::parse(kFull);
    EXPECT_EQ(object["u64"].get<std::uint64_t>(), 18446744073709551615u);
    EXPECT_EQ(object["string"].get<std::string>(), "a \"b\", c\\d\n\x01\x7f \xc3\xa9 \xef\xbf\xbd.");
    EXPECT_EQ(object["strings"][1].get<std::string>(), "z, \"q\"");
}

TEST(JsonText, FloatsReadBackAsTheSameDoubleAndNanIsNull)
{
    std::mt19937_64 random(7);
    for (int i = 0; i < 20000; i++) {
        const std::uint64_t bits = random();
        double value;
        std::memcpy(&value, &bits, sizeof value);
        std::string text;
        append_json_float(value, &text);
        if (std::isfinite(value)) {
            EXPECT_EQ(json::parse(text).get<double>(), value) << text;
            EXPECT_LE(text.size(), 24u);
        } else {
            EXPECT_EQ(text, "null");
        }
    }
    std::string text;
    append_json_float(std::numeric_limits<double>::infinity(), &text);
    append_json_float(-0.0, &text);
    EXPECT_EQ(text, "null-0");
}

TEST(JsonText, AnyBytesGiveValidJson)
{
    std::mt19937 random(11);
    for (int i = 0; i < 5000; i++) {
        std::string bytes(random() % 40, 0);
        for (char& c : bytes)
            c = static_cast<char>(random());
        std::string text, payload;
        append_json_string(bytes, &text);
        append_json_bytes(bytes, &payload);
        EXPECT_TRUE(json::accept(text));
        // Payload: one character a byte, nothing lost.
        std::string back;
        const auto decoded = json::parse(payload).get<std::string>();
        for (std::size_t at = 0; at < decoded.size();) {
            const auto b = static_cast<unsigned char>(decoded[at]);
            back.push_back(static_cast<char>(b < 0x80 ? b : (b & 3) << 6 | (decoded[at + 1] & 0x3f)));
            at += b < 0x80 ? 1 : 2;
        }
        EXPECT_EQ(back, bytes);
    }
}

TEST(JsonSink, EmptyTargetWritesPrefixFlowsJson)
{
    const TempFolder folder;
    const RowBuilder rows = all_types_rows();
    const auto sink = make("json");
    SinkContext c = context(all_types_schema(), folder / "run");
    c.packet_schema = make_schema({column("pktNo", FX_U64)});
    ASSERT_TRUE(sink->open(c).ok());
    ASSERT_TRUE(sink->write(rows.batch()).ok());
    RowBuilder packets(c.packet_schema);
    packets.row().put<std::uint64_t>("pktNo", 3);
    ASSERT_TRUE(sink->write_packets(packets.batch()).ok());
    ASSERT_TRUE(sink->flush(false).ok());
    EXPECT_EQ(read_file(folder / "run_flows.json"), std::string(kFull) + kZeros) << "flush() leaves nothing behind";
    EXPECT_EQ(read_file(folder / "run_packets.json"), "{\"pktNo\":3}\n");
    ASSERT_TRUE(sink->flush(true).ok());
    EXPECT_EQ(sink->counts().sent, 3u);
    EXPECT_EQ(sink->counts().dropped, 0u);
}

TEST(JsonSink, PacketsWithoutAPrefixStandBesideTheFlows)
{
    const TempFolder folder;
    const auto sink = make("json:" + folder / "a.b.json.gz");
    SinkContext c = context(all_types_schema());
    c.packet_schema = make_schema({column("pktNo", FX_U64)});
    ASSERT_TRUE(sink->open(c).ok());
    RowBuilder packets(c.packet_schema);
    packets.row().put<std::uint64_t>("pktNo", 1);
    ASSERT_TRUE(sink->write_packets(packets.batch()).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    EXPECT_EQ(read_gzip(folder / "a.b_packets.json.gz"), "{\"pktNo\":1}\n");
}

TEST(JsonSink, NoPrefixWritesToStandardOutputBothKinds)
{
    const auto sink = make("json");
    SinkContext c = context(make_schema({column("flowInd", FX_U64)}));
    c.rows_to_stdout = true;
    c.packet_schema = make_schema({column("pktNo", FX_U64)});
    RowBuilder rows(c.flow_schema), packets(c.packet_schema);
    rows.row().put<std::uint64_t>("flowInd", 9);
    packets.row().put<std::uint64_t>("pktNo", 1);
    testing::internal::CaptureStdout();
    ASSERT_TRUE(sink->open(c).ok());
    ASSERT_TRUE(sink->write_packets(packets.batch()).ok());
    ASSERT_TRUE(sink->write(rows.batch()).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "{\"pktNo\":1}\n{\"flowInd\":9}\n");
}

TEST(JsonSink, CompressedFilesReadBack)
{
    const TempFolder folder;
    for (const std::string ending : {"gz", "zst"}) {
        const std::string path = folder / ("flows.json." + ending);
        const auto sink = make("json:" + path);
        const RowBuilder rows = all_types_rows();
        ASSERT_TRUE(sink->open(context(all_types_schema())).ok());
        std::string expected;
        for (int i = 0; i < 2000; i++) {
            ASSERT_TRUE(sink->write(rows.batch()).ok());
            ASSERT_TRUE(sink->flush(false).ok());
            expected += std::string(kFull) + kZeros;
        }
        ASSERT_TRUE(sink->flush(true).ok());
        EXPECT_EQ(ending == "gz" ? read_gzip(path) : read_zstd(path), expected);
        EXPECT_LT(std::filesystem::file_size(path), expected.size() / 20) << "flush(false) must not ruin compression";
        EXPECT_EQ(sink->counts().sent, 4000u);
    }
}

TEST(JsonSink, AFullDiskIsNamedAndItsRowsCountAsDropped)
{
    const auto sink = make("json:/dev/full");
    const RowBuilder rows = all_types_rows();
    ASSERT_TRUE(sink->open(context(all_types_schema())).ok());
    ASSERT_TRUE(sink->write(rows.batch()).ok()) << "buffered";
    const Result<void> flushed = sink->flush(false);
    ASSERT_FALSE(flushed.ok());
    EXPECT_EQ(flushed.error().message, "/dev/full: cannot write: No space left on device");
    EXPECT_TRUE(sink->flush(false).ok()) << "nothing waits any more";
    ASSERT_TRUE(sink->write(rows.batch()).ok());
    EXPECT_FALSE(sink->flush(true).ok());
    EXPECT_EQ(sink->counts().sent, 0u);
    EXPECT_EQ(sink->counts().dropped, 4u);
}

TEST(JsonSink, BadTargetsAndOptionsAreErrors)
{
    const auto sink = make("json:/no/such/folder/x.json");
    const Result<void> opened = sink->open(context(all_types_schema()));
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().message, "/no/such/folder/x.json: cannot create the file: No such file or directory");
    const Result<std::unique_ptr<Sink>> wrong = make_module_sink(SinkSpec{"json", "x", {{"colour", "red"}}});
    ASSERT_FALSE(wrong.ok());
    EXPECT_EQ(wrong.error().message,
              "sink 'json': there is no option 'colour'; there are: rotate, stamp, exec_after, packets, "
              "origin");
}

} // namespace
} // namespace flowxdp
