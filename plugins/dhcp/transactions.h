// SPDX-License-Identifier: BSD-2-Clause
// transactions.h - the flows of a DHCP transaction. Question and answer are mostly two: one goes to 255.255.255.255,
// the other to the address that is offered.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "flowxdp/recent_map.hpp"

namespace flowxdp {

struct DhcpTransaction {
    std::uint32_t id;
    std::array<std::uint8_t, 6> mac; // zero where the client's is not known
    std::uint16_t source;            // stream_header.source
};

class DhcpTransactions {
  public:
    static constexpr std::size_t kMost = 16384;

    DhcpTransactions() : flows_(kMost) {}

    // A message of the transaction is in this flow. The first two flows are remembered.
    void add(const DhcpTransaction& transaction, std::uint64_t flow_id)
    {
        Flows flows = {};
        if (const Flows* known = flows_.find(transaction))
            flows = *known;
        for (std::uint64_t& flow : flows) {
            if (flow == flow_id)
                break;
            if (flow)
                continue;
            flow = flow_id;
            break;
        }
        flows_.put(transaction, flows);
    }
    // The other flow of the transaction; 0: there is none.
    [[nodiscard]] std::uint64_t other(const DhcpTransaction& transaction, std::uint64_t flow_id)
    {
        const Flows* flows = flows_.find(transaction);
        if (!flows)
            return 0;
        return (*flows)[0] == flow_id ? (*flows)[1] : (*flows)[0];
    }

  private:
    using Flows = std::array<std::uint64_t, 2>;

    RecentMap<DhcpTransaction, Flows> flows_;
};

} // namespace flowxdp
