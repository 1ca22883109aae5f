// SPDX-License-Identifier: BSD-2-Clause
#include "producer.h"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "core/printable.h"

namespace flowxdp {
namespace {

constexpr int kPollMs = 50;

// A message's own memory in librdkafka 2.0, beside key and value, which follow it in the same piece: 184 bytes, a
// trailer and what malloc adds.
constexpr std::size_t kMessageBytes = 224;

std::size_t memory_of(std::size_t key, std::size_t value)
{
    return key + value + kMessageBytes;
}

} // namespace

KafkaProducer::KafkaProducer(const Settings& settings, const std::string& topic, std::size_t keep_bytes,
                             Patience patience, SinkCounts* counts)
    : counts_(counts), topic_name_(topic), keep_bytes_(keep_bytes), patience_(std::move(patience))
{
    std::array<char, 512> error{};
    std::unique_ptr<rd_kafka_conf_t, void (*)(rd_kafka_conf_t*)> conf(rd_kafka_conf_new(), rd_kafka_conf_destroy);
    for (const auto& [name, value] : settings)
        switch (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), error.data(), error.size())) {
        case RD_KAFKA_CONF_OK:
            break;
        case RD_KAFKA_CONF_UNKNOWN:
            throw std::invalid_argument(fmt::format("librdkafka knows no property '{}'", printable(name, 60)));
        case RD_KAFKA_CONF_INVALID: // its sentence would show the value, which may be a secret
            throw std::invalid_argument(fmt::format("librdkafka refuses the value of '{}'", printable(name, 60)));
        }
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_dr_msg_cb(conf.get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
        static_cast<KafkaProducer*>(self)->reported(*message);
    });
    rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int code, const char* reason, void* self) {
        auto* producer = static_cast<KafkaProducer*>(self);
        const std::string text =
            fmt::format("{}: {}", rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code)), reason);
        if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) // says nothing of why
            producer->brokers_error_ = printable(text);
        producer->note(text);
    });
    // Its log goes to standard error, which is the program's.
    rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
    producer_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), error.data(), error.size()));
    if (!producer_)
        throw std::invalid_argument(fmt::format("librdkafka: {}", printable(error.data())));
    (void)conf.release(); // the producer's now
    topic_.reset(rd_kafka_topic_new(producer_.get(), topic.c_str(), nullptr));
    if (!topic_)
        throw std::invalid_argument(fmt::format("librdkafka refuses the topic '{}': {}", printable(topic, 60),
                                                rd_kafka_err2str(rd_kafka_last_error())));
}

KafkaProducer::~KafkaProducer()
{
    topic_.reset();
}

void KafkaProducer::note(const std::string& error)
{
    if (!std::exchange(outage_said_, true))
        error_ = printable(error);
}

Result<void> KafkaProducer::take_error()
{
    if (error_.empty())
        return {};
    return Error{std::exchange(error_, {})};
}

void KafkaProducer::reported(const rd_kafka_message_t& message)
{
    waiting_--;
    kept_bytes_ -= memory_of(message.key_len, message.len);
    patience_.renew();
    giving_up_ = false;
    if (!message.err) {
        counts_->sent++;
        outage_said_ = false;
        return;
    }
    counts_->dropped++;
    error_ = fmt::format("{}: a row is given up: {}", topic_name_, rd_kafka_err2str(message.err));
}

rd_kafka_resp_err_t KafkaProducer::produce(std::string_view key, std::string_view value, std::int64_t time_ns)
{
    if (waiting_ && kept_bytes_ + memory_of(key.size(), value.size()) > keep_bytes_)
        return RD_KAFKA_RESP_ERR__QUEUE_FULL;
    // rd_kafka_producev() takes the time, in ms; a time before 1970 is the broker's "none".
    return rd_kafka_producev(producer_.get(), RD_KAFKA_V_RKT(topic_.get()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_KEY(key.data(), key.size()),
                             RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                             RD_KAFKA_V_TIMESTAMP(time_ns > 0 ? time_ns / 1000000 : 0), RD_KAFKA_V_END);
}

Result<void> KafkaProducer::send(std::string_view key, std::string_view value, std::int64_t time_ns)
{
    for (;;) {
        const rd_kafka_resp_err_t result = produce(key, value, time_ns);
        if (result == RD_KAFKA_RESP_ERR_NO_ERROR) {
            if (!waiting_)
                patience_.renew(); // it begins with something to send
            waiting_++;
            kept_bytes_ += memory_of(key.size(), value.size());
            return take_error();
        }
        if (result == RD_KAFKA_RESP_ERR__QUEUE_FULL && !giving_up_ && !patience_.over()) {
            counts_->retried++;
            rd_kafka_poll(producer_.get(), kPollMs);
            continue;
        }
        counts_->dropped++;
        if (result == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_poll(producer_.get(), 0);
            if (!std::exchange(giving_up_, true))
                error_ =
                    fmt::format("{}: nothing was confirmed for {} ms: rows are dropped until the brokers take them "
                                "again{}",
                                topic_name_, patience_.limit().count(), why());
        } else {
            error_ = fmt::format("{}: a row of {} bytes is dropped: {}", topic_name_, value.size(),
                                 rd_kafka_err2str(result));
        }
        return take_error();
    }
}

Result<void> KafkaProducer::poll()
{
    rd_kafka_poll(producer_.get(), 0);
    return take_error();
}

Result<void> KafkaProducer::wait()
{
    rd_kafka_poll(producer_.get(), 0);
    while (waiting_ && !giving_up_) {
        rd_kafka_poll(producer_.get(), kPollMs);
        if (waiting_ && patience_.over()) {
            giving_up_ = true;
            error_ =
                fmt::format("{}: nothing was confirmed for {} ms: the run does not wait for the brokers until they "
                            "take rows again{}",
                            topic_name_, patience_.limit().count(), why());
        }
    }
    return take_error();
}

Result<void> KafkaProducer::drain()
{
    giving_up_ = false;
    patience_.rows_ended();
    Result<void> result = wait();
    if (!waiting_)
        return result;
    // Reports of what is purged come at once, and count it as dropped.
    const std::uint64_t rows = waiting_;
    rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(producer_.get(), kPollMs * 20);
    return Error{fmt::format("{}: {} rows could not be delivered within {} ms and are dropped{}", topic_name_, rows,
                             patience_.limit().count(), why())};
}

std::string KafkaProducer::why() const
{
    return brokers_error_.empty() ? "" : ": " + brokers_error_;
}

} // namespace flowxdp
