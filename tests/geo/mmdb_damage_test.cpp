// SPDX-License-Identifier: BSD-2-Clause
// Damaged and hostile MMDB files: an Error that names the file, or an answer, never a crash. Run under ASan and UBSan
// too.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "geo/mmdb_check.h"
#include "geo/mmdb_file.h"
#include "geo/mmdb_writer.h"
#include "geo_test_support.h"
#include "support/sanitized.h"

namespace flowxdp::geo {
namespace {

using test::kSanitized;
using Bytes = std::vector<std::uint8_t>;
constexpr std::string_view kMarker = "\xab\xcd\xefMaxMind.com";

Bytes valid_file()
{
    return read_bytes(source_path("tests/geo/testdata/geo-test.mmdb"));
}

// Opens and, if that works, uses everything. Returns the error, empty when the file was taken.
std::string use_file(const TempFolder& folder, const Bytes& bytes)
{
    const std::string path = folder.write("damaged.mmdb", bytes);
    auto file = MmdbFile::open(path);
    if (!file) {
        EXPECT_EQ(file.error().message.find(path + ": "), 0U) << file.error().message;
        return file.error().message.substr(path.size() + 2);
    }
    for (const char* text : {"143.166.11.10", "138.212.185.230", "8.8.8.8", "1.1.1.1", "223.255.255.255",
                             "2a00:1450::1", "2606:4700::1", "ff::1", "4000::"}) {
        const auto offset = file.value()->find(*parse_address(text));
        if (offset) {
            EXPECT_LE(file.value()->read_record(*offset).country.size(), 2U);
        }
    }
    return {};
}

std::size_t marker_of(const Bytes& bytes)
{
    const auto found = std::find_end(bytes.begin(), bytes.end(), kMarker.begin(), kMarker.end(),
                                     [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
    return static_cast<std::size_t>(found - bytes.begin());
}

TEST(MmdbDamage, EveryTruncationIsAnError)
{
    const TempFolder folder;
    const Bytes whole = valid_file();
    ASSERT_EQ(use_file(folder, whole), "");
    for (std::size_t length = 0; length < whole.size(); ++length)
        ASSERT_NE(use_file(folder, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))), "")
            << length;
}

TEST(MmdbDamage, MissingFrontIsAnErrorOrAnAnswer)
{
    const TempFolder folder;
    const Bytes whole = valid_file();
    for (std::size_t skip = 1; skip < whole.size(); ++skip)
        use_file(folder, Bytes(whole.begin() + static_cast<std::ptrdiff_t>(skip), whole.end()));
}

constexpr unsigned kBitStep = kSanitized ? 4 : 1;
constexpr std::size_t kValueStep = kSanitized ? 3 : 1;

TEST(MmdbDamage, EveryFlippedBitIsAnErrorOrAnAnswer)
{
    const TempFolder folder;
    Bytes bytes = valid_file();
    std::size_t refused = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (unsigned bit = at % kBitStep; bit < 8; bit += kBitStep) {
            bytes[at] ^= static_cast<std::uint8_t>(1U << bit);
            refused += use_file(folder, bytes).empty() ? 0 : 1;
            bytes[at] ^= static_cast<std::uint8_t>(1U << bit);
        }
    }
    EXPECT_GT(refused, bytes.size() / kBitStep); // most flips in tree and metadata are found out
}

TEST(MmdbDamage, EveryByteSetToExtremesIsAnErrorOrAnAnswer)
{
    const TempFolder folder;
    Bytes bytes = valid_file();
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        const std::uint8_t before = bytes[at];
        constexpr std::uint8_t kValues[] = {0x00, 0x20, 0x3f, 0x5f, 0xe1, 0xff};
        for (std::size_t i = at % kValueStep; i < std::size(kValues); i += kValueStep) {
            bytes[at] = kValues[i];
            use_file(folder, bytes);
        }
        bytes[at] = before;
    }
}

// tree: nodes of 24-bit records; node_count is patched into the metadata of a written file as a uint32.
Bytes file_with(std::uint32_t node_count, const Bytes& tree, const Bytes& data)
{
    Bytes bytes = tree;
    bytes.insert(bytes.end(), 16, 0);
    bytes.insert(bytes.end(), data.begin(), data.end());
    bytes.insert(bytes.end(), kMarker.begin(), kMarker.end());
    const auto text = [&bytes](std::string_view value) {
        bytes.push_back(static_cast<std::uint8_t>(0x40 | value.size()));
        bytes.insert(bytes.end(), value.begin(), value.end());
    };
    bytes.push_back(0xe0 | 9);
    text("binary_format_major_version"); // 27 characters: the size fits the control byte
    bytes.insert(bytes.end(), {0xa1, 2});
    text("binary_format_minor_version");
    bytes.push_back(0xa0);
    text("languages");
    bytes.insert(bytes.end(), {0x00, 0x04});
    text("description");
    bytes.push_back(0xe0);
    text("build_epoch");
    bytes.insert(bytes.end(), {0x01, 0x02, 1});
    text("database_type");
    text("t");
    text("ip_version");
    bytes.insert(bytes.end(), {0xa1, 4});
    text("node_count");
    bytes.push_back(0xc4);
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        bytes.push_back(static_cast<std::uint8_t>(node_count >> shift));
    text("record_size");
    bytes.insert(bytes.end(), {0xa1, 24});
    return bytes;
}

