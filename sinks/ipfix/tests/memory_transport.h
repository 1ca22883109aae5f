// SPDX-License-Identifier: BSD-2-Clause
// memory_transport.h - keeps the messages of one session.
#pragma once

#include <vector>

#include "transport.h"

namespace flowxdp::test {

class MemoryTransport final : public ipfix::Transport {
  public:
    MemoryTransport(std::size_t limit, bool datagrams, SinkCounts* counts)
        : Transport(counts), limit_(limit), datagrams_(datagrams)
    {
    }
    Result<void> open() override { return {}; }
    [[nodiscard]] std::size_t message_limit() const override { return limit_; }
    [[nodiscard]] bool datagrams() const override { return datagrams_; }
    Result<void> send(ipfix::Message message) override
    {
        if (std::exchange(fresh_, false))
            for (ipfix::Message& part : preamble_(true))
                keep(std::move(part));
        keep(std::move(message));
        return {};
    }
    Result<void> finish() override { return {}; }
    [[nodiscard]] std::string name() const override { return "memory"; }

    std::vector<std::vector<std::uint8_t>> messages;

  private:
    void keep(ipfix::Message message)
    {
        sequences_.stamp(&message);
        count_sent(message);
        messages.push_back(std::move(message.octets));
    }
    std::size_t limit_;
    bool datagrams_;
    bool fresh_ = true;
};

} // namespace flowxdp::test
