// SPDX-License-Identifier: BSD-2-Clause
#include "ndpi/protocol_detector.h"

#include <array>
#include <new>
#include <stdexcept>

#include <fmt/format.h>
#include <ndpi_api.h>

namespace flowxdp {

void ProtocolDetector::FlowFree::operator()(ndpi_flow_struct* flow) const
{
    ndpi_free_flow(flow); // and what hangs on it
}

void ProtocolDetector::ModuleFree::operator()(ndpi_detection_module_struct* module) const
{
    ndpi_exit_detection_module(module);
}

ProtocolDetector::ProtocolDetector(bool guess) : guess_(guess)
{
    // The layout of the flow's struct is compiled in.
    if (ndpi_get_api_version() != NDPI_API_VERSION ||
        ndpi_detection_get_sizeof_ndpi_flow_struct() != sizeof(ndpi_flow_struct))
        throw std::runtime_error(fmt::format("plugin ndpi cannot use libndpi {}: its interface is {}, the plugin was "
                                             "built for {}; install the package of the plugin that matches it",
                                             ndpi_revision(), ndpi_get_api_version(), NDPI_API_VERSION));
    module_.reset(ndpi_init_detection_module(ndpi_no_prefs));
    if (!module_)
        throw std::runtime_error("plugin ndpi cannot start libndpi: it has no memory for its tables");
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(module_.get(), &all);
    ndpi_finalize_initialization(module_.get());
}

ProtocolDetector::Flow ProtocolDetector::new_flow()
{
    auto* flow = static_cast<ndpi_flow_struct*>(ndpi_flow_malloc(sizeof(ndpi_flow_struct)));
    if (!flow)
        throw std::bad_alloc();
    *flow = ndpi_flow_struct{};
    return Flow(flow);
}

bool ProtocolDetector::look_at(ndpi_flow_struct* flow, std::span<const std::uint8_t> packet, std::uint64_t time_ms)
{
    const ndpi_protocol found = ndpi_detection_process_packet(module_.get(), flow, packet.data(),
                                                              static_cast<unsigned short>(packet.size()), time_ms);
    return found.app_protocol != NDPI_PROTOCOL_UNKNOWN && !ndpi_extra_dissection_possible(module_.get(), flow);
}

Verdict ProtocolDetector::verdict(ndpi_flow_struct* flow)
{
    std::uint8_t was_guessed = 0;
    const ndpi_protocol found = ndpi_detection_giveup(module_.get(), flow, guess_ ? 1 : 0, &was_guessed);
    std::uint64_t risks = flow->risk;
    // The library leaves this check to its user.
    if (flow->http.url && *flow->http.url) {
        std::string url = flow->http.url;
        risks |= std::uint64_t{1} << ndpi_validate_url(url.data());
    }
    return {risks & ~std::uint64_t{1}, // 0 is no risk
            found.master_protocol,
            found.app_protocol,
            static_cast<std::uint16_t>(found.category),
            static_cast<std::uint8_t>(flow->confidence),
            0};
}

Verdict ProtocolDetector::guess_by_ports(std::uint8_t ip_proto, std::uint16_t src_port, std::uint16_t dst_port)
{
    if (!guess_)
        return {};
    const ndpi_protocol found =
        ndpi_guess_undetected_protocol(module_.get(), nullptr, ip_proto, 0, src_port, 0, dst_port);
    const bool is_known = found.app_protocol != NDPI_PROTOCOL_UNKNOWN;
    return {0,
            found.master_protocol,
            found.app_protocol,
            static_cast<std::uint16_t>(found.category),
            static_cast<std::uint8_t>(is_known ? NDPI_CONFIDENCE_MATCH_BY_PORT : NDPI_CONFIDENCE_UNKNOWN),
            0};
}

std::string ProtocolDetector::name(const Verdict& verdict) const
{
    std::array<char, 64> text = {};
    const ndpi_protocol protocol = {verdict.master, verdict.application, NDPI_PROTOCOL_CATEGORY_UNSPECIFIED};
    return ndpi_protocol2name(module_.get(), protocol, text.data(), text.size());
}

std::string_view ProtocolDetector::category_name(const Verdict& verdict) const
{
    const char* name = ndpi_category_get_name(module_.get(), static_cast<ndpi_protocol_category_t>(verdict.category));
    return name ? name : "";
}

std::string_view ProtocolDetector::confidence_name(const Verdict& verdict)
{
    const char* name = ndpi_confidence_get_name(static_cast<ndpi_confidence_t>(verdict.confidence));
    return name ? name : "";
}

std::uint16_t ProtocolDetector::risk_score(const Verdict& verdict)
{
    std::uint16_t client = 0, server = 0;
    return verdict.risks ? ndpi_risk2score(verdict.risks, &client, &server) : std::uint16_t{0};
}

unsigned ProtocolDetector::most_risk()
{
    return NDPI_MAX_RISK - 1;
}

bool ProtocolDetector::is_guess(const Verdict& verdict)
{
    return verdict.confidence == NDPI_CONFIDENCE_MATCH_BY_PORT || verdict.confidence == NDPI_CONFIDENCE_MATCH_BY_IP;
}

} // namespace flowxdp
