// SPDX-License-Identifier: BSD-2-Clause
#include "geo/mmdb_writer.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <random>

#include "geo/geo_import.h"
#include "geo/mmdb_file.h"
#include "geo_test_support.h"

namespace flowxdp::geo {
namespace {

AddressNumber number_of(const std::string& text)
{
    return parse_address(text)->number;
}

GeoTable small_table()
{
    GeoTable table;
    table.records = {{"US", 3614, "Dell, Inc."}, {"JP", 0, ""}, {"", 15169, "Google LLC"}, {"IE", 15169, "Google LLC"}};
    table.ranges = {{number_of("138.212.0.0"), number_of("138.212.255.255"), 1},
                    {number_of("143.166.0.0"), number_of("143.166.255.255"), 0},
                    {number_of("143.167.0.7"), number_of("143.167.0.9"), 2},
                    {number_of("2a00:1450::"), number_of("2a00:1450:ffff:ffff:ffff:ffff:ffff:ffff"), 3}};
    return table;
}

TEST(MmdbWriter, ReadsBackAtEveryRecordSize)
{
    const TempFolder folder;
    for (const unsigned bits : {24U, 28U, 32U}) {
        MmdbMetadata metadata;
        metadata.description = "test";
        metadata.attribution = "nobody";
        metadata.build_epoch = 1767225600;
        metadata.min_record_bits = bits;
        auto image = write_mmdb(small_table(), metadata);
        ASSERT_TRUE(image) << image.error().message;
        EXPECT_EQ(image->record_bits, bits);
        auto file = MmdbFile::open(folder.write("t.mmdb", image->bytes));
        ASSERT_TRUE(file) << file.error().message;
        const auto at = [&](const std::string& text) {
            const auto offset = file.value()->find(*parse_address(text));
            return offset ? file.value()->read_record(*offset) : GeoRecord{};
        };
        EXPECT_EQ(at("143.166.11.10"), (GeoRecord{"US", 3614, "Dell, Inc."}));
        EXPECT_EQ(at("138.212.0.0"), (GeoRecord{"JP", 0, ""}));
        EXPECT_EQ(at("138.211.255.255"), GeoRecord{});
        EXPECT_EQ(at("143.167.0.6"), GeoRecord{});
        EXPECT_EQ(at("143.167.0.7"), (GeoRecord{"", 15169, "Google LLC"}));
        EXPECT_EQ(at("143.167.0.9"), (GeoRecord{"", 15169, "Google LLC"}));
        EXPECT_EQ(at("143.167.0.10"), GeoRecord{});
        EXPECT_EQ(at("2a00:1450::1"), (GeoRecord{"IE", 15169, "Google LLC"}));
        const DatabaseInfo& info = file.value()->info();
        EXPECT_EQ(info.record_bits, bits);
        EXPECT_EQ(info.records, 4U);
        EXPECT_EQ(info.build_epoch, 1767225600U);
        EXPECT_EQ(info.attribution, "nobody");
    }
}

TEST(MmdbWriter, MmdblookupAgrees)
{
    if (std::system("command -v mmdblookup >/dev/null 2>&1") != 0)
        GTEST_SKIP() << "SKIP: no mmdblookup (Debian package mmdb-bin)";
    const TempFolder folder;
    auto image = write_mmdb(small_table(), {});
    ASSERT_TRUE(image);
    const std::string path = folder.write("t.mmdb", image->bytes);
    const auto ask = [&](const std::string& address, const std::string& field) {
        const std::string command = "mmdblookup -f " + path + " -i " + address + " " + field + " 2>&1";
        const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
        std::string text;
        for (int c = 0; (c = std::fgetc(pipe.get())) != EOF;)
            text += static_cast<char>(c);
        return text;
    };
    EXPECT_EQ(ask("143.166.11.10", "autonomous_system_organization"), "\n  \"Dell, Inc.\" <utf8_string>\n\n");
    EXPECT_EQ(ask("143.166.11.10", "autonomous_system_number"), "\n  3614 <uint32>\n\n");
    EXPECT_EQ(ask("2a00:1450::5", "country_code"), "\n  \"IE\" <utf8_string>\n\n");
    EXPECT_NE(ask("8.8.8.8", "country_code").find("Could not find an entry"), std::string::npos);
}

TEST(MmdbWriter, BigDataSectionTakesWiderRecordsAndLongPointers)
{
    // 90,000 names of 240 bytes: more than 2^24 bytes of data, pointers of every length but the 32-bit one.
    GeoTable table;
    constexpr std::uint32_t kRecords = 90000;
    for (std::uint32_t i = 0; i < kRecords; ++i) {
        std::string name = std::to_string(i);
        name.resize(240, 'x');
        table.records.push_back({"US", i + 1, name});
        table.ranges.push_back({AddressNumber{i} * 4, AddressNumber{i} * 4, i});
    }
    for (std::uint32_t i = 0; i < kRecords; ++i) { // the same names again, under another country
        GeoRecord again = table.records[i];
        again.country = "DE";
        table.records.push_back(again);
        table.ranges.push_back({AddressNumber{kRecords + i} * 4, AddressNumber{kRecords + i} * 4, kRecords + i});
    }
    auto image = write_mmdb(table, {});
    ASSERT_TRUE(image);
    EXPECT_EQ(image->record_bits, 28U);
    EXPECT_LT(image->bytes.size(), kRecords * 2 * 240U + image->nodes * 7); // shared names are stored once
    const TempFolder folder;
    auto file = MmdbFile::open(folder.write("big.mmdb", image->bytes));
    ASSERT_TRUE(file) << file.error().message;
    for (std::uint32_t i = 0; i < 2 * kRecords; i += 7) {
        const auto offset = file.value()->find({AddressNumber{i} * 4, 4});
        ASSERT_TRUE(offset.has_value()) << i;
        ASSERT_EQ(file.value()->read_record(*offset), table.records[i]) << i;
    }
}

TEST(MmdbWriter, RefusesWhatItCannotWrite)
{
    GeoTable table = small_table();
    std::swap(table.ranges[0], table.ranges[1]);
    EXPECT_FALSE(write_mmdb(table, {}));
    table = small_table();
    table.ranges[0].last = table.ranges[1].first;
    auto overlap = write_mmdb(table, {});
    ASSERT_FALSE(overlap);
    EXPECT_EQ(overlap.error().message, "range from 143.166.0.0: overlaps the one from 138.212.0.0");
    table = small_table();
    table.ranges[2].record = 4;
    EXPECT_FALSE(write_mmdb(table, {}));
}

TEST(MmdbWriter, EmptyTableAndWholeSpaceAreValidFiles)
{
    const TempFolder folder;
    GeoTable table;
    auto image = write_mmdb(table, {});
    ASSERT_TRUE(image);
    auto file = MmdbFile::open(folder.write("empty.mmdb", image->bytes));
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file.value()->info().networks, 0U);
    EXPECT_FALSE(file.value()->find(*parse_address("8.8.8.8")).has_value());

