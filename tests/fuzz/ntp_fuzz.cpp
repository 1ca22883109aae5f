// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as two NTP messages of one direction: the first half, then the rest.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "ntp_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace flowxdp::ntp;
    Direction direction{};
    const std::vector<std::uint8_t> first(data, data + size / 2), second(data + size / 2, data + size);
    direction.add(first, true);
    direction.add(second, false);
    const bool holds = direction.messages <= 2 && direction.delay_min <= direction.delay_max &&
                       direction.dispersion_min <= direction.dispersion_max &&
                       (direction.messages > 0) == ((direction.status & kStatNtp) != 0) &&
                       unix_ns(direction.transmit) / 1'000'000'000 >= -2'208'988'800 / 2;
    if (!holds) {
        std::fprintf(stderr, "ntp_fuzz: messages, extremes or times do not hold\n");
        std::abort();
    }
    return 0;
}
