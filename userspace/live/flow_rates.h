// SPDX-License-Identifier: BSD-2-Clause
// flow_rates.h - the live flows of pinned sensors, with their rates between two looks; for `flowxdp top`.
//
// Octets as in flow records: IP octets that the headers claim; bytes on the wire for flows without IP.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "live/pinned_sensor.h"

namespace flowxdp {

// Counts, and rates per second since the previous sample.
struct TrafficRate {
    std::uint64_t packets = 0, octets = 0;
    double packets_per_s = 0, bits_per_s = 0;
};

struct FlowRate : TrafficRate { // both directions
    std::string interface;
    std::uint64_t flow_id = 0;
    std::string source, destination; // of direction A: "192.0.2.1:53", "[2001:db8::1]:53", MACs
    std::string protocol;            // tcp, udp, icmp, a number, 0x0806
    double duration_s = 0, idle_s = 0;
};

struct TalkerRate : TrafficRate { // sent by one address
    std::string address;
    std::uint64_t flows = 0; // in which it sends
};

struct RateSample {
    double interval_s = 0; // 0: the first sample, without rates
    TrafficRate all;       // everything that the sensors count, wire octets
    std::uint64_t flows_alive = 0, capacity = 0;
    std::vector<FlowRate> flows;
    std::vector<TalkerRate> talkers;
    std::vector<std::string> unreadable; // sensors that could not be read, and why
};

class FlowRates {
  public:
    // Reads every record of the sensors' tables and compares with the previous sample. now_ns: boot clock.
    RateSample sample(const std::vector<PinnedSensor>& sensors, std::int64_t now_ns);
    // The same by views that were opened before. key: the same for a sensor each time.
    struct Seen {
        std::string interface, key;
        const SensorView& view;
    };
    RateSample sample(const std::vector<Seen>& sensors, std::int64_t now_ns);

  private:
    struct Before {
        std::uint64_t packets[2], octets[2];
    };
    using Table = std::unordered_map<std::uint64_t, Before>; // by flowInd
    RateSample begin(std::int64_t now_ns);
    void add_sensor(const Seen& sensor, std::int64_t now_ns, RateSample* sample, Table* table);

    std::unordered_map<std::string, Table> before_;           // by pin folder
    std::unordered_map<std::string, TrafficRate> all_before_; // likewise
    std::map<std::string, std::size_t> talker_index_;         // into the current sample; addresses can share a hash
    std::int64_t before_ns_ = 0;
};

} // namespace flowxdp
