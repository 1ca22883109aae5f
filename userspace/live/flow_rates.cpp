// SPDX-License-Identifier: BSD-2-Clause
#include "live/flow_rates.h"

#include <netinet/in.h>

#include <algorithm>

#include <fmt/format.h>

#include "flowxdp/flow_end.h"
#include "kernel/record_check.h"
#include "kernel/table_reader.h"
#include "row/cell_text.h"

namespace flowxdp {
namespace {

std::string address_text(const flow_key& key, bool lo)
{
    std::string text;
    const __u64* address = lo ? key.lo_addr : key.hi_addr;
    if (key.kind == FLOW_KIND_L2)
        for (int i = 5; i >= 0; i--)
            text += fmt::format("{:02x}{}", address[0] >> (8 * i) & 0xff, i ? ":" : "");
    else
        append_ip(reinterpret_cast<const std::uint8_t*>(address), key.kind, &text);
    return text;
}

std::string endpoint_text(const flow_key& key, bool lo)
{
    std::string address = address_text(key, lo);
    const unsigned port = lo ? key.lo_port : key.hi_port;
    if (key.kind == FLOW_KIND_L2 || (!key.lo_port && !key.hi_port))
        return address;
    return key.kind == FLOW_KIND_IPV6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

std::string protocol_text(const flow_key& key)
{
    if (key.kind == FLOW_KIND_L2)
        return fmt::format("0x{:04x}", key.lo_port); // both ports hold the Ethertype
    switch (key.proto) {
    case IPPROTO_TCP:
        return "tcp";
    case IPPROTO_UDP:
        return "udp";
    case IPPROTO_ICMP:
        return "icmp";
    case IPPROTO_ICMPV6:
        return "icmp6";
    case IPPROTO_SCTP:
        return "sctp";
    default:
        return fmt::format("ip{}", key.proto);
    }
}

// A torn copy may hold less than the previous one: the rate is 0 then.
double per_second(std::uint64_t now, std::uint64_t before, double interval_s)
{
    return interval_s > 0 && now > before ? static_cast<double>(now - before) / interval_s : 0;
}

} // namespace

void FlowRates::add_sensor(const Seen& sensor, std::int64_t now_ns, RateSample* sample, Table* table)
{
    const SensorView& view = sensor.view;
    const engine_counts counts = view.counts();
    const bool known = before_.contains(sensor.key);
    const Table& before = before_[sensor.key];
    TrafficRate& all = all_before_[sensor.key];
    const double interval_s = known ? sample->interval_s : 0;
    const std::uint64_t seen = counts.counter[COUNTER_PACKETS_SEEN], octets = counts.totals.wire_bytes;
    sample->all.packets += seen;
    sample->all.octets += octets;
    sample->all.packets_per_s += per_second(seen, all.packets, interval_s);
    sample->all.bits_per_s += 8 * per_second(octets, all.octets, interval_s);
    all.packets = seen;
    all.octets = octets;
    sample->capacity += view.capacity();
    view.table().each([&](const flow_record& r) {
        if (!holds_flow(r) || !is_whole(r, false))
            return;
        const flow_key& key = r.key;
        Before now{};
        static constexpr Before kNew{};
        const auto found = before.find(r.flow_id);
        const Before& then = found == before.end() ? kNew : found->second;
        FlowRate flow;
        for (unsigned d = 0; d < 2; d++) {
            now.packets[d] = r.dir[d].packets;
            now.octets[d] = r.dir[d].octets;
            if (!now.packets[d])
                continue;
            TalkerRate one;
            one.packets = now.packets[d];
            one.octets = now.octets[d];
            one.packets_per_s = per_second(now.packets[d], then.packets[d], interval_s);
            one.bits_per_s = 8 * per_second(now.octets[d], then.octets[d], interval_s);
            flow.packets += one.packets;
            flow.octets += one.octets;
            flow.packets_per_s += one.packets_per_s;
            flow.bits_per_s += one.bits_per_s;
            one.address = address_text(key, r.lo_direction == d);
            const auto [at, fresh] = talker_index_.try_emplace(one.address, sample->talkers.size());
            if (fresh)
                sample->talkers.push_back({{}, one.address, 0});
            TalkerRate& talker = sample->talkers[at->second];
            talker.packets += one.packets;
            talker.octets += one.octets;
            talker.packets_per_s += one.packets_per_s;
            talker.bits_per_s += one.bits_per_s;
            talker.flows++;
        }
        table->emplace(r.flow_id, now);
        const bool lo_is_a = r.lo_direction == DIRECTION_A;
        const std::int64_t last_ns = flow_last_clock_ns(&r);
        flow.interface = sensor.interface;
        flow.flow_id = r.flow_id;
        flow.source = endpoint_text(key, lo_is_a);
        flow.destination = endpoint_text(key, !lo_is_a);
        flow.protocol = protocol_text(key);
        flow.duration_s = static_cast<double>(std::max<std::int64_t>(0, last_ns - r.first_clock_ns)) / 1e9;
        flow.idle_s = static_cast<double>(std::max<std::int64_t>(0, now_ns - last_ns)) / 1e9;
        sample->flows.push_back(std::move(flow));
    });
}

RateSample FlowRates::begin(std::int64_t now_ns)
{
    RateSample sample;
    sample.interval_s = before_ns_ ? static_cast<double>(now_ns - before_ns_) / 1e9 : 0;
    before_ns_ = now_ns;
    talker_index_.clear();
    return sample;
}

RateSample FlowRates::sample(const std::vector<Seen>& sensors, std::int64_t now_ns)
{
    RateSample sample = begin(now_ns);
    std::unordered_map<std::string, Table> tables;
    for (const Seen& sensor : sensors)
        add_sensor(sensor, now_ns, &sample, &tables[sensor.key]);
    sample.flows_alive = sample.flows.size();
    before_ = std::move(tables);
    return sample;
}

RateSample FlowRates::sample(const std::vector<PinnedSensor>& sensors, std::int64_t now_ns)
{
    RateSample sample = begin(now_ns);
    std::unordered_map<std::string, Table> tables;
    for (const PinnedSensor& sensor : sensors) {
        try {
            add_sensor({sensor.interface, sensor.folder, SensorView(sensor)}, now_ns, &sample, &tables[sensor.folder]);
        } catch (const StartupError& error) {
            // The sensor may just have stopped, or be another version's: list it as unreadable and go on.
            sample.unreadable.push_back(fmt::format("{}: {}", sensor.interface, error.what()));
        }
    }
    sample.flows_alive = sample.flows.size();
    before_ = std::move(tables);
    return sample;
}

} // namespace flowxdp
