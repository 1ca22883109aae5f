// SPDX-License-Identifier: BSD-2-Clause
// community_id: the Community ID of a flow, by which rows of other sensors are found. It has only a user half.
// README.md has the rules.
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "community_id_hash.h"
#include "flowxdp/plugin.hpp"

namespace {

using flowxdp::CommunityIdHash;

struct FlowColumns : flowxdp::ColumnSet {
    Optional<String> id{this, {.name = "communityID", .help = "Community ID, version 1"}};
};
constexpr FlowColumns kColumns;
struct Options : flowxdp::OptionSet {
    Number<std::uint16_t> seed{this, "seed", "0", "seed of the hash: the same in all sensors that are compared",
                               0,    65535};
};
constexpr Options kOptions;

// Type and code of the first ICMP message of each direction.
struct Memory {
    struct Direction {
        std::uint8_t known, type, code, pad;
    } dir[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;
constexpr std::array<fx_packet_need, 2> kNeeds = {
    {{.ip_proto = CommunityIdHash::kIcmp, .first_layer = 4, .first_packets = 1},
     {.ip_proto = CommunityIdHash::kIcmpV6, .first_layer = 4, .first_packets = 1}}};

constexpr flowxdp::PluginDescription kDescription = {.number = 113,
                                                     .name = "community_id",
                                                     .version = "0.1.0",
                                                     .help = "Community ID of flows",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size};

class CommunityId final : public flowxdp::Plugin {
  public:
    CommunityId(flowxdp::OptionValues options, void*, flowxdp::Host) : hash_(options[kOptions.seed]) {}

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return kNeeds; }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& r = *packet.record;
        // The header may begin at L3, because of another plugin's need.
        const std::uint32_t end = r.cap_len < r.payload_offset ? r.cap_len : r.payload_offset;
        const std::uint32_t header = end > r.l4_offset ? end - r.l4_offset : 0;
        if ((r.flags & PACKET_LATER_FRAGMENT) || r.direction_packet_no != 1 || header < 2 || header > r.header_captured)
            return;
        const std::uint8_t* message = packet.header + (r.header_captured - header);
        FlowMemory::of(packet).dir[r.direction & 1] = {1, message[0], message[1], 0};
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const std::string id = id_of(flow);
        if (id.empty())
            row.leave_empty(kColumns.id);
        else
            row.text(kColumns.id, id);
        return 0;
    }

  private:
    // Empty: the flow has none, or what it is made of was not captured.
    [[nodiscard]] std::string id_of(const fx_flow& flow) const
    {
        if (!flow.ip_version)
            return {};
        flowxdp::CommunityTuple tuple = {flow.src_address, flow.dst_address, flow.src_port,
                                         flow.dst_port,    flow.ip_version,  flow.ip_proto};
        if (flow.ip_proto == CommunityIdHash::kIcmp || flow.ip_proto == CommunityIdHash::kIcmpV6) {
            const Memory* memory = FlowMemory::of(flow);
            if (!memory)
                return {};
            // The flow's first message decides; it was lost when only the other direction's is there.
            unsigned direction = flow.record->dir[1].flags & FLOW_DIR_FIRST ? 1 : 0;
            if (!memory->dir[direction].known)
                direction ^= 1;
            const Memory::Direction& first = memory->dir[direction];
            if (!first.known)
                return {};
            if (direction != flow.direction)
                std::swap(tuple.src_address, tuple.dst_address);
            tuple.src_port = first.type;
            tuple.dst_port = first.code;
        } else if (CommunityIdHash::has_ports(flow.ip_proto) && !flow.src_port && !flow.dst_port) {
            return {}; // only later fragments, or the header was cut
        }
        return hash_.id(tuple);
    }

    CommunityIdHash hash_;
};

} // namespace

FLOWXDP_PLUGIN(CommunityId, kDescription)
