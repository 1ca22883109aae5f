// SPDX-License-Identifier: BSD-2-Clause
// Expected text: PostgreSQL's manual, COPY (text format) and array input. The server reads it in
// postgres_server_test.py.
#include <gtest/gtest.h>

#include <limits>

#include "copy_text.h"
#include "flow_table_sql.h"
#include "support/row_builder.h"
#include "support/sink_module.h"

namespace flowxdp {
namespace {

using namespace test;

std::string line(const RowBuilder& rows, std::size_t i)
{
    std::string out;
    const Schema& schema = rows.batch().schema();
    for (const Column& column : schema.columns()) {
        if (!out.empty())
            out.push_back('\t');
        append_copy_cell(rows.batch().row(i), column, &out);
    }
    return out;
}

TEST(CopyText, EveryTypeIsWhatTheServerReads)
{
    const RowBuilder rows = all_types_rows();
    EXPECT_EQ(line(rows, 0),
              "255\t65535\t4294967295\t18446744073709551615\t-5\t10\t2048\t3735928559\t288230384741662720\t0.1\t"
              "2002-05-23 16:35:01.691172+00\t-1.500000000\t00:80:48:b3:22:ef\t192.168.1.105\t"
              "a \"b\", c\\\\d\\n\x01\x7f \xc3\xa9 \xef\xbf\xbd.\teth:ipv4:tcp\tA\t"
              "00:01:02:03:04:05_0a:0b:0c:0d:0e:0f_7\t\\\\x474554202f0d0a00e98022\t"
              "{\"1\",\"2\",\"3\"}\t{\"us\",\"de\"}\t{\"x;y\",\"z, \\\\\"q\\\\\"\"}\t{\"10.0.0.1\",\"2001:db8::1\"}\t"
              "{\"00:01:02:03:04:05_0a:0b:0c:0d:0e:0f_7\",\"00:01:02:03:04:05_0a:0b:0c:0d:0e:0f_7\"}\t7");
    EXPECT_EQ(line(rows, 1),
              "0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t1970-01-01 00:00:00.000000+00\t0.000000000\t"
              "00:00:00:00:00:00\t\\N\t\t\tB\t00:00:00:00:00:00_00:00:00:00:00:00_0\t\\\\x\t{}\t{}\t{}\t{}\t"
              "{}\t\\N");
}

TEST(CopyText, TextIsUtf8WithoutZeros)
{
    RowBuilder rows(make_schema({column("s", FX_STRING), column("c", FX_CHAR), column("b", FX_H64)}));
    rows.row()
        .text("s", std::string_view("a\0b\xc3(\t\\N", 8))
        .put<char>("c", '\0')
        .put<std::uint64_t>("b", 1ull << 63);
    EXPECT_EQ(line(rows, 0), "a\xef\xbf\xbd"
                             "b\xef\xbf\xbd(\\t\\\\N\t\xef\xbf\xbd\t-9223372036854775808");
}

TEST(CopyText, ADayIsRoundedDown)
{
    EXPECT_EQ(day_of(0), 0);
    EXPECT_EQ(day_of(86399999999999), 0);
    EXPECT_EQ(day_of(86400000000000), 1);
    EXPECT_EQ(day_of(-1), -1);
    EXPECT_EQ(day_text(-1), "1969-12-31");
    EXPECT_EQ(day_text(day_of(1022171701691172000)), "2002-05-23");
    EXPECT_EQ(day_text(day_of(std::numeric_limits<std::int64_t>::min())), "1677-09-21");
    EXPECT_EQ(day_text(day_of(std::numeric_limits<std::int64_t>::max())), "2262-04-11");
}

TEST(FlowTableSql, NamesAreQuoted)
{
    EXPECT_EQ(postgres_name("a\"; DROP TABLE x --"), "\"a\"\"; DROP TABLE x --\"");
    const auto schema =
        make_schema({column("flowInd", FX_U64), column("dir", FX_CHAR), column("a\"b", FX_U16, FX_LIST)});
    const auto sql = FlowTableSql::of("net.my flows", *schema, false);
    ASSERT_TRUE(sql.ok());
    EXPECT_EQ(
        sql.value().make_table()[0],
        "CREATE TABLE IF NOT EXISTS \"net\".\"my flows\" (sensor bigint NOT NULL, boot bigint NOT NULL, day date NOT "
        "NULL, \"flowInd\" numeric(20), \"dir\" text, \"a\"\"b\" integer[], UNIQUE (sensor, boot, \"flowInd\", "
        "\"dir\", day)) PARTITION BY RANGE (day)");
    EXPECT_EQ(
        sql.value().make_partition(0),
        "CREATE TABLE IF NOT EXISTS \"net\".\"my flows_19700101\" PARTITION OF \"net\".\"my flows\" FOR VALUES FROM "
        "('1970-01-01') TO ('1970-01-02')");
}

TEST(FlowTableSql, WithoutAKeyThereIsNoTable)
{
    EXPECT_FALSE(FlowTableSql::of("flows", *make_schema({column("flowInd", FX_U64)}), false).ok());
    EXPECT_FALSE(FlowTableSql::of("packets", *make_schema({column("flowInd", FX_U64)}), true).ok());
}

TEST(PostgresSink, TargetsWithAPasswordOrNonsenseAreRefused)
{
    for (const char* target : {"postgresql://u:secret@h/d", "host=h password=secret", "nonsense", "postgresql://["}) {
        const auto made = make_module_sink(SinkSpec{"postgres", target, {}});
        ASSERT_FALSE(made.ok()) << target;
        EXPECT_EQ(made.error().message.find("secret"), std::string::npos) << made.error().message;
    }
    EXPECT_TRUE(make_module_sink(SinkSpec{"postgres", "", {}}).ok());
}

TEST(PostgresSink, ATableHasANameThatItsPartitionsCanHave)
{
    EXPECT_TRUE(make_module_sink(SinkSpec{"postgres", "", {{"table", "s." + std::string(54, 'x')}}}).ok());
    for (const std::string& table : {std::string("s."), std::string(55, 'x')})
        EXPECT_FALSE(make_module_sink(SinkSpec{"postgres", "", {{"table", table}}}).ok()) << table;
}

} // namespace
} // namespace flowxdp
