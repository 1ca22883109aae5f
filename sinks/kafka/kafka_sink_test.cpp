// SPDX-License-Identifier: BSD-2-Clause
// Brokers are librdkafka's mock cluster in this process: it speaks the protocol over loopback, and fails when told to.
#include <gtest/gtest.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "support/row_builder.h"
#include "support/sink_module.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

using namespace test;

constexpr std::int16_t kProduce = 0; // ApiKey of the protocol

class Brokers {
  public:
    explicit Brokers(int count, int partitions = 4)
    {
        owner_ = make(RD_KAFKA_PRODUCER, {});
        cluster_ = rd_kafka_mock_cluster_new(owner_, count);
        rd_kafka_mock_topic_create(cluster_, "flows", partitions, std::min(count, 3));
    }
    ~Brokers()
    {
        rd_kafka_mock_cluster_destroy(cluster_);
        rd_kafka_destroy(owner_);
    }
    Brokers(const Brokers&) = delete;
    Brokers& operator=(const Brokers&) = delete;

    // The sink's target; its commas are semicolons.
    [[nodiscard]] std::string target() const
    {
        std::string list = rd_kafka_mock_cluster_bootstraps(cluster_);
        std::ranges::replace(list, ',', ';');
        return list + "/flows";
    }
    rd_kafka_mock_cluster_t* cluster() { return cluster_; }

    struct Message {
        std::string key, value;
        std::int32_t partition;
        std::int64_t time_ms;
    };
    // Everything in the topic, read until so many messages came and each partition ended.
    std::vector<Message> messages(std::size_t expected)
    {
        rd_kafka_t* consumer =
            make(RD_KAFKA_CONSUMER, {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)},
                                     {"group.id", "test"},
                                     {"auto.offset.reset", "earliest"},
                                     {"enable.partition.eof", "true"}});
        rd_kafka_poll_set_consumer(consumer);
        rd_kafka_topic_partition_list_t* wanted = rd_kafka_topic_partition_list_new(4);
        for (int partition = 0; partition < 4; partition++)
            rd_kafka_topic_partition_list_add(wanted, "flows", partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
        rd_kafka_assign(consumer, wanted);
        std::vector<Message> all;
        std::set<std::int32_t> ended;
        for (int i = 0; i < 600 && !(all.size() >= expected && ended.size() == 4); i++) {
            rd_kafka_message_t* m = rd_kafka_consumer_poll(consumer, 100);
            if (!m)
                continue;
            if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                ended.insert(m->partition);
            } else if (!m->err) {
                ended.erase(m->partition);
                all.push_back({{static_cast<const char*>(m->key), m->key_len},
                               {static_cast<const char*>(m->payload), m->len},
                               m->partition,
                               rd_kafka_message_timestamp(m, nullptr)});
            }
            rd_kafka_message_destroy(m);
        }
        rd_kafka_topic_partition_list_destroy(wanted);
        rd_kafka_consumer_close(consumer);
        rd_kafka_destroy(consumer);
        return all;
    }

  private:
    static rd_kafka_t* make(rd_kafka_type_t type, const std::map<std::string, std::string>& settings)
    {
        std::array<char, 256> error{};
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        for (const auto& [name, value] : settings)
            EXPECT_EQ(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error.data(), error.size()),
                      RD_KAFKA_CONF_OK);
        rd_kafka_t* handle = rd_kafka_new(type, conf, error.data(), error.size());
        EXPECT_TRUE(handle) << error.data();
        return handle;
    }
    rd_kafka_t* owner_;
    rd_kafka_mock_cluster_t* cluster_;
};

std::shared_ptr<const Schema> small_schema()
{
    return make_schema({column("flowInd", FX_U64), column("name", FX_STRING)});
}

// Two rows of each flow, as directions A and B.
RowBuilder small_rows(std::uint64_t from, std::uint64_t to)
{
    RowBuilder rows(small_schema());
    for (std::uint64_t i = from; i < to; i++)
        for (const char* name : {"a", "b"})
            rows.row(1500000000123456789, i).put<std::uint64_t>("flowInd", i).text("name", name);
    return rows;
}