    table.records = {{"SE", 0, ""}};
    table.ranges = {{0, ~AddressNumber{0}, 0}};
    image = write_mmdb(table, {});
    ASSERT_TRUE(image);
    file = MmdbFile::open(folder.write("whole.mmdb", image->bytes));
    ASSERT_TRUE(file) << file.error().message;
    for (const char* text : {"0.0.0.0", "8.8.8.8", "255.255.255.255", "ffff::1"})
        EXPECT_TRUE(file.value()->find(*parse_address(text)).has_value()) << text;
}

// Random overlapping ranges, both versions: flatten, write, read; every border and random points against a linear
// search with the written rule (latest start wins, then the shorter, then the later in the file).
TEST(MmdbWriter, RandomRangesAgreeWithLinearSearch)
{
    const TempFolder folder;
    for (unsigned seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        GeoTable table;
        std::vector<AddressNumber> points;
        for (std::uint32_t i = 0; i < 150; ++i) {
            const bool ipv4 = random() % 2 == 0;
            // A narrow space makes overlaps, shared borders and neighbours likely.
            const unsigned scale = static_cast<unsigned>(random() % (ipv4 ? 24 : 110));
            const AddressNumber base = ipv4 ? AddressNumber{10} << 24 : number_of("2a00::");
            const AddressNumber first = base + (AddressNumber{random() % 200} << scale);
            const AddressNumber last = first + (AddressNumber{random() % 50} << scale) + random() % 3;
            table.records.push_back({"", i / 2 + 1, ""});
            table.ranges.push_back({first, std::min(last, ipv4 ? kLastIpv4 : ~AddressNumber{0}), i});
            for (const AddressNumber point : {first - 1, first, last, last + 1})
                points.push_back(point);
        }
        const std::vector<GeoRange> original = table.ranges;
        flatten_ranges(table.ranges);
        auto image = write_mmdb(table, {});
        ASSERT_TRUE(image) << image.error().message;
        auto file = MmdbFile::open(folder.write("random.mmdb", image->bytes));
        ASSERT_TRUE(file) << file.error().message;
        for (const AddressNumber point : points) {
            const GeoRange* best = nullptr;
            for (const GeoRange& range : original) {
                if (point < range.first || point > range.last)
                    continue;
                if (best == nullptr || range.first > best->first ||
                    (range.first == best->first && range.last <= best->last))
                    best = &range;
            }
            const auto offset = file.value()->find({point, point <= kLastIpv4 ? 4 : 6});
            ASSERT_EQ(offset.has_value(), best != nullptr) << format_number(point);
            if (best != nullptr) {
                ASSERT_EQ(file.value()->read_record(*offset).asn, best->record / 2 + 1) << format_number(point);
            }
        }
    }
}

} // namespace
} // namespace flowxdp::geo
