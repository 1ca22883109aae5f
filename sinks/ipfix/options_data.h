// SPDX-License-Identifier: BSD-2-Clause
// options_data.h - what the exporter says about itself: statistics, sampling, interface names.
//
// v9: their scope is the system or the interface (RFC 3954 6.1). IPFIX: they are sent in Observation Domain 0, which is
// for information about no single domain (RFC 7011 3.1), with the flows' domain as first scope, so their records have a
// sequence of their own. When a session begins, the sampling record is also sent in the flows' domain, because akvorado
// and goflow2 look up a flow's rate by the domain of its message. It is not repeated there with the templates: nfcapd
// does not count options records and would report a gap after each one that follows flows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "template.h"

namespace flowxdp::ipfix {

// Totals since the exporter started.
struct ExportTotals {
    std::uint64_t messages = 0;       // 41
    std::uint64_t octets = 0;         // 40: of messages, transport headers excluded
    std::uint64_t flow_records = 0;   // 42
    std::uint64_t not_sent_flows = 0; // 166: records given up
};

// The sensor that numbered the flows: together with it flow ids are unique. boot 0: a replay.
struct SensorOrigin {
    std::uint64_t boot = 0;
    std::int64_t attached_ns = 0; // since the epoch
};

class OptionsData {
  public:
    // domain: the Observation Domain (v9: Source Id) of the flows.
    OptionsData(Protocol protocol, std::uint32_t domain, std::uint32_t pen);

    // Domain of the messages that carry options.
    [[nodiscard]] std::uint32_t message_domain() const;
    [[nodiscard]] const Template& statistics() const { return statistics_; }
    [[nodiscard]] const Template& sampling() const { return sampling_; }
    [[nodiscard]] const Template& interfaces() const { return interfaces_; }
    [[nodiscard]] const Template& sensor() const { return sensor_; }

    [[nodiscard]] std::vector<std::uint8_t> statistics_record(const ExportTotals& totals) const;
    // Sampling: every packet is taken (1 taken, 0 skipped).
    [[nodiscard]] std::vector<std::uint8_t> sampling_record() const;
    // v9 has no field for the boot: only the time is sent.
    [[nodiscard]] std::vector<std::uint8_t> sensor_record(const SensorOrigin& origin) const;
    // Names longer than the field are cut.
    [[nodiscard]] std::vector<std::uint8_t> interface_record(std::uint32_t id, const std::string& name) const;
    [[nodiscard]] bool cuts_name(const std::string& name) const;

  private:
    Protocol protocol_;
    std::uint32_t domain_;
    Template statistics_, sampling_, interfaces_, sensor_;
};

} // namespace flowxdp::ipfix
