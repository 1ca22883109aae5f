// SPDX-License-Identifier: BSD-2-Clause
// protocol_detector.h - libndpi: what a flow's first packets are. Nothing else includes its headers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ndpi_detection_module_struct;
struct ndpi_flow_struct;

namespace flowxdp {

// What nDPI says of a flow. Plain bytes, zero: it says nothing.
struct Verdict {
    std::uint64_t risks;               // bit n: risk n of nDPI
    std::uint16_t master, application; // nDPI's numbers; master 0: the application's protocol is its own
    std::uint16_t category;
    std::uint8_t confidence;
    std::uint8_t pad;

    [[nodiscard]] bool is_known() const { return master || application; }
};

class ProtocolDetector {
  public:
    struct FlowFree {
        void operator()(ndpi_flow_struct* flow) const;
    };
    using Flow = std::unique_ptr<ndpi_flow_struct, FlowFree>;

    // guess: a protocol that was not found is guessed by ports and addresses. Throws std::runtime_error.
    explicit ProtocolDetector(bool guess);

    static Flow new_flow();
    // The flow's next packet, from its IP header on; the time is ms since the epoch. Returns whether nDPI has seen
    // enough of the flow.
    bool look_at(ndpi_flow_struct* flow, std::span<const std::uint8_t> packet, std::uint64_t time_ms);
    // There are no more packets of the flow, or no more are looked at.
    Verdict verdict(ndpi_flow_struct* flow);
    // Of a flow of which no packet was looked at: by protocol and ports.
    Verdict guess_by_ports(std::uint8_t ip_proto, std::uint16_t src_port, std::uint16_t dst_port);

    // "TLS.Google", "DNS", "Unknown".
    [[nodiscard]] std::string name(const Verdict& verdict) const;
    [[nodiscard]] std::string_view category_name(const Verdict& verdict) const;
    [[nodiscard]] static std::string_view confidence_name(const Verdict& verdict);
    // The sum of the scores of the risks.
    [[nodiscard]] static std::uint16_t risk_score(const Verdict& verdict);
    // Risks that the library knows, from 1 to this.
    [[nodiscard]] static unsigned most_risk();
    // nDPI guesses by these two, and did not look at payload for them.
    [[nodiscard]] static bool is_guess(const Verdict& verdict);

  private:
    struct ModuleFree {
        void operator()(ndpi_detection_module_struct* module) const;
    };

    std::unique_ptr<ndpi_detection_module_struct, ModuleFree> module_;
    bool guess_;
};

} // namespace flowxdp
