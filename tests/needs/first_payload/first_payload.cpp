// SPDX-License-Identifier: BSD-2-Clause
// first_payload, user half: the first bytes of the first packets with payload of each direction.
#include "first_payload/first_payload.bpf.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "flowxdp/plugin.hpp"

namespace {

constexpr unsigned kPackets = 2, kBytes = 16;

struct FlowColumns : flowxdp::ColumnSet {
    Column<U8> packets{this, {.name = "payloadPkts", .help = "Packets whose first payload is in firstPayload"}};
    List<Word> payload{this, {.name = "firstPayload", .help = "First bytes of each, hexadecimal"}};
};
constexpr FlowColumns kColumns;
struct Options : flowxdp::OptionSet {
    Number<std::uint32_t> packets{this, "packets", "2", "packets of a direction that are wanted; 0 = none",
                                  0,    kPackets};
    Number<std::uint32_t> bytes{this, "bytes", "16", "payload bytes that are wanted", 0, PACKET_MAX_PAYLOAD};
    Number<std::uint32_t> port{this, "port", "0", "packets from or to this port alone; 0 = any", 0, 65535};
};
constexpr Options kOptions;
using Half =
    flowxdp::KernelHalfOf<first_payload_state, first_payload_config, flowxdp::None, first_payload_packet_state>;

// What is kept of a live flow.
struct Memory {
    struct Payload {
        std::uint8_t there, length;
        std::uint8_t bytes[kBytes];
    };
    Payload payload[2][kPackets];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr flowxdp::PluginDescription kDescription = {.number = 898,
                                                     .name = "first_payload",
                                                     .version = "0.1.0",
                                                     .help = "First payload bytes of each direction",
                                                     .kernel = Half::sizes,
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size};

class FirstPayload final : public flowxdp::Plugin {
  public:
    FirstPayload(flowxdp::OptionValues options, void* kernel_config, flowxdp::Host)
    {
        auto* config = static_cast<first_payload_config*>(kernel_config);
        config->packets = options[kOptions.packets];
        config->bytes = options[kOptions.bytes];
        config->port = options[kOptions.port];
    }

    void on_packet(const fx_packet& packet) override
    {
        const std::uint32_t number = Half::packet_state(packet)->number;
        if (number < 1 || number > kPackets)
            return;
        Memory::Payload& kept = FlowMemory::of(packet).payload[packet.record->direction & 1][number - 1];
        kept.there = 1;
        kept.length = static_cast<std::uint8_t>(std::min<unsigned>(packet.record->payload_captured, kBytes));
        std::memcpy(kept.bytes, packet.payload, kept.length);
        seen_++;
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        std::string texts[kPackets];
        std::string_view views[kPackets];
        unsigned n = 0;
        if (const Memory* memory = FlowMemory::of(flow))
            for (const Memory::Payload& kept : memory->payload[flow.direction]) {
                if (!kept.there)
                    continue;
                for (unsigned i = 0; i < kept.length; i++) {
                    static constexpr char kDigits[] = "0123456789abcdef";
                    texts[n] += kDigits[kept.bytes[i] >> 4];
                    texts[n] += kDigits[kept.bytes[i] & 15];
                }
                views[n] = texts[n];
                n++;
            }
        row.put(kColumns.packets, static_cast<std::uint8_t>(n));
        row.list(kColumns.payload, {views, n});
        return 0;
    }

    void report(flowxdp::ReportWriter& out) override
    {
        out.line("firstPayload: packets seen: " + std::to_string(seen_));
    }

  private:
    std::uint64_t seen_ = 0;
};

} // namespace

FLOWXDP_PLUGIN(FirstPayload, kDescription)