// One node, both sides the record at the start of the data section: value node_count + 16.
Bytes file_with_record(const Bytes& record)
{
    return file_with(1, {0, 0, 17, 0, 0, 17}, record);
}

TEST(MmdbDamage, CraftedFileIsGoodWhenItsRecordIs)
{
    const TempFolder folder;
    const Bytes record = {0xe1, 0x44, 'x', 'x', 'x', 'x', 0x41, 'y'};
    EXPECT_EQ(use_file(folder, file_with_record(record)), "");
}

TEST(MmdbDamage, NodeCountThatOverflows32BitsIsRefused)
{
    // 0x2aaaaaab nodes of 6 bytes are 2 bytes modulo 2^32: libmaxminddb 1.7 would walk far outside the file.
    const TempFolder folder;
    const std::string error = use_file(folder, file_with(0x2aaaaaab, {0, 0, 17, 0, 0, 17}, {0xe0}));
    EXPECT_NE(error.find("does not fit"), std::string::npos) << error;
}

TEST(MmdbDamage, DeepNestingIsRefused)
{
    const TempFolder folder;
    Bytes nested;
    for (int i = 0; i < 4000000; ++i)
        nested.insert(nested.end(), {0xe1, 0x40}); // a map of one entry, key "", value: the next map
    EXPECT_EQ(use_file(folder, file_with_record(nested)), "the record at offset 0 of the data section is damaged");

    Bytes metadata = valid_file();
    metadata.resize(marker_of(metadata) + kMarker.size());
    metadata.insert(metadata.end(), nested.begin(), nested.begin() + 120000);
    EXPECT_EQ(use_file(folder, metadata), "the MMDB metadata is damaged");
}

TEST(MmdbDamage, PointersInCirclesAndHugeSizesAreRefused)
{
    const TempFolder folder;
    const std::string refused = "the record at offset 0 of the data section is damaged";
    EXPECT_EQ(use_file(folder, file_with_record({0x20, 0x00})), refused);                  // to itself
    EXPECT_EQ(use_file(folder, file_with_record({0xe1, 0x41, 'a', 0x20, 0x00})), refused); // value: the map itself
    EXPECT_EQ(use_file(folder, file_with_record({0xe1, 0x20, 0x00, 0x40})), refused);      // key: the map itself
    EXPECT_EQ(use_file(folder, file_with_record({0xff, 0xff, 0xff, 0xff})), refused);      // 16 million entries
    EXPECT_EQ(use_file(folder, file_with_record({0x5f, 0xff, 0xff, 0xff, 'a'})), refused); // 16 MB string
    EXPECT_EQ(use_file(folder, file_with_record({0xe1, 0x41, 'a', 0x3f, 0xff, 0xff, 0xff, 0xff})), refused);
    EXPECT_EQ(use_file(folder, file_with_record({0x67, 1, 2, 3, 4, 5, 6, 7})), refused); // double of 7 bytes
    EXPECT_EQ(use_file(folder, file_with_record({0x00, 0x05})), refused);                // container: not in files
    EXPECT_EQ(use_file(folder, file_with_record({0xe1, 0xa1, 1, 0x40})), refused);       // key is a number
}

TEST(MmdbDamage, TreesInCirclesAreRefused)
{
    const TempFolder folder;
    EXPECT_NE(use_file(folder, file_with(2, {0, 0, 1, 0, 0, 2, 0, 0, 1, 0, 0, 2}, {0xe0})).find("deeper"),
              std::string::npos);
    // Each node twice the next: 2^30 paths to 31 nodes.
    Bytes shared;
    for (std::uint8_t i = 1; i <= 31; ++i)
        shared.insert(shared.end(), {0, 0, i, 0, 0, i});
    EXPECT_NE(use_file(folder, file_with(31, shared, {0xe0})).find("again and again"), std::string::npos);
    // A record behind the end of the data, and one inside the separator.
    EXPECT_NE(use_file(folder, file_with(1, {0, 1, 0, 0, 0, 1}, {0xe0})), "");
    EXPECT_NE(use_file(folder, file_with(1, {0, 0, 5, 0, 0, 1}, {0xe0})), "");
}

TEST(MmdbDamage, OtherFilesAreErrors)
{
    const TempFolder folder;
    EXPECT_EQ(use_file(folder, {}), "the file is empty");
    EXPECT_EQ(use_file(folder, Bytes(5000, 'x')), "no MMDB metadata at the end: not an MMDB file, or a truncated one");
    auto missing = GeoDatabase::open(folder / "none.mmdb", "");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message, folder / "none.mmdb" + ": cannot open: No such file or directory");
    auto directory = GeoDatabase::open("", folder.path());
    ASSERT_FALSE(directory);
    EXPECT_EQ(directory.error().message, folder.path().string() + ": cannot read: Is a directory");
}

TEST(MmdbDamage, OpenDatabaseSurvivesItsFile)
{
    const TempFolder folder;
    const std::string path = folder.write("live.mmdb", valid_file());
    auto database = GeoDatabase::open(path, path);
    ASSERT_TRUE(database) << database.error().message;
    std::filesystem::resize_file(path, 0); // a mapping of the file itself would end in SIGBUS
    EXPECT_EQ(label_text(**database, "143.166.11.10"), "us Dell, Inc.");
}

} // namespace
} // namespace flowxdp::geo
