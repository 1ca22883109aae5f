// SPDX-License-Identifier: BSD-2-Clause
// What needs no DuckDB. With its library, rows are written and read in parquet_server_test.py.
#include <gtest/gtest.h>

#include "duckdb_library.h"
#include "row_chunk.h"
#include "support/row_builder.h"
#include "support/sink_module.h"

namespace flowxdp {
namespace {

using namespace test;

TEST(ParquetSink, StandardOutputIsRefused)
{
    EXPECT_FALSE(make_module_sink(SinkSpec{"parquet", "-", {}}).ok());
    EXPECT_FALSE(make_module_sink(SinkSpec{"parquet", "a.parquet", {{"packets", "-"}}}).ok());
    EXPECT_FALSE(make_module_sink(SinkSpec{"parquet", "a.parquet", {{"rotate", "nonsense"}}}).ok());
    EXPECT_TRUE(make_module_sink(SinkSpec{"parquet", "a.parquet", {}}).ok());
}

TEST(DuckdbLibrary, AnotherLibraryIsRefused)
{
    const auto absent = DuckdbLibrary::load("/nowhere/libduckdb.so");
    ASSERT_FALSE(absent.ok());
    EXPECT_NE(absent.error().message.find("library=PATH"), std::string::npos) << absent.error().message;
    const auto another = DuckdbLibrary::load("libm.so.6");
    ASSERT_FALSE(another.ok());
    EXPECT_NE(another.error().message.find("no library of DuckDB"), std::string::npos) << another.error().message;
}

TEST(RowChunk, ColumnsHaveTypesOfDuckdb)
{
    const auto schema = all_types_schema();
    std::string types;
    for (const Column& c : schema->columns())
        types += c.name + " " + duckdb_type(c) + "; ";
    EXPECT_EQ(types, "u8 UTINYINT; u16 USMALLINT; u32 UINTEGER; u64 UBIGINT; i64 BIGINT; h8 UTINYINT; h16 USMALLINT; "
                     "h32 UINTEGER; h64 UBIGINT; f DOUBLE; time TIMESTAMP_NS; dur DECIMAL(18, 9); mac VARCHAR; "
                     "ip VARCHAR; string VARCHAR; word VARCHAR; char VARCHAR; pair VARCHAR; payload BLOB; "
                     "u16s USMALLINT[]; words VARCHAR[]; strings VARCHAR[]; ips VARCHAR[]; pairs VARCHAR[]; "
                     "maybe USMALLINT; ");
}

} // namespace
} // namespace flowxdp
