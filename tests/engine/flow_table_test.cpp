// SPDX-License-Identifier: BSD-2-Clause
// The slab table and its index against std::unordered_map, the activity list against a std::list.
#include "flow_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <random>
#include <set>
#include <string>
#include <unordered_map>

#include "activity_list.h"

namespace flowxdp {
namespace {

constexpr std::uint32_t kRecordBytes = sizeof(flow_record) + 16;

flow_key key_of(std::uint64_t n)
{
    flow_key key{};
    key.lo_addr[0] = n;
    key.hi_addr[1] = ~n;
    key.lo_port = static_cast<__u16>(n);
    key.proto = 17;
    key.kind = FLOW_KIND_IPV4;
    return key;
}

TEST(FlowTable, FindsNothingBeforeTheFirstInsert)
{
    FlowTable table(kRecordBytes, kRecordBytes, 16);
    EXPECT_EQ(table.find(key_of(1), 5), kNoEntry);
    EXPECT_EQ(table.size(), 0U);
    EXPECT_TRUE(table.room());
    EXPECT_TRUE(table.live().empty());
}

TEST(FlowTable, AnInsertedRecordIsZeroButForItsKey)
{
    FlowTable table(kRecordBytes, kRecordBytes, 16);
    const EntryId id = table.insert(key_of(1), 5);
    std::memset(static_cast<void*>(table.entry(id)->record()), 0xff, kRecordBytes);
    table.entry(id)->record()->key = key_of(1);
    table.remove(id);
    const EntryId again = table.insert(key_of(2), 5);
    EXPECT_EQ(again, id); // the slab reuses what was freed last
    std::string expected(kRecordBytes, '\0');
    const flow_key key = key_of(2);
    std::memcpy(expected.data() + offsetof(flow_record, key), &key, sizeof key);
    EXPECT_EQ(std::memcmp(table.entry(again)->record(), expected.data(), kRecordBytes), 0);
}

TEST(FlowTable, ClearRecordKeepsTheKeyAlone)
{
    FlowTable table(kRecordBytes, kRecordBytes, 16);
    flow_record* record = table.entry(table.insert(key_of(7), 1))->record();
    std::memset(static_cast<void*>(record), 0xff, kRecordBytes);
    record->key = key_of(7);
    table.clear_record(record);
    const flow_key key = key_of(7);
    EXPECT_TRUE(flow_key_equal(&record->key, &key));
    EXPECT_EQ(record->flow_id, 0U);
    EXPECT_EQ(record->dir[1].packets, 0U);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(record);
    EXPECT_EQ(std::count(bytes + sizeof(flow_record), bytes + kRecordBytes, 0), 16);
}

TEST(FlowTable, RecordsDoNotMoveWhileTheTableGrows)
{
    FlowTable table(kRecordBytes, kRecordBytes, 100000);
    const EntryId first = table.insert(key_of(0), 0);
    const flow_record* record = table.entry(first)->record();
    for (std::uint64_t n = 1; n < 20000; n++)
        table.insert(key_of(n), static_cast<std::uint32_t>(n * 2654435761u));
    EXPECT_EQ(table.entry(first)->record(), record);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(table.entry(first)) % 64, 0U);
    EXPECT_EQ(table.find(key_of(0), 0), first);
}

TEST(FlowTable, HasRoomForExactlyAsManyFlowsAsItWasTold)
{
    FlowTable table(kRecordBytes, kRecordBytes, 3);
    for (std::uint64_t n = 0; n < 3; n++) {
        EXPECT_TRUE(table.room());
        table.insert(key_of(n), 9);
    }
    EXPECT_FALSE(table.room());
    table.remove(table.find(key_of(1), 9));
    EXPECT_TRUE(table.room());
}

// hash_bits: few make long runs in the index, where backward shift has to be right.
void compare_with_map(unsigned hash_bits, std::uint64_t seed)
{
    SCOPED_TRACE(testing::Message() << hash_bits << " hash bits, seed " << seed);
    std::mt19937_64 random(seed);
    FlowTable table(kRecordBytes, kRecordBytes, 1u << 20);
    std::unordered_map<std::uint64_t, EntryId> model;
    std::unordered_map<std::uint64_t, EntryId> candidates; // some from long ago
    const std::uint32_t mask = hash_bits == 32 ? ~0u : (1u << hash_bits) - 1;
    auto hash_of = [mask](std::uint64_t n) {
        // The top of the range too: runs then wrap around the end of the index.
        return static_cast<std::uint32_t>(0 - (static_cast<std::uint32_t>(n * 0x9e3779b97f4a7c15ULL >> 32) & mask));
    };
    for (int step = 0; step < 30000; step++) {
        const std::uint64_t n = random() % 3000;
        const auto known = model.find(n);
        const EntryId found = table.find(key_of(n), hash_of(n));
        ASSERT_EQ(found, known == model.end() ? kNoEntry : known->second);
        if (!candidates.contains(n) || random() % 4 == 0)
            candidates[n] = table.prefetch_record(hash_of(n));
        ASSERT_EQ(table.find(key_of(n), hash_of(n), candidates[n]), found);
        if (known == model.end() && random() % 3) {
            model[n] = table.insert(key_of(n), hash_of(n));
        } else if (known != model.end() && random() % 2) {
            table.remove(known->second);
            model.erase(known);
        }
        ASSERT_EQ(table.size(), model.size());
    }
    std::set<EntryId> expected;
    for (const auto& [n, id] : model) {
        ASSERT_EQ(table.find(key_of(n), hash_of(n)), id);
        expected.insert(id);
    }
    EXPECT_EQ(expected.size(), model.size()); // no entry is handed out twice
    const std::vector<EntryId> live = table.live();
    EXPECT_EQ(std::set<EntryId>(live.begin(), live.end()), expected);
    EXPECT_EQ(live.size(), expected.size());
}

TEST(FlowTable, AgreesWithAMapWhenHashesSpread)
{
    compare_with_map(32, 1);
}
TEST(FlowTable, AgreesWithAMapWhenHashesCollide)
{
    compare_with_map(6, 2);
}
TEST(FlowTable, AgreesWithAMapWhenEveryHashIsTheSame)
{
    compare_with_map(0, 3);
}

TEST(ActivityList, OldestIsTheOneTouchedLongestAgo)
{
    std::mt19937_64 random(4);
    FlowTable table(kRecordBytes, kRecordBytes, 1000);
    ActivityList list(&table);
    std::list<EntryId> model;
    std::uint64_t sequence = 0;
    auto touched = [&](EntryId id) {
        model.remove(id);
        model.push_back(id);
        if (!list.active()) // afterwards the links stand there
            table.entry(id)->last_packet = ++sequence;
    };
    // Before the table was full for the first time only the sequence numbers are kept.
    for (std::uint64_t n = 0; n < 50; n++)
        touched(table.insert(key_of(n), static_cast<std::uint32_t>(n)));
    for (int i = 0; i < 200; i++)
        touched(*std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size())));
    EXPECT_FALSE(list.active());
    list.build();
    EXPECT_TRUE(list.active());
    EXPECT_EQ(list.oldest(), model.front());
    for (std::uint64_t n = 50; n < 5000; n++) {
        const auto any = std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size()));
        switch (random() % 4) {
        case 0: {
            const EntryId id = *any;
            list.remove(id);
            model.erase(any);
            table.remove(id);
            break;
        }
        case 1: {
            const EntryId id = table.insert(key_of(n), static_cast<std::uint32_t>(n));
            list.append(id);
            model.push_back(id);
            break;
        }
        default:
            list.touch(*any);
            touched(*any);
            break;
        }
        if (model.empty()) {
            const EntryId id = table.insert(key_of(n + 100000), static_cast<std::uint32_t>(n));
            list.append(id);
            model.push_back(id);
        }
        ASSERT_EQ(list.oldest(), model.front());
    }
}

} // namespace
} // namespace flowxdp
