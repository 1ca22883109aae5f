// SPDX-License-Identifier: BSD-2-Clause
// What is in the database is read with SQLite itself; expected cells are those that the rows were made with.
#include <gtest/gtest.h>

#include <sqlite3.h>

#include <fstream>

#include "support/row_builder.h"
#include "support/sink_module.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

using namespace test;

std::shared_ptr<const Schema> flow_schema()
{
    return make_schema({column("dir", FX_CHAR), column("flowInd", FX_U64), column("flowStat", FX_H64),
                        column("timeFirst", FX_TIME), column("srcIP", FX_IP), column("pktps", FX_FLOAT),
                        column("maybe", FX_U16, FX_OPTIONAL)});
}

SinkContext context(std::uint64_t boot, std::shared_ptr<const Schema> schema = flow_schema())
{
    SinkContext c;
    c.flow_schema = std::move(schema);
    c.sensor_id = 7;
    c.boot = boot;
    c.live = boot != 0;
    return c;
}

// Rows of a select, cells with '|' between, a line each.
std::string select(const std::string& path, const std::string& sql)
{
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
    std::string text;
    const int code = sqlite3_exec(
        database, sql.c_str(),
        [](void* out, int count, char** cells, char**) {
            auto& to = *static_cast<std::string*>(out);
            for (int i = 0; i < count; i++)
                to += std::string(i ? "|" : "") + (cells[i] ? cells[i] : "NULL");
            to += "\n";
            return 0;
        },
        &text, nullptr);
    EXPECT_EQ(code, SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
    return text;
}

// A flow's two rows.
RowBuilder& add_flow(RowBuilder* rows, std::uint64_t flow)
{
    for (const char direction : {'A', 'B'})
        rows->row()
            .put("dir", direction)
            .put("flowInd", flow)
            .put("flowStat", std::uint64_t{0x8000000000004000})
            .put("timeFirst", std::int64_t{1022171701691172001})
            .put("srcIP", ip_cell("192.0.2.10"))
            .put("pktps", 0.5)
            .put("maybe", std::uint16_t{9});
    return *rows;
}

void run(const std::string& path, const SinkContext& context, std::initializer_list<std::uint64_t> flows,
         std::uint64_t* sent = nullptr)
{
    const auto sink = make_module_sink("sqlite:" + path);
    const Result<void> opened = sink->open(context);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    RowBuilder rows(context.flow_schema);
    for (const std::uint64_t flow : flows)
        add_flow(&rows, flow);
    ASSERT_TRUE(sink->write(rows.batch()).ok());
    ASSERT_TRUE(sink->flush(true).ok());
    EXPECT_EQ(sink->counts().dropped, 0u);
    if (sent)
        *sent = sink->counts().sent;
}

TEST(SqliteSink, CellsAreTyped)
{
    const TempFolder folder;
    run(folder / "x.db", context(0xab), {18446744073709551615u});
    EXPECT_EQ(select(folder / "x.db",
                     "SELECT sensor, boot, dir, flowInd, typeof(flowInd), flowStat & 0x4000, flowStat < 0, timeFirst, "
                     "srcIP, pktps, typeof(pktps), maybe FROM flows ORDER BY dir LIMIT 1"),
              "7|0x00000000000000ab|A|18446744073709551615|text|16384|1|1022171701691172001|192.0.2.10|0.5|real|9\n");
    EXPECT_EQ(
        select(folder / "x.db", "SELECT type, unit FROM columns WHERE name IN ('flowStat', 'timeFirst') ORDER BY name"),
        "H64|\nU64.U32|ns\n");
    EXPECT_EQ(select(folder / "x.db", "PRAGMA journal_mode"), "wal\n");
}

TEST(SqliteSink, ARepeatedRowIsThereOnce)
{
    const TempFolder folder;
    std::uint64_t sent = 0;
    run(folder / "x.db", context(1), {1, 2});
    run(folder / "x.db", context(1), {2, 3}, &sent); // a daemon that takes over
    EXPECT_EQ(sent, 4u) << "those that were there count as sent";
    EXPECT_EQ(select(folder / "x.db", "SELECT count(*), count(DISTINCT flowInd) FROM flows"), "6|3\n");
    run(folder / "x.db", context(2), {1}); // a sensor that was attached anew
    EXPECT_EQ(select(folder / "x.db", "SELECT count(*) FROM flows WHERE flowInd = 1"), "4\n");
}

TEST(SqliteSink, AReplayBeginsAnewAndLeavesOthersAlone)
{
    const TempFolder folder;
    run(folder / "x.db", context(1), {1});
    run(folder / "x.db", context(0), {1, 2});
    run(folder / "x.db", context(0), {3});
    EXPECT_EQ(select(folder / "x.db", "SELECT boot, flowInd FROM flows WHERE dir = 'A' ORDER BY 1"),
              "0x0000000000000000|3\n0x0000000000000001|1\n");
}

TEST(SqliteSink, ColumnsThatATableLacksAreAdded)
{
    const TempFolder folder;
    const auto less = make_schema({column("dir", FX_CHAR), column("flowInd", FX_U64)});
    {
        const auto sink = make_module_sink("sqlite:" + (folder / "x.db"));
        ASSERT_TRUE(sink->open(context(1, less)).ok());
        RowBuilder rows(less);
        rows.row().put("dir", 'A').put("flowInd", std::uint64_t{1});
        ASSERT_TRUE(sink->write(rows.batch()).ok());
    }
    run(folder / "x.db", context(1), {2});
    EXPECT_EQ(select(folder / "x.db", "SELECT flowInd, maybe FROM flows WHERE dir = 'A' ORDER BY 1"), "1|NULL\n2|9\n");
}

TEST(SqliteSink, ABatchIsWholeOrDroppedAndCounted)
{
    const TempFolder folder;
    const auto sink = make_module_sink("sqlite:" + (folder / "x.db") + ",busy=1ms");
    const SinkContext c = context(1);
    ASSERT_TRUE(sink->open(c).ok());
    sqlite3* other = nullptr; // another program writes
    ASSERT_EQ(sqlite3_open((folder / "x.db").c_str(), &other), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    RowBuilder rows(c.flow_schema);
    add_flow(&rows, 1);
    const Result<void> refused = sink->write(rows.batch());
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("locked"), std::string::npos) << refused.error().message;
    EXPECT_EQ(sink->counts().dropped, 2u);
    EXPECT_EQ(sink->counts().retried, 1u);
    ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(other);
    EXPECT_TRUE(sink->write(rows.batch()).ok());
    EXPECT_EQ(sink->counts().sent, 2u);
    EXPECT_EQ(select(folder / "x.db", "SELECT count(*) FROM flows"), "2\n");
}

TEST(SqliteSink, AFileThatIsNoDatabaseIsLeftAsItIs)
{
    const TempFolder folder;
    std::ofstream(folder / "x.db")
        << "flows of somebody, as text, long enough for a header of a database file: one hundred bytes .....";
    const auto sink = make_module_sink("sqlite:" + (folder / "x.db"));
    const Result<void> opened = sink->open(context(1));
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find("not a database"), std::string::npos) << opened.error().message;
    EXPECT_TRUE(read_file(folder / "x.db").starts_with("flows of somebody"));
}

} // namespace
} // namespace flowxdp
