// SPDX-License-Identifier: BSD-2-Clause
#include "flows/flow_order.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "random.h"

namespace flowxdp::bench {

void order_in_turn(std::uint32_t flows, std::span<std::uint32_t> to)
{
    for (std::size_t i = 0; i < to.size(); i++)
        to[i] = static_cast<std::uint32_t>(i % flows);
}

void order_uniform(std::uint32_t flows, std::span<std::uint32_t> to)
{
    Random random(3);
    for (std::uint32_t& flow : to)
        flow = static_cast<std::uint32_t>(random.below(flows));
}

void order_zipf(std::uint32_t flows, std::span<std::uint32_t> to)
{
    Random random(4);
    std::vector<std::uint32_t> flow_of_rank(flows);
    std::iota(flow_of_rank.begin(), flow_of_rank.end(), 0u);
    for (std::uint32_t i = flows - 1; i > 0; i--)
        std::swap(flow_of_rank[i], flow_of_rank[random.below(i + 1)]);
    std::vector<double> shares_up_to(flows);
    double sum = 0;
    for (std::uint32_t rank = 0; rank < flows; rank++)
        shares_up_to[rank] = sum += 1.0 / (rank + 1);
    for (std::uint32_t& flow : to) {
        const auto rank = std::ranges::upper_bound(shares_up_to, random.fraction() * sum) - shares_up_to.begin();
        flow = flow_of_rank[std::min<std::size_t>(static_cast<std::size_t>(rank), flows - 1)];
    }
}

} // namespace flowxdp::bench
