// SPDX-License-Identifier: BSD-2-Clause
// port_classifier: what the destination port is registered for (T2 portClassifier). It has only a user half.
#include <string>

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "service_names.h"

namespace {

constexpr const char* kDefaultFile = "/etc/services";

struct FlowColumns : flowxdp::ColumnSet {
    Column<U16> number{this, {.name = "dstPortClassN", .help = "Destination port of the flow's A direction"}};
    Column<Word> name{
        this,
        {.name = "dstPortClass", .help = "Registered name of this port and transport protocol; unknown without one"}};
};
constexpr FlowColumns kColumns;
struct PacketColumns : flowxdp::ColumnSet {
    Column<U16> number{this, {.name = "dstPortClassN", .help = "Destination port of the flow's A direction"}};
    Column<Word> name{
        this,
        {.name = "dstPortClass", .help = "Registered name of this port and transport protocol; unknown without one"}};
};
constexpr PacketColumns kPacketColumns;
struct Options : flowxdp::OptionSet {
    Text file{this, "file", "",
              "file of port names: services(5) or T2's portmap.txt; /etc/services when it is not given"};
};
constexpr Options kOptions;
constexpr flowxdp::PluginDescription kDescription = {.number = 111,
                                                     .name = "port_classifier",
                                                     .version = "0.1.0",
                                                     .help = "Names of destination ports",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .packet_columns = kPacketColumns.all()};

class PortClassifier final : public flowxdp::Plugin {
  public:
    PortClassifier(flowxdp::OptionValues options, void*, flowxdp::Host host)
    {
        const std::string_view path = options[kOptions.file];
        const bool is_loaded = flowxdp::load_names(path, kDefaultFile, &names_, [&host](const char* reason) {
            host.warn(fmt::format("port_classifier: {}; all ports are unknown", reason));
        });
        if (is_loaded && names_.empty())
            host.warn(fmt::format("port_classifier: no port found in '{}'", path.empty() ? kDefaultFile : path));
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const std::uint16_t port = port_of_a(flow.ip_version, flow.direction, flow.src_port, flow.dst_port);
        row.put(kColumns.number, port);
        row.text(kColumns.name, name_of(flow.ip_version, flow.ip_proto, port));
        return 0;
    }

    void on_packet_row(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const packet_record& r = *packet.record;
        const std::uint16_t port = port_of_a(r.ip_version, r.direction, r.src_port, r.dst_port);
        row.put(kPacketColumns.number, port);
        row.text(kPacketColumns.name, name_of(r.ip_version, r.ip_proto, port));
    }

  private:
    // L2 flows have no ports.
    static std::uint16_t port_of_a(std::uint8_t ip_version, std::uint32_t direction, std::uint16_t src_port,
                                   std::uint16_t dst_port)
    {
        if (!ip_version)
            return 0;
        return direction == DIRECTION_B ? src_port : dst_port;
    }
    [[nodiscard]] std::string_view name_of(std::uint8_t ip_version, std::uint8_t ip_proto, std::uint16_t port) const
    {
        const std::string_view name = ip_version ? names_.find(ip_proto, port) : std::string_view();
        return name.empty() ? "unknown" : name;
    }

    flowxdp::ServiceNames names_;
};

} // namespace

FLOWXDP_PLUGIN(PortClassifier, kDescription)
