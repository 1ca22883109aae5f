// SPDX-License-Identifier: BSD-2-Clause
#include "geo/geo_import.h"

#include <gtest/gtest.h>

#include <random>

#include "geo/range_source.h"
#include "geo_test_support.h"

namespace flowxdp::geo {
namespace {

const std::string kTestdata = "tests/geo/testdata/";

ImportOptions test_database_options()
{
    ImportOptions options;
    options.country_sources = {source_path(kTestdata + "geo-test-country.csv")};
    options.asn_sources = {source_path(kTestdata + "geo-test-asn.csv")};
    options.attribution = {"test data of flowxdp, BSD-2-Clause"};
    options.build_epoch = 1767225600; // 2026-01-01T00:00:00Z
    return options;
}

TEST(GeoImport, CommittedTestDatabaseIsWhatTheWriterMakes)
{
    ImportReport report;
    auto image = build_database(test_database_options(), report);
    ASSERT_TRUE(image) << image.error().message;
    const std::string path = source_path(kTestdata + "geo-test.mmdb");
    if (std::getenv("FLOWXDP_REGENERATE") != nullptr) { // to accept a change of the writer: set it, run, review, commit
        auto written = import_database(test_database_options(), path);
        ASSERT_TRUE(written) << written.error().message;
    }
    EXPECT_TRUE(read_bytes(path) == image->bytes) << path << " differs from what its CSV files make";
}

// The reason of a failed import of one CSV, without the path.
std::string csv_error(SourceKind kind, const std::string& content)
{
    const TempFolder folder;
    const std::string path = folder.write("bad.csv", content);
    GeoTable table;
    const auto read = read_ranges(path, kind, table);
    if (read)
        return "";
    EXPECT_EQ(read.error().message.find(path), 0U) << read.error().message;
    return read.error().message.substr(path.size());
}

// A line as long as may be is read, one byte more is refused: what has no line ends does not fill the memory.
TEST(GeoImport, LinesAreBounded)
{
    const std::string row = "1.0.0.0,1.0.0.255,64500,";
    const std::string longest = row + std::string(kLongestLine - row.size(), 'x');
    EXPECT_EQ(csv_error(SourceKind::kAsn, longest + "\n"), "");
    EXPECT_EQ(csv_error(SourceKind::kAsn, longest), "");
    const std::string problem = ": the line is longer than 65536 bytes: this is no CSV of ranges";
    EXPECT_EQ(csv_error(SourceKind::kAsn, row + "\n" + longest + "x\n"), ":2" + problem);
    EXPECT_EQ(csv_error(SourceKind::kAsn, longest + "x"), ":1" + problem);
}

TEST(GeoImport, ErrorsNameFileAndLine)
{
    EXPECT_EQ(csv_error(SourceKind::kCountry, "1.0.0.0,1.0.0.255,US\n1.0.1.0,1.0.1.256,US\n"),
              ":2: \"1.0.1.256\" is not an IP address");
    EXPECT_EQ(csv_error(SourceKind::kCountry, "1.0.0.9,1.0.0.1,US\n"), ":1: the range 1.0.0.9 to 1.0.0.1 is empty");
    EXPECT_EQ(csv_error(SourceKind::kCountry, "1.0.0.0,2001:db8::,US\n"),
              ":1: the range 1.0.0.0 to 2001:db8:: is empty");
    EXPECT_EQ(csv_error(SourceKind::kCountry, "# c\n\n1.0.0.0,1.0.0.1,USA\n"),
              ":3: \"USA\" is not a two-letter country code");
    EXPECT_EQ(csv_error(SourceKind::kCountry, "1.0.0.0,1.0.0.1\n"),
              ":1: 2 fields where first address, last address and country code are expected");
    EXPECT_EQ(csv_error(SourceKind::kCountry, "::1,::ffff,US\n"),
              ":1: IPv6 address ::1 lies in ::/96, where an MMDB file holds IPv4");
    EXPECT_EQ(csv_error(SourceKind::kAsn, "1.0.0.0,1.0.0.1,4294967296,x\n"), ":1: \"4294967296\" is not an AS number");
    EXPECT_EQ(csv_error(SourceKind::kAsn, "1.0.0.0,1.0.0.1,1,\"x\n"),
              ":1: a quoted field does not end at a comma or the end of the line");
    EXPECT_EQ(csv_error(SourceKind::kAsn, "1.0.0.0,1.0.0.1,1,\"x\"y\n"),
              ":1: a quoted field does not end at a comma or the end of the line");
    EXPECT_EQ(csv_error(SourceKind::kAsn, ""), ": no ranges in it");
    GeoTable table;
    const auto missing = read_ranges("/nonexistent/x.csv", SourceKind::kAsn, table);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message, "/nonexistent/x.csv: cannot open: No such file or directory");
}

TEST(GeoImport, CsvTakesQuotesNumbersHeadersAndLineEnds)
{
    const TempFolder folder;
    GeoTable table;
    const std::string path = folder.write("good.csv", std::string("\xef\xbb\xbfstart,end,asn,organisation\r\n"
                                                                  "16777216,16777471,AS13335,\"Cloudflare, Inc.\"\r\n"
                                                                  "1.0.4.0,1.0.7.255,38803,\"The \"\"G\"\" Company\"\n"
                                                                  "42540528726795050063891204319802818560,"
                                                                  "42540528726795050063891204319802818561,7,\n"
                                                                  "1.0.16.0,1.0.16.255,0,\n"
                                                                  "1.0.17.0,1.0.17.255,13335,\"Cloudflare, Inc.\""));
    const auto read = read_ranges(path, SourceKind::kAsn, table);
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(table.ranges.size(), 4U); // AS 0 without a name says nothing
    EXPECT_EQ(format_number(table.ranges[0].first), "1.0.0.0");
    EXPECT_EQ(format_number(table.ranges[0].last), "1.0.0.255");
    EXPECT_EQ(table.records[table.ranges[0].record], (GeoRecord{"", 13335, "Cloudflare, Inc."}));
    EXPECT_EQ(table.records[table.ranges[1].record].organisation, "The \"G\" Company");
    EXPECT_EQ(format_number(table.ranges[2].first), "2001:200::");
    EXPECT_EQ(table.ranges[3].record, table.ranges[0].record);
}

TEST(GeoImport, MergedRangesAgreeWithBothSources)
{
    for (unsigned seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        const auto make = [&random](bool country) {
            GeoTable table;
            AddressNumber at = random() % 3;
            while (at < 120) {
                const AddressNumber last = at + random() % 12;
                const auto record = static_cast<std::uint32_t>(table.records.size());
                table.records.push_back(country ? GeoRecord{std::to_string(record), 0, ""}
                                                : GeoRecord{"", record + 1, ""});
                table.ranges.push_back({at, last, record});
                at = last + 1 + random() % 4;
            }
            if (random() % 2 == 0)
                table.ranges.push_back({~AddressNumber{0} - random() % 5, ~AddressNumber{0}, 0});
            return table;
        };
        const GeoTable country = make(true);
        const GeoTable asn = make(false);
        const GeoTable merged = merge_tables(country, asn);
        const auto at = [](const GeoTable& table, AddressNumber number) {
            GeoRecord record;
            for (const GeoRange& range : table.ranges) {
                if (number >= range.first && number <= range.last)
                    record = table.records[range.record];
            }
            return record;
        };
        for (std::size_t i = 1; i < merged.ranges.size(); ++i)
            ASSERT_TRUE(merged.ranges[i - 1].last < merged.ranges[i].first);
        for (int i = 0; i < 160; ++i) {
            for (const AddressNumber number : {AddressNumber(i), ~AddressNumber{0} - AddressNumber(i)}) {
                const GeoRecord expected{at(country, number).country, at(asn, number).asn, ""};
                ASSERT_EQ(at(merged, number), expected) << i;
            }
        }
    }
}

TEST(GeoImport, ReplacesTheFileAsAWholeOrNotAtAll)
{
    const TempFolder folder;
    const std::string output = folder / "deep/er/geo.mmdb";
    auto first = import_database(test_database_options(), output);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(first->country_ranges, 10U);
    EXPECT_EQ(first->asn_ranges, 8U);
    EXPECT_EQ(first->overlaps, 0U);
    const auto permissions = std::filesystem::status(output).permissions();
    EXPECT_EQ(permissions & std::filesystem::perms::others_read, std::filesystem::perms::others_read);
    const auto before = read_bytes(output);

    ImportOptions bad = test_database_options();
    bad.asn_sources.push_back(folder.write("bad.csv", std::string("x\ny\n")));
    EXPECT_FALSE(import_database(bad, output));
    EXPECT_TRUE(read_bytes(output) == before);
    EXPECT_FALSE(import_database(test_database_options(), folder / "bad.csv/geo.mmdb"));
    EXPECT_FALSE(import_database(test_database_options(), folder.path())); // a folder cannot be replaced
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
        files += entry.is_regular_file() ? 1 : 0;
    EXPECT_EQ(files, 2U); // no temporary file is left: geo.mmdb and bad.csv
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::temp_directory_path()))
        EXPECT_EQ(entry.path().string().find(folder.path().string() + "."), std::string::npos) << entry.path();
    EXPECT_FALSE(import_database(ImportOptions{}, output));
}

TEST(GeoImport, ReadsItsOwnMmdbBack)
{
    const TempFolder folder;
    ImportOptions again = test_database_options();
    const std::string committed = source_path(kTestdata + "geo-test.mmdb");
    again.country_sources = {committed};
    again.asn_sources = {committed};
    ImportReport report;
    auto image = build_database(again, report);
    ASSERT_TRUE(image) << image.error().message;
    // Same tree and records; only the number of ranges in the description may differ (prefixes instead of ranges).
    const auto original = read_bytes(committed);
    const std::size_t tree_and_data = original.size() - 300;
    EXPECT_TRUE(std::equal(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(tree_and_data),
                           image->bytes.begin()));
}

} // namespace
} // namespace flowxdp::geo
