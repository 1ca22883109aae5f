// SPDX-License-Identifier: BSD-2-Clause
// proto_stats: packets and bytes by Ethertype, IP protocol and port in a summary file (T2 protoStats). It has only a
// user half. README.md has the file.
#include <string>

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "ip_protocol_names.h"
#include "port_classifier/service_names.h"
#include "protocol_table.h"

namespace {

constexpr const char* kServices = "/etc/services";
constexpr const char* kProtocols = "/etc/protocols";
struct Options : flowxdp::OptionSet {
    Text services{this, "services", "", "file of port names; /etc/services when it is not given"};
    Text protocols{this, "protocols", "", "file of IP protocol names; /etc/protocols when it is not given"};
};
constexpr Options kOptions;
constexpr flowxdp::PluginDescription kDescription = {.number = 102,
                                                     .name = "proto_stats",
                                                     .version = "0.1.0",
                                                     .help = "Summary file by Ethertype, IP protocol and port",
                                                     .options = kOptions.all()};

class ProtoStats final : public flowxdp::Plugin, private flowxdp::ProtocolNames {
  public:
    ProtoStats(flowxdp::OptionValues options, void*, flowxdp::Host host) : host_(host)
    {
        if (host.output_prefix().empty())
            return;
        path_ = host.output_prefix() + "_protocols.txt";
        const auto warn = [&host](const char* reason) {
            host.warn(fmt::format("proto_stats: {}; numbers have no names", reason));
        };
        flowxdp::load_names(options[kOptions.services], kServices, &services_, warn);
        flowxdp::load_names(options[kOptions.protocols], kProtocols, &protocols_, warn);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter&) override
    {
        table_.add(flow.record->ethertype, flow.ip_version, flow.ip_proto,
                   flow.direction == DIRECTION_B ? flow.src_port : flow.dst_port, flow.dir->packets, flow.dir->octets);
        return 0;
    }

    void summary() override
    {
        if (path_.empty())
            return;
        const std::string text = table_.text(*this);
        host_.write_summary(kDescription.name, path_, text);
    }

  private:
    [[nodiscard]] std::string_view ip_proto(std::uint8_t number) const override { return protocols_.find(number); }
    [[nodiscard]] std::string_view port(std::uint8_t ip_proto, std::uint16_t number) const override
    {
        return services_.find(ip_proto, number);
    }

    flowxdp::Host host_;
    std::string path_;
    flowxdp::ServiceNames services_;
    flowxdp::IpProtocolNames protocols_;
    flowxdp::ProtocolTable table_;
};

} // namespace

FLOWXDP_PLUGIN(ProtoStats, kDescription)
