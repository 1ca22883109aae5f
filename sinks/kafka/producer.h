// SPDX-License-Identifier: BSD-2-Clause
// producer.h - messages to a Kafka topic, each confirmed by its delivery report.
//
// librdkafka keeps, sends and repeats them. What it gives up is reported here, not lost in silence. How much memory
// they may take is counted here: its own bound is of keys and values, beside which it needs a quarter of that for each
// row.
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
#include "sink/patience.h"

namespace flowxdp {

class KafkaProducer {
  public:
    using Settings = std::map<std::string, std::string>; // librdkafka's configuration properties

    // keep_bytes: memory of rows that are not confirmed. patience: for how long nothing may be confirmed. counts must
    // outlive this object. Throws std::invalid_argument when librdkafka refuses a setting; its sentence names the
    // property, not a value.
    KafkaProducer(const Settings& settings, const std::string& topic, std::size_t keep_bytes, Patience patience,
                  SinkCounts* counts);
    ~KafkaProducer();
    KafkaProducer(const KafkaProducer&) = delete;
    KafkaProducer& operator=(const KafkaProducer&) = delete;

    // One row. Waits while there is no room for it, as long as the patience lasts; then the row is dropped and counted.
    Result<void> send(std::string_view key, std::string_view value, std::int64_t time_ns);
    // Takes the reports that have come.
    Result<void> poll();
    // Returns when every row is confirmed or given up, or when the patience is over.
    Result<void> wait();
    // At the end of the run. Waits likewise; rows that are not confirmed by then are dropped and counted.
    Result<void> drain();

    [[nodiscard]] std::uint64_t waiting_rows() const { return waiting_; }

  private:
    struct Destroy {
        void operator()(rd_kafka_t* producer) const { rd_kafka_destroy(producer); }
        void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
    };
    rd_kafka_resp_err_t produce(std::string_view key, std::string_view value, std::int64_t time_ns);
    void reported(const rd_kafka_message_t& message);
    void note(const std::string& error);
    Result<void> take_error();
    [[nodiscard]] std::string why() const;

    SinkCounts* counts_;
    std::string topic_name_;
    std::size_t keep_bytes_, kept_bytes_ = 0;
    std::atomic<std::uint64_t> waiting_{0};
    Patience patience_;         // renewed by a row that is confirmed or given up
    std::string error_;         // to be told by the next call
    std::string brokers_error_; // the last one that says why
    bool outage_said_ = false;
    bool giving_up_ = false; // nobody waits until something moves
    std::unique_ptr<rd_kafka_t, Destroy> producer_;
    std::unique_ptr<rd_kafka_topic_t, Destroy> topic_;
};

} // namespace flowxdp
