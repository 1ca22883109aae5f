// SPDX-License-Identifier: BSD-2-Clause
// order_turn.h - when the order of rows begins anew although the clock stands still.
//
// Flows that end at one time of the clock are ordered by flowInd, so all of them wait until the clock moves. It may
// never move: a capture whose packets have the same time, with a full table or forced ends. After ORDER_TURN_FLOWS ends
// at one time both engines end the flows that are due and begin a new era. Only ends at a packet count, because the
// moment at which an engine finds a silent flow does not depend on the input alone.
#pragma once

#include <cstdint>

#include "flowxdp/record_stream.h"

namespace flowxdp {

class OrderTurn {
  public:
    void ended(std::uint32_t reason, std::int64_t end_clock_ns)
    {
        if (reason == FLOW_END_IDLE || reason == FLOW_END_FORCED)
            return;
        if (end_clock_ns != clock_ns_) {
            clock_ns_ = end_clock_ns;
            ends_ = 0;
        }
        ends_++;
    }
    // Asked after each packet.
    [[nodiscard]] bool over() const { return ends_ >= ORDER_TURN_FLOWS; }
    void begin() { ends_ = 0; }

  private:
    std::int64_t clock_ns_ = 0;
    std::uint32_t ends_ = 0;
};

} // namespace flowxdp
