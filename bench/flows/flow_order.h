// SPDX-License-Identifier: BSD-2-Clause
// flow_order.h - in which order packets of so many flows come: the same numbers on every machine.
#pragma once

#include <cstdint>
#include <span>

namespace flowxdp::bench {

// Each flow in turn. Memory is walked in the order in which the flows began: kind to caches, no traffic is like that.
void order_in_turn(std::uint32_t flows, std::span<std::uint32_t> to);
// Every flow as likely as any other, nothing known about the next one: the worst for caches.
void order_uniform(std::uint32_t flows, std::span<std::uint32_t> to);
// Zipf with exponent 1: the flow of rank k comes 1/k times as often as the first. Ranks are scattered over the flows.
void order_zipf(std::uint32_t flows, std::span<std::uint32_t> to);

} // namespace flowxdp::bench
