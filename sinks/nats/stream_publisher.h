// SPDX-License-Identifier: BSD-2-Clause
// stream_publisher.h - batches of messages into a JetStream stream, each message acknowledged by the server.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nats/nats.h>

#include "sink/batch/batch_sender.h"

namespace flowxdp {

struct NatsLogin {
    std::string credentials; // file of a JWT and its key; empty: none
    std::string user, password;
    std::string authorities; // file with certificates for tls://; empty: the system's
};

struct NatsStream {
    std::string name; // empty: whichever takes the subject
    std::string subject;
    bool make = false; // when it is missing; with this name
    std::int64_t replicas = 1;
};

// libnats has threads of its own, which must have ended before this module leaves memory: it is closed when its last
// user goes.
class NatsLibrary {
  public:
    static std::shared_ptr<NatsLibrary> use();
    ~NatsLibrary();
    NatsLibrary(const NatsLibrary&) = delete;
    NatsLibrary& operator=(const NatsLibrary&) = delete;

  private:
    NatsLibrary() = default;
};

// A slice's rows are lines "ID TAB MESSAGE LF". The id becomes the header Nats-Msg-Id, by which the server recognises a
// message that comes again.
class StreamPublisher final : public BatchServer {
  public:
    // duplicates counts messages that were in the stream already; it must outlive this object. step: how long the
    // server may take for connecting, and for the next acknowledgement.
    StreamPublisher(std::vector<std::string> servers, NatsLogin login, NatsStream stream,
                    std::chrono::milliseconds step, std::atomic<std::uint64_t>* duplicates);

    Attempt deliver(const RowSlice& slice, std::chrono::milliseconds at_most) override;

  private:
    template <typename Object, void (*destroy)(Object*)>
    struct Destroy {
        void operator()(Object* object) const { destroy(object); }
    };
    using Connection = std::unique_ptr<natsConnection, Destroy<natsConnection, natsConnection_Destroy>>;
    using Subscription = std::unique_ptr<natsSubscription, Destroy<natsSubscription, natsSubscription_Destroy>>;
    struct Answers {
        std::size_t stored = 0, failed = 0;
        bool refused = false; // one of the failed will fail each time
        std::string error;    // of the first
    };

    Attempt connect();
    Attempt find_stream();
    natsStatus publish(std::string_view line, std::size_t number);
    bool take_answer(Answers* answers);
    void close();
    [[nodiscard]] std::string failed(const char* what, natsStatus status) const;

    std::shared_ptr<NatsLibrary> library_ = NatsLibrary::use();
    std::vector<std::string> servers_;
    NatsLogin login_;
    NatsStream stream_;
    std::chrono::milliseconds longest_step_, step_; // step_: of this delivery
    std::atomic<std::uint64_t>* duplicates_;
    Connection connection_;
    Subscription answers_;
    std::string inbox_;
};

} // namespace flowxdp