SinkContext context()
{
    SinkContext c;
    c.flow_schema = small_schema();
    c.boot = 0xabc;
    return c;
}

std::string value(std::uint64_t i, const char* name)
{
    return fmt::format("{{\"sensor\":666,\"boot\":\"0x0000000000000abc\",\"flowInd\":{},\"name\":\"{}\"}}", i, name);
}

// What stands in the topic: every row once, those of a flow in one partition and in order.
void expect_flows(const std::vector<Brokers::Message>& messages, std::uint64_t from, std::uint64_t to)
{
    ASSERT_EQ(messages.size(), 2 * (to - from));
    std::map<std::string, std::vector<const Brokers::Message*>> by_key;
    for (const Brokers::Message& m : messages)
        by_key[m.key].push_back(&m);
    ASSERT_EQ(by_key.size(), to - from);
    std::set<std::int32_t> partitions;
    for (std::uint64_t i = from; i < to; i++) {
        const auto& both = by_key[fmt::format("666:0000000000000abc:{}", i)];
        ASSERT_EQ(both.size(), 2u) << i;
        EXPECT_EQ(both[0]->value, value(i, "a"));
        EXPECT_EQ(both[1]->value, value(i, "b"));
        EXPECT_EQ(both[0]->partition, both[1]->partition);
        EXPECT_EQ(both[0]->time_ms, 1500000000123);
        partitions.insert(both[0]->partition);
    }
    if (to - from > 20) {
        EXPECT_EQ(partitions.size(), 4u) << "flows are spread";
    }
}

TEST(KafkaSink, RowsOfAFlowShareAPartition)
{
    Brokers brokers(3);
    const auto sink = make_module_sink("kafka:" + brokers.target());
    ASSERT_TRUE(sink->open(context()).ok());
    EXPECT_TRUE(sink->write(small_rows(0, 100).batch()).ok());
    EXPECT_TRUE(sink->commit().ok());
    EXPECT_EQ(sink->counts().sent, 200u) << "a commit returns when the brokers have confirmed";
    EXPECT_EQ(sink->positions(), (std::vector<std::uint64_t>{0}));
    EXPECT_TRUE(sink->flush(true).ok());
    expect_flows(brokers.messages(200), 0, 100);
}

