// SPDX-License-Identifier: BSD-2-Clause
// producer.h - messages to a Kafka topic, each confirmed by its delivery report.
//
// librdkafka keeps, sends and repeats them, within its own bounds. What it gives up is reported here, not lost in
// silence.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <librdkafka/rdkafka.h>

#include "flowxdp/sink.hpp"

namespace flowxdp {

class KafkaProducer {
  public:
    using Settings = std::map<std::string, std::string>; // librdkafka's configuration properties

    // counts must outlive this object. Throws std::invalid_argument when librdkafka refuses a setting; its sentence
    // names the property, not a value.
    KafkaProducer(const Settings& settings, const std::string& topic, SinkCounts* counts);
    ~KafkaProducer();
    KafkaProducer(const KafkaProducer&) = delete;
    KafkaProducer& operator=(const KafkaProducer&) = delete;

    // One row. Waits while librdkafka's queue is full, at most so long; then the row is dropped and counted.
    Result<void> send(std::string_view key, std::string_view value, std::int64_t time_ns,
                      std::chrono::milliseconds patience);
    // Takes the reports that have come.
    Result<void> poll();
    // Returns when every row is confirmed or given up, or when nothing was for so long.
    Result<void> wait(std::chrono::milliseconds patience);
    // At the end of the run. Waits likewise; rows that are not confirmed by then are dropped and counted.
    Result<void> drain(std::chrono::milliseconds patience);

    [[nodiscard]] std::uint64_t waiting_rows() const { return waiting_; }

  private:
    struct Destroy {
        void operator()(rd_kafka_t* producer) const { rd_kafka_destroy(producer); }
        void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
    };
    void reported(const rd_kafka_message_t& message);
    void note(const std::string& error);
    Result<void> take_error();
    [[nodiscard]] std::string why() const;

    SinkCounts* counts_;
    std::string topic_name_;
    std::atomic<std::uint64_t> waiting_{0};
    std::uint64_t moved_ = 0;   // confirmed or given up
    std::string error_;         // to be told by the next call
    std::string brokers_error_; // the last one that says why
    bool outage_said_ = false;
    bool giving_up_ = false; // nobody waits until something moves
    std::unique_ptr<rd_kafka_t, Destroy> producer_;
    std::unique_ptr<rd_kafka_topic_t, Destroy> topic_;
};

} // namespace flowxdp
