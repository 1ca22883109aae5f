// SPDX-License-Identifier: BSD-2-Clause
// kafka_sink.cpp - rows as JSON messages to a Kafka topic, keyed by flow. README.md has the format.
#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include "core/text_file.h"
#include "flowxdp/sink.hpp"
#include "producer.h"
#include "row/json_text.h"
#include "sink/row_origin.h"

namespace flowxdp {
namespace {

using std::chrono::seconds;

struct Options : OptionSet {
    Text conf{this, "conf", "",
              "file with properties of librdkafka, NAME=VALUE a line: security.protocol, sasl.password, ..."};
    Text packet_topic{this, "packet_topic", "", "topic of packet rows; empty: they are skipped"};
    Duration linger{this, "linger", "100ms", "how long a message may wait for others of its batch", 0, 900000};
    Word<int> compression{this, "compression", "lz4", "of batches", "none|gzip|snappy|lz4|zstd"};
    Number<std::uint32_t> keep{this, "keep", "64", "MiB of rows kept for brokers that are slow or absent", 1, 2047};
    Number<std::uint32_t> patience{
        this, "patience", "30", "s without a confirmed row after which waiting rows are dropped", 0, 86400};
    Number<std::uint32_t> drain{
        this, "drain", "10", "s without a confirmed row after which the end of the run gives up", 0, 86400};
};
constexpr Options kOptions;

constexpr const char* kCompressions[] = {"none", "gzip", "snappy", "lz4", "zstd"};

// Lines NAME=VALUE; '#' begins a comment line. Throws std::invalid_argument, without a value in its sentence.
void read_conf(const std::string& path, KafkaProducer::Settings* settings)
{
    const auto text = read_text_file(path, 1u << 20);
    if (!text.ok())
        throw std::invalid_argument(fmt::format("conf: cannot read '{}': {}", path, text.error().message));
    std::string_view rest = text.value();
    for (int number = 1; !rest.empty(); number++) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto trim = [](std::string_view word) {
            word.remove_prefix(std::min(word.find_first_not_of(" \t\r"), word.size()));
            return word.substr(0, word.find_last_not_of(" \t\r") + 1);
        };
        line = trim(line);
        if (line.empty() || line.front() == '#')
            continue;
        const std::size_t equal = line.find('=');
        if (equal == std::string_view::npos)
            throw std::invalid_argument(fmt::format("conf: line {} of '{}' is no NAME=VALUE", number, path));
        (*settings)[std::string(trim(line.substr(0, equal)))] = trim(line.substr(equal + 1));
    }
}

class KafkaSink final : public Sink {
  public:
    KafkaSink(const std::string& target, const OptionValues& values)
        : patience_(seconds(values[kOptions.patience]), seconds(values[kOptions.drain])),
          keep_bytes_(std::size_t{values[kOptions.keep]} << 20), packet_topic_(values[kOptions.packet_topic])
    {
        const std::size_t slash = target.rfind('/');
        if (slash == std::string::npos || slash == 0 || slash + 1 == target.size())
            throw std::invalid_argument("no brokers and topic: write kafka:HOST:PORT/TOPIC; several brokers with ';'");
        std::string brokers = target.substr(0, slash);
        std::ranges::replace(brokers, ';', ','); // the comma ends a target
        topic_ = target.substr(slash + 1);
        // Each message once and in order within a session: librdkafka repeats what it must.
        settings_ = {{"bootstrap.servers", brokers},
                     {"client.id", "flowxdp"},
                     {"enable.idempotence", "true"},
                     {"acks", "all"},
                     {"linger.ms", std::to_string(values[kOptions.linger])},
                     {"compression.codec", kCompressions[values[kOptions.compression]]},
                     // A bound of keys and values; the producer's own, of memory, is reached before.
                     {"queue.buffering.max.kbytes", std::to_string(values[kOptions.keep] * 1024)},
                     {"queue.buffering.max.messages", "0"},
                     // Patience is this sink's: a message waits until the run gives it up.
                     {"message.timeout.ms", "0"}};
        if (!values[kOptions.conf].empty())
            read_conf(std::string(values[kOptions.conf]), &settings_);
    }

    Result<void> open(const SinkContext& context) override
    {
        origin_.emplace(context);
        flows_.emplace(*context.flow_schema);
        if (context.packet_schema)
            packets_.emplace(*context.packet_schema);
        // The same for every row of a flow: they reach one partition, in order.
        key_ = fmt::format("{}:{:016x}:", context.sensor_id, context.boot);
        patience_.listen_to(context.end_began);
        try {
            producer_ = std::make_unique<KafkaProducer>(settings_, topic_, keep_bytes_, patience_, &counts_);
            if (packets_ && !packet_topic_.empty())
                packet_producer_ =
                    std::make_unique<KafkaProducer>(settings_, packet_topic_, keep_bytes_, patience_, &counts_);
        } catch (const std::invalid_argument& error) {
            return Error{error.what()};
        }
        settings_.clear(); // secrets are librdkafka's now
        // A daemon that was killed had stopped waiting for the brokers while these rows were in its memory.
        if (!context.resume.empty()) {
            counts_.rows += context.resume.front();
            counts_.dropped += context.resume.front();
        }
        return {};
    }
    Result<void> write(const Rows& rows) override { return send(rows, *flows_, *producer_); }
    Result<void> write_packets(const Rows& rows) override
    {
        if (packet_producer_)
            return send(rows, *packets_, *packet_producer_);
        counts_.skipped += rows.size();
        return {};
    }
    Result<void> tick(std::int64_t) override
    {
        return each([](KafkaProducer& producer) { return producer.poll(); });
    }
    Result<void> flush(bool final) override
    {
        return each([final](KafkaProducer& producer) { return final ? producer.drain() : producer.poll(); });
    }
    Result<void> commit() override
    {
        return each([](KafkaProducer& producer) { return producer.wait(); });
    }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override
    {
        return {producer_->waiting_rows() + (packet_producer_ ? packet_producer_->waiting_rows() : 0)};
    }

  private:
    Result<void> send(const Rows& rows, const JsonRowPrinter& printer, KafkaProducer& producer)
    {
        Result<void> result;
        for (std::size_t i = 0; i < rows.size(); i++) {
            const RowView row = rows.row(i);
            value_.clear();
            printer.append(row, &value_);
            origin_->put_members(0, &value_);
            value_.pop_back(); // its newline
            const std::string key = key_ + std::to_string(row.header().flow_id);
            if (auto sent = producer.send(key, value_, row.header().end_clock_ns); !sent.ok())
                result = sent;
        }
        return result;
    }
    template <typename Call>
    Result<void> each(Call call)
    {
        Result<void> result = call(*producer_);
        if (packet_producer_)
            if (auto second = call(*packet_producer_); !second.ok())
                result = second;
        return result;
    }

    Patience patience_;
    std::size_t keep_bytes_;
    std::string topic_, packet_topic_, key_, value_;
    KafkaProducer::Settings settings_;
    std::optional<RowOrigin> origin_;
    std::optional<JsonRowPrinter> flows_, packets_;
    std::unique_ptr<KafkaProducer> producer_, packet_producer_;
};

constexpr SinkDescription kDescription = {
    .name = "kafka",
    .version = "1.0.0",
    .help = "rows as JSON messages to a Kafka topic",
    .target_help = "HOST:PORT/TOPIC; several brokers with ';' between them",
    .options = kOptions.all(),
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::KafkaSink, flowxdp::kDescription)