TEST(KafkaSink, ErrorsOfBrokersAreRepeatedAway)
{
    Brokers brokers(3);
    const auto sink = make_module_sink("kafka:" + brokers.target());
    ASSERT_TRUE(sink->open(context()).ok());
    // Each of the next requests fails with one of these; all are of the kind that passes.
    rd_kafka_mock_push_request_errors(brokers.cluster(), kProduce, 6, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR__TRANSPORT,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    (void)sink->write(small_rows(0, 50).batch());
    (void)sink->commit();
    (void)sink->flush(true);
    EXPECT_EQ(sink->counts().sent, 100u);
    EXPECT_EQ(sink->counts().dropped, 0u);
    const auto messages = brokers.messages(100);
    std::set<std::pair<std::string, std::string>> distinct;
    for (const auto& m : messages)
        distinct.emplace(m.key, m.value);
    EXPECT_EQ(distinct.size(), 100u) << "at least once, and nothing else";
}

TEST(KafkaSink, ABrokerThatIsDownIsWaitedFor)
{
    Brokers brokers(1);
    const auto sink = make_module_sink("kafka:" + brokers.target() + ",patience=1,drain=60");
    ASSERT_TRUE(sink->open(context()).ok());
    (void)sink->write(small_rows(0, 5).batch());
    EXPECT_TRUE(sink->commit().ok());
    rd_kafka_mock_broker_set_down(brokers.cluster(), 1);
    (void)sink->write(small_rows(5, 30).batch());
    const auto given_up = sink->commit();
    ASSERT_FALSE(given_up.ok()) << "patience ends";
    EXPECT_EQ(sink->counts().sent, 10u);
    EXPECT_EQ(sink->positions(), (std::vector<std::uint64_t>{50})) << "what a kill would lose is known";
    rd_kafka_mock_broker_set_up(brokers.cluster(), 1);
    (void)sink->flush(true);
    EXPECT_EQ(sink->counts().sent, 60u);
    EXPECT_EQ(sink->counts().dropped, 0u);
    expect_flows(brokers.messages(60), 0, 30);
}

TEST(KafkaSink, WhatCannotBeDeliveredIsCounted)
{
    const auto sink = make_module_sink("kafka:127.0.0.1:9/flows,patience=0,drain=0");
    ASSERT_TRUE(sink->open(context()).ok());
    (void)sink->write(small_rows(0, 10).batch());
    EXPECT_FALSE(sink->flush(true).ok());
    EXPECT_EQ(sink->counts().sent, 0u);
    EXPECT_EQ(sink->counts().dropped, 20u);
    EXPECT_EQ(sink->positions(), (std::vector<std::uint64_t>{0}));
}

TEST(KafkaSink, AFullQueueDropsWhenPatienceEnds)
{
    const auto sink = make_module_sink("kafka:127.0.0.1:9/flows,patience=0,drain=0,keep=1");
    ASSERT_TRUE(sink->open(context()).ok());
    for (int i = 0; i < 40; i++) // some 4 MB
        (void)sink->write(small_rows(0, 500).batch());
    EXPECT_GT(sink->counts().dropped, 0u);
    EXPECT_GT(sink->positions()[0], 0u);
    const std::size_t row = value(0, "a").size() + 200; // librdkafka's own memory for a message is as large
    EXPECT_LE(sink->positions()[0] * row, 1u << 20) << "keep is memory, not text alone";
    EXPECT_EQ(sink->counts().dropped + sink->positions()[0], 40000u);
    (void)sink->flush(true);
    EXPECT_EQ(sink->counts().dropped, 40000u);
}

TEST(KafkaSink, PropertiesComeFromAFile)
{
    const TempFolder folder;
    const std::string path = folder.path() / "conf";
    write_file(path, std::string("# brokers of the library's own\n\n test.mock.num.brokers = 2 \nclient.id=edge\n"));
    const auto sink = make_module_sink("kafka:127.0.0.1:9/flows,conf=" + path);
    ASSERT_TRUE(sink->open(context()).ok());
    (void)sink->write(small_rows(0, 3).batch());
    EXPECT_TRUE(sink->commit().ok());
    EXPECT_EQ(sink->counts().sent, 6u);
}

TEST(KafkaSink, AWrongPropertyIsNamedAndItsValueIsNot)
{
    const TempFolder folder;
    const std::string path = folder.path() / "conf";
    for (const auto& [line, named] : {std::pair{"no.such=hunter2", "no.such"}, {"linger.ms=hunter2", "linger.ms"}}) {
        write_file(path, std::string(line));
        const auto opened = make_module_sink("kafka:127.0.0.1:9/flows,conf=" + path)->open(context());
        ASSERT_FALSE(opened.ok());
        EXPECT_NE(opened.error().message.find(named), std::string::npos) << opened.error().message;
        EXPECT_EQ(opened.error().message.find("hunter2"), std::string::npos) << opened.error().message;
    }
    write_file(path, std::string("hunter2\n"));
    const auto made = make_module_sink(SinkSpec{"kafka", "127.0.0.1:9/flows", {{"conf", path}}});
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().message.find("hunter2"), std::string::npos) << made.error().message;
}

TEST(KafkaSink, ATargetHasBrokersAndATopic)
{
    for (const char* target : {"", "127.0.0.1:9092", "/flows", "127.0.0.1:9092/"})
        EXPECT_FALSE(make_module_sink(SinkSpec{"kafka", target, {}}).ok()) << target;
}

} // namespace
} // namespace flowxdp
