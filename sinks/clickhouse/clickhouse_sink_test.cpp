// SPDX-License-Identifier: BSD-2-Clause
// Expected bytes: ClickHouse's manual, the format RowBinary and the encodings of its types. Servers read them in
// clickhouse_server_test.py.
#include <gtest/gtest.h>

#include <limits>

#include "connection.h"
#include "row_binary.h"
#include "support/row_builder.h"
#include "support/sink_module.h"
#include "support/temp_folder.h"
#include "table_sql.h"

namespace flowxdp {
namespace {

using namespace test;

std::string cell(const RowBuilder& rows, std::size_t i, const char* name)
{
    const Schema& schema = rows.batch().schema();
    std::string out;
    append_binary_cell(rows.batch().row(i), schema.columns()[schema.find(name).value()], &out);
    return out;
}

std::string bytes(std::initializer_list<int> list)
{
    std::string out;
    for (const int byte : list)
        out.push_back(static_cast<char>(byte));
    return out;
}

TEST(RowBinary, NumbersAreLittleEndian)
{
    const RowBuilder rows = all_types_rows();
    EXPECT_EQ(cell(rows, 0, "u8"), bytes({255}));
    EXPECT_EQ(cell(rows, 0, "u16"), bytes({255, 255}));
    EXPECT_EQ(cell(rows, 0, "h16"), bytes({0x00, 0x08}));
    EXPECT_EQ(cell(rows, 0, "h32"), bytes({0xef, 0xbe, 0xad, 0xde}));
    EXPECT_EQ(cell(rows, 0, "u64"), std::string(8, '\xff'));
    EXPECT_EQ(cell(rows, 0, "i64"), bytes({0xfb, 255, 255, 255, 255, 255, 255, 255}));
    EXPECT_EQ(cell(rows, 0, "f"), bytes({0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f})); // 0.1 of IEEE 754
    // Nanoseconds: -1500000000, the units of Decimal(18, 9); 1022171701691172000 of DateTime64(9).
    EXPECT_EQ(cell(rows, 0, "dur"), bytes({0x00, 0xd1, 0x97, 0xa6, 255, 255, 255, 255}));
    EXPECT_EQ(cell(rows, 0, "time"), bytes({0xa0, 0x44, 0xc2, 0x3a, 0xbf, 0x7b, 0x2f, 0x0e}));
}

TEST(RowBinary, AddressesAndTexts)
{
    const RowBuilder rows = all_types_rows();
    EXPECT_EQ(cell(rows, 0, "mac"), bytes({0xef, 0x22, 0xb3, 0x48, 0x80, 0x00, 0, 0})); // 0x008048b322ef
    EXPECT_EQ(cell(rows, 0, "ip"), bytes({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 168, 1, 105}));
    EXPECT_EQ(cell(rows, 1, "ip"), bytes({1})); // no address is NULL
    EXPECT_EQ(cell(rows, 0, "word"), "\x0c"
                                     "eth:ipv4:tcp");
    EXPECT_EQ(cell(rows, 0, "payload"), std::string("\x0bGET /\r\n\0\xe9\x80\"", 12));
    EXPECT_EQ(cell(rows, 0, "char"), "A");
    EXPECT_EQ(cell(rows, 0, "pair"), "\x25"
                                     "00:01:02:03:04:05_0a:0b:0c:0d:0e:0f_7");
}

TEST(RowBinary, ListsAndAbsentCells)
{
    const RowBuilder rows = all_types_rows();
    EXPECT_EQ(cell(rows, 0, "u16s"), bytes({3, 1, 0, 2, 0, 3, 0}));
    EXPECT_EQ(cell(rows, 0, "words"), "\x02\x02us\x02"
                                      "de");
    EXPECT_EQ(cell(rows, 1, "words"), bytes({0}));
    EXPECT_EQ(cell(rows, 0, "maybe"), bytes({0, 7, 0}));
    EXPECT_EQ(cell(rows, 1, "maybe"), bytes({1}));
    RowBuilder optional(make_schema({column("l", FX_U8, FX_LIST | FX_OPTIONAL), column("s", FX_STRING)}));
    optional.row().empty("l").text("s", std::string(300, 'x'));
    EXPECT_EQ(cell(optional, 0, "l"), bytes({0}));
    EXPECT_EQ(cell(optional, 0, "s"), bytes({0xac, 0x02}) + std::string(300, 'x')); // LEB128 of 300
}

TEST(RowBinary, OldAndCurrentTypesHaveTheSameBytes)
{
    const auto schema = all_types_schema();
    for (const Column& c : schema->columns())
        EXPECT_EQ(clickhouse_encoding(clickhouse_type(c, ClickhouseTypes::kOld)),
                  clickhouse_encoding(clickhouse_type(c, ClickhouseTypes::kCurrent)))
            << c.name;
    EXPECT_EQ(clickhouse_encoding("LowCardinality(Nullable(String))"), "Nullable(String)");
    EXPECT_EQ(clickhouse_encoding("Array(DateTime64(9, 'Asia/Tokyo'))"), "Array(Int64)");
    EXPECT_NE(clickhouse_encoding("DateTime64(3)"), "Int64");
    EXPECT_NE(clickhouse_encoding("Nullable(UInt8)"), clickhouse_encoding("UInt8"));
}

TEST(RowBinary, ADateIsRoundedDownAndStaysInItsType)
{
    EXPECT_EQ(clickhouse_date(86399999999999), 0);
    EXPECT_EQ(clickhouse_date(86400000000000), 1);
    EXPECT_EQ(clickhouse_date(-1), 0);
    EXPECT_EQ(clickhouse_date(1022171701691172000), 11830); // 2002-05-23
    EXPECT_EQ(clickhouse_date(std::numeric_limits<std::int64_t>::max()), 65535);
}

ClickhouseTableSql small_table()
{
    return ClickhouseTableSql::of("my`flows",
                                  *make_schema({column("flowInd", FX_U64), column("dir", FX_CHAR),
                                                column("ip's", FX_IP), column("w", FX_WORD, FX_OPTIONAL)}),
                                  false)
        .take();
}

TEST(ClickhouseTableSql, NamesAndCommentsAreQuoted)
{
    EXPECT_EQ(small_table().make_table(ClickhouseTypes::kCurrent),
              "CREATE TABLE IF NOT EXISTS `my\\`flows`\n(\n"
              "    `sensor` UInt32 COMMENT 'id of the sensor (-x)',\n"
              "    `boot` UInt64 COMMENT 'drawn when the sensor was attached; 0 of a replay',\n"
              "    `day` Date COMMENT 'UTC day of the row\\'s end',\n"
              "    `flowInd` UInt64 COMMENT 'flowInd',\n"
              "    `dir` FixedString(1) COMMENT 'dir',\n"
              "    `ip's` Nullable(IPv6) COMMENT 'ip\\'s',\n"
              "    `w` LowCardinality(Nullable(String)) COMMENT 'w'\n"
              ")\nENGINE = ReplacingMergeTree\nPARTITION BY day\nORDER BY (`sensor`, `boot`, `flowInd`, `dir`)");
    EXPECT_EQ(small_table().insert(),
              "INSERT INTO `my\\`flows` (`sensor`, `boot`, `day`, `flowInd`, `dir`, `ip's`, `w`) FORMAT RowBinary\n");
}

TEST(ClickhouseTableSql, ATableOfOtherTypesIsNamed)
{
    const std::string there = "sensor\tUInt32\t\t\nboot\tUInt64\t\t\nday\tDate\t\t\nflowInd\tUInt64\t\t\n"
                              "dir\tFixedString(1)\t\t\nip\\'s\tNullable(FixedString(16))\t\t\n";
    auto table = ClickhouseTableSql::read_description(there);
    EXPECT_EQ(small_table().add_columns(table, ClickhouseTypes::kOld),
              "ALTER TABLE `my\\`flows` ADD COLUMN `w` Nullable(String)");
    EXPECT_NE(small_table().check(table).error().message.find("no column 'w'"), std::string::npos);
    table["w"] = "String";
    EXPECT_NE(small_table().check(table).error().message.find(
                  "column 'w' of table 'my`flows' is String and has to be LowCardinality(Nullable(String))"),
              std::string::npos);
    table["w"] = "Nullable(String)";
    EXPECT_TRUE(small_table().check(table).ok());
    EXPECT_EQ(small_table().add_columns(table, ClickhouseTypes::kOld), "");
}

TEST(ClickhouseTableSql, WithoutAKeyThereIsNoTable)
{
    EXPECT_FALSE(ClickhouseTableSql::of("flows", *make_schema({column("flowInd", FX_U64)}), false).ok());
    EXPECT_FALSE(ClickhouseTableSql::of("packets", *make_schema({column("flowInd", FX_U64)}), true).ok());
}

TEST(ClickhouseTarget, HostPortAndDatabase)
{
    const auto plain = parse_clickhouse_target("http://db.example.org");
    ASSERT_TRUE(plain.ok());
    EXPECT_EQ(plain->host, "db.example.org");
    EXPECT_EQ(plain->port, 8123);
    EXPECT_EQ(plain->database, "default");
    const auto whole = parse_clickhouse_target("https://[2001:db8::1]:443/net/");
    ASSERT_TRUE(whole.ok());
    EXPECT_TRUE(whole->encrypted);
    EXPECT_EQ(whole->host, "2001:db8::1");
    EXPECT_EQ(whole->port, 443);
    EXPECT_EQ(whole->database, "net");
}

TEST(ClickhouseSink, TargetsWithAPasswordOrNonsenseAreRefused)
{
    for (const char* target : {"http://u:secret@h/d", "http://h/d?password=secret", "h:8123", "http://", "http://h:0",
                               "http://h:99999", "http://h:80x", "http://[::1", "http://h/a/b", ""}) {
        const auto made = make_module_sink(SinkSpec{"clickhouse", target, {}});
        ASSERT_FALSE(made.ok()) << target;
        EXPECT_EQ(made.error().message.find("secret"), std::string::npos) << made.error().message;
    }
    EXPECT_TRUE(make_module_sink(SinkSpec{"clickhouse", "http://h/d", {}}).ok());
}

TEST(ClickhouseSink, ThePasswordFileIsReadAtTheStart)
{
    const TempFolder folder;
    const auto with = [&](const std::string& path) {
        return make_module_sink(SinkSpec{"clickhouse", "http://h/d", {{"password_file", path}}});
    };
    folder.write("good", std::string("secret\n"));
    EXPECT_TRUE(with(folder / "good").ok());
    EXPECT_FALSE(with(folder / "absent").ok());
    folder.write("bad", std::string("sec\tret\n"));
    const auto bad = with(folder / "bad");
    ASSERT_FALSE(bad.ok());
    EXPECT_EQ(bad.error().message.find("ret"), std::string::npos) << bad.error().message;
}

} // namespace
} // namespace flowxdp
