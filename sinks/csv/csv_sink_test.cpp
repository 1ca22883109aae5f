// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include "csv_text.h"
#include "support/packed_file.h"
#include "support/row_builder.h"
#include "support/sink_module.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

using namespace test;

constexpr const char* kHeader =
    "u8,u16,u32,u64,i64,h8,h16,h32,h64,f,time,dur,mac,ip,string,word,char,pair,payload,u16s,"
    "words,strings,ips,pairs,maybe";
// Strings as in the flow file without its quotes; the quotes here are CSV's.
constexpr const char* kFull =
    R"(255,65535,4294967295,18446744073709551615,-5,0x0a,0x0800,0xdeadbeef,0x0400000200004000,0.1,1022171701.691172000,)"
    R"(-1.500000000,00:80:48:b3:22:ef,192.168.1.105,"a ""b"", c\\d\n\u0001\u007f é ..",eth:ipv4:tcp,A,)"
    R"(00:01:02:03:04:05_0a:0b:0c:0d:0e:0f_7,"GET /\r\n...""",1;2;3,us;de,"x;y;z, ""q""",10.0.0.1;2001:db8::1,)"
    R"(00:01:02:03:04:05_0a:0b:0c:0d:0e:0f_7;00:01:02:03:04:05_0a:0b:0c:0d:0e:0f_7,7)";
constexpr const char* kZeros = "0,0,0,0,0,0x00,0x0000,0x00000000,0x0000000000000000,0,0.000000000,0.000000000,"
                               "00:00:00:00:00:00,-,,,B,00:00:00:00:00:00_00:00:00:00:00:00_0,,,,,,,";

std::unique_ptr<Sink> make(const std::string& spec)
{
    return make_module_sink(spec);
}

SinkContext context(const std::string& prefix = "")
{
    SinkContext c;
    c.flow_schema = all_types_schema();
    c.output_prefix = prefix;
    return c;
}

TEST(CsvSink, WritesAHeaderAndRowsAsRfc4180)
{
    const TempFolder folder;
    const auto sink = make("csv");
    ASSERT_TRUE(sink->open(context(folder / "run")).ok());
    ASSERT_TRUE(sink->write(all_types_rows().batch()).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    EXPECT_EQ(read_file(folder / "run_flows.csv"), std::string(kHeader) + "\r\n" + kFull + "\r\n" + kZeros + "\r\n");
    EXPECT_EQ(sink->counts().sent, 2u);
}

// The four characters by which a spreadsheet knows a formula; numbers keep their sign.
TEST(CsvSink, FormulasAreEscapedWhenAsked)
{
    auto cell = [](const char* text, CsvFormulas formulas) {
        static constexpr fx_column kColumns[] = {{"text", "", nullptr, nullptr, nullptr, {}, 0, FX_STRING, 0}};
        auto schema = std::make_shared<Schema>();
        schema->add(kColumns);
        RowBatch rows(schema);
        std::uint8_t* row = rows.add();
        const std::string_view bytes = text;
        const fx_span span = {rows.append(bytes.data(), static_cast<std::uint32_t>(bytes.size())),
                              static_cast<std::uint32_t>(bytes.size())};
        std::memcpy(row + schema->columns()[0].offset, &span, sizeof span);
        std::string out;
        append_csv_cell(rows.row(0), schema->columns()[0], formulas, &out);
        return out;
    };
    for (const char* formula : {"=1+1", "+1", "-1+cmd", "@SUM(A1)"}) {
        EXPECT_EQ(cell(formula, CsvFormulas::kEscape), std::string("'") + formula);
        EXPECT_EQ(cell(formula, CsvFormulas::kKeep), formula);
    }
    EXPECT_EQ(cell("=A1,B1", CsvFormulas::kEscape), "\"'=A1,B1\"");
    for (const char* text : {"-", "", "a=b", "Example Net"})
        EXPECT_EQ(cell(text, CsvFormulas::kEscape), text);
}

TEST(CsvSink, LineEndsMayBeUnix)
{
    const TempFolder folder;
    const auto sink = make("csv:" + folder / "x.csv.zst,eol=lf");
    ASSERT_TRUE(sink->open(context()).ok());
    ASSERT_TRUE(sink->write(all_types_rows().batch()).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    EXPECT_EQ(read_zstd(folder / "x.csv.zst"), std::string(kHeader) + "\n" + kFull + "\n" + kZeros + "\n");
}

TEST(CsvSink, PacketRowsGoToAFileOfTheirOwn)
{
    const TempFolder folder;
    const auto sink = make("csv:" + folder / "x_flows.csv");
    SinkContext c = context();
    c.packet_schema = make_schema({column("pktNo", FX_U64)});
    RowBuilder packets(c.packet_schema);
    packets.row().put<std::uint64_t>("pktNo", 5);
    ASSERT_TRUE(sink->open(c).ok());
    ASSERT_TRUE(sink->write_packets(packets.batch()).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    EXPECT_EQ(read_file(folder / "x_packets.csv"), "pktNo\r\n5\r\n");
    EXPECT_TRUE(sink->report().empty());
}

TEST(CsvSink, PacketRowsOnStandardOutputAreSkippedAndSaid)
{
    const auto sink = make("csv:-");
    SinkContext c;
    c.flow_schema = make_schema({column("flowInd", FX_U64)});
    c.packet_schema = make_schema({column("pktNo", FX_U64)});
    RowBuilder packets(c.packet_schema);
    packets.row().put<std::uint64_t>("pktNo", 5);
    testing::internal::CaptureStdout();
    ASSERT_TRUE(sink->open(c).ok());
    ASSERT_TRUE(sink->write_packets(packets.batch()).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "flowInd\r\n");
    EXPECT_EQ(sink->counts().skipped, 1u);
    ASSERT_EQ(sink->report().size(), 1u);
    EXPECT_EQ(sink->report()[0], "1 packet rows not written: standard output has the flow rows; give packets=PATH");
}

TEST(CsvSink, AFullDiskIsAnErrorAtTheHeader)
{
    const auto sink = make("csv:/dev/full");
    const Result<void> opened = sink->open(context());
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().message, "/dev/full: cannot write: No space left on device");
}

TEST(CsvSink, BadOptionsAreErrors)
{
    const auto wrong = make_module_sink(SinkSpec{"csv", "x", {{"eol", "cr"}}});
    ASSERT_FALSE(wrong.ok());
    EXPECT_EQ(wrong.error().message, "sink 'csv': option 'eol': 'cr' is not known; there are: crlf, lf");
}

} // namespace
} // namespace flowxdp
