// SPDX-License-Identifier: BSD-2-Clause
#include "geo/geo.h"

#include <gtest/gtest.h>

#include <thread>

#include "geo/mmdb_writer.h"
#include "geo_test_support.h"

namespace flowxdp::geo {
namespace {

const std::string kTestDatabase = "tests/geo/testdata/geo-test.mmdb";

TEST(GeoDatabase, AnswersWhatTheSourcesSay)
{
    auto database = GeoDatabase::open(source_path(kTestDatabase), "");
    ASSERT_TRUE(database) << database.error().message;
    EXPECT_TRUE((*database)->has_data());
    for (int pass = 0; pass < 2; ++pass) { // the second one from the cache
        EXPECT_EQ(label_text(**database, "143.166.11.10"), "us Dell, Inc.");
        EXPECT_EQ(label_text(**database, "138.212.185.230"), "jp Asahi Kasei Networks");
        EXPECT_EQ(label_text(**database, "2a00:1450::1"), "ie Google LLC");
        EXPECT_EQ(label_text(**database, "193.0.0.1"), "nl AS3333"); // an AS without a name
        EXPECT_EQ(label_text(**database, "141.85.1.1"), "ro Agentia de Administrare a Rete");
        EXPECT_EQ(label_text(**database, "9.9.9.9"), "- -");
        EXPECT_EQ(label_text(**database, "192.168.1.105"), "07 Private network");
        EXPECT_EQ(label_text(**database, "2001:db8::1"), "27 Documentation");
        EXPECT_EQ(label_text(**database, "::ffff:143.166.11.10"), "61 IPv4-mapped");
    }
}

TEST(GeoDatabase, SpecialRangesNeedNoDatabase)
{
    auto database = GeoDatabase::open("", "");
    ASSERT_TRUE(database);
    EXPECT_FALSE((*database)->has_data());
    EXPECT_TRUE((*database)->status().empty());
    EXPECT_EQ(label_text(**database, "192.168.1.105"), "07 Private network");
    EXPECT_EQ(label_text(**database, "143.166.11.10"), "- -");
}

TEST(GeoDatabase, TwoFilesFillEachOther)
{
    const TempFolder folder;
    GeoTable country;
    country.records = {{"US", 1, "name of the country file"}, {"DE", 2, "only here"}};
    country.ranges = {{0x08000000, 0x080000ff, 0}, {0x09000000, 0x090000ff, 1}};
    GeoTable asn;
    asn.records = {{"FR", 3, "name of the AS file"}, {"SE", 4, ""}};
    asn.ranges = {{0x08000000, 0x080000ff, 0}, {0x0b000000, 0x0b0000ff, 1}};
    auto database = GeoDatabase::open(folder.write("c.mmdb", write_mmdb(country, {})->bytes),
                                      folder.write("a.mmdb", write_mmdb(asn, {})->bytes));
    ASSERT_TRUE(database) << database.error().message;
    EXPECT_EQ(label_text(**database, "8.0.0.1"), "us name of the AS file");
    EXPECT_EQ(label_text(**database, "9.0.0.1"), "de only here");
    EXPECT_EQ(label_text(**database, "11.0.0.1"), "se AS4");
    EXPECT_EQ((*database)->databases().size(), 2U);
}

TEST(GeoDatabase, StatusNamesFileDateAndLicence)
{
    const std::string path = source_path(kTestDatabase);
    auto database = GeoDatabase::open(path, path);
    ASSERT_TRUE(database);
    const std::vector<std::string> lines = (*database)->status();
    ASSERT_EQ(lines.size(), 6U); // one file for both questions is shown once
    EXPECT_EQ(lines[0].find("file        " + path), 0U);
    EXPECT_EQ(lines[1], "built       2026-01-01T00:00:00Z");
    EXPECT_EQ(lines[5], "licence     test data of flowxdp, BSD-2-Clause");
    DatabaseInfo foreign;
    foreign.type = "GeoLite2-Country";
    EXPECT_NE(licence_line(foreign).find("GeoLite2"), std::string::npos);
    foreign.type = "unheard of";
    EXPECT_NE(licence_line(foreign).find("not stated"), std::string::npos);
}

TEST(GeoDatabase, ThreadsGetTheSameAnswers)
{
    auto database = GeoDatabase::open(source_path(kTestDatabase), "");
    ASSERT_TRUE(database);
    std::vector<std::thread> threads;
    std::array<std::uint64_t, 4> wrong{};
    for (std::size_t t = 0; t < wrong.size(); ++t) {
        threads.emplace_back([&database, &wrong, t] {
            for (std::uint32_t i = 0; i < 100000; ++i) { // three times the cache: evictions too
                const Address address{0x8fa60000U + (i * 7919U) % 0x20000U, 4};
                const Label label = (*database)->look_up(mapped_bytes(address), 4);
                const bool dell = address.number <= 0x8fa6ffffU;
                wrong[t] += label.country != (dell ? "us" : "-") || label.organisation != (dell ? "Dell, Inc." : "-");
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    for (const std::uint64_t count : wrong)
        EXPECT_EQ(count, 0U);
}

TEST(GeoDatabase, DefaultPathsFollowTheEnvironment)
{
    ::setenv("FLOWXDP_GEO", "/x/y.mmdb", 1);
    EXPECT_EQ(default_database_paths(), std::vector<std::string>{"/x/y.mmdb"});
    EXPECT_EQ(find_default_database(), "");
    ::setenv("FLOWXDP_GEO", source_path(kTestDatabase).c_str(), 1);
    EXPECT_EQ(find_default_database(), source_path(kTestDatabase));
    ::unsetenv("FLOWXDP_GEO");
    ::setenv("XDG_DATA_HOME", "/data", 1);
    std::vector<std::string> expected = {"/data/flowxdp/geo.mmdb", "/var/lib/flowxdp/geo.mmdb"};
    if (::geteuid() == 0)
        std::swap(expected[0], expected[1]);
    EXPECT_EQ(default_database_paths(), expected);
}

} // namespace
} // namespace flowxdp::geo
