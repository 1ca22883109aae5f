// SPDX-License-Identifier: BSD-2-Clause
// options_data.h - what the exporter says about itself: statistics, sampling, interface names.
//
// v9 scopes them to the system or the interface (RFC 3954 6.1). IPFIX sends them in Observation Domain 0, meant for
// what concerns no single domain (RFC 7011 3.1), with the domain they speak of as first scope: their records then have
// a sequence of their own. Collectors that leave options records out of their count (nfcapd does) report no gaps in the
// domain of the flows.
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

class OptionsData {
  public:
    // domain: the Observation Domain (v9: Source Id) of the flows.
    OptionsData(Protocol protocol, std::uint32_t domain);

    // Domain of the messages that carry options.
    [[nodiscard]] std::uint32_t message_domain() const;
    [[nodiscard]] const Template& statistics() const { return statistics_; }
    [[nodiscard]] const Template& sampling() const { return sampling_; }
    [[nodiscard]] const Template& interfaces() const { return interfaces_; }

    [[nodiscard]] std::vector<std::uint8_t> statistics_record(const ExportTotals& totals) const;
    // Every packet is seen: 1 taken, 0 left out.
    [[nodiscard]] std::vector<std::uint8_t> sampling_record() const;
    // Names longer than the field are cut.
    [[nodiscard]] std::vector<std::uint8_t> interface_record(std::uint32_t id, const std::string& name) const;

  private:
    Protocol protocol_;
    std::uint32_t domain_;
    Template statistics_, sampling_, interfaces_;
};

} // namespace flowxdp::ipfix
