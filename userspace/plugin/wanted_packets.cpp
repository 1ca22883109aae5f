// SPDX-License-Identifier: BSD-2-Clause
#include "plugin/wanted_packets.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "core/result.h"
#include "flowxdp/flow_slots.h"
#include "flowxdp/packet.h"

namespace flowxdp {
namespace {

constexpr std::uint8_t kTcp = 6, kUdp = 17, kUdpLite = 136;

// Why a need cannot be met; empty: it can.
std::string need_problem(const fx_packet_need& n, const fx_plugin& plugin)
{
    const unsigned layer = n.first_layer ? n.first_layer : 7;
    if (layer != 3 && layer != 4 && layer != 7)
        return fmt::format("it begins at layer {}; 3, 4 and 7 are known", layer);
    if (n.payload_bytes > PACKET_MAX_PAYLOAD)
        return fmt::format("it wants {} bytes of payload, at most {} come", n.payload_bytes, PACKET_MAX_PAYLOAD);
    if (n.port_first > n.port_last)
        return fmt::format("its ports {} to {} are no range", n.port_first, n.port_last);
    // A leaving buffer becomes several frames with headers of their own: those are not there to be read. Layer 3 asks
    // for the packets of which they are.
    if (n.flags & FX_NEED_OPTIONS) {
        if (n.ip_proto != kTcp || layer != 4)
            return "TCP options need ip_proto 6 and first_layer 4";
    } else if (layer == 4 && !n.ethertype &&
               (!n.ip_proto || n.ip_proto == kTcp || n.ip_proto == kUdp || n.ip_proto == kUdpLite))
        return "headers of TCP and UDP are handed out with the IP header alone: first_layer 3";
    if (n.flags & FX_NEED_STREAM) {
        if (n.ip_proto != kTcp)
            return "a stream needs TCP: ip_proto 6";
        if (!n.payload_bytes)
            return "a stream needs bytes: payload_bytes is 0";
        if (!plugin.on_stream || !plugin.stream_bytes || plugin.stream_bytes > FX_STREAM_MAX_BYTES)
            return fmt::format("the plugin wants {} bytes of a stream; 1 to {} with on_stream() are possible",
                               plugin.stream_bytes, FX_STREAM_MAX_BYTES);
    } else if (!plugin.on_packet) {
        return "the plugin has no on_packet()";
    }
    return {};
}

packet_need core_need(const fx_packet_need& n)
{
    packet_need need{};
    need.port_first = n.port_first;
    need.port_last = n.port_last;
    need.ethertype = n.ethertype;
    need.first_packets = n.first_packets;
    need.payload_bytes = n.payload_bytes;
    need.ip_proto = n.ip_proto;
    need.first_layer = n.first_layer ? n.first_layer : 7;
    static_assert(int{FX_NEED_STREAM} == int{PACKET_NEED_STREAM} && int{FX_NEED_PAYLOAD} == int{PACKET_NEED_PAYLOAD} &&
                  int{FX_NEED_ALARMED} == int{PACKET_NEED_ALARMED} && int{FX_NEED_OPTIONS} == int{PACKET_NEED_OPTIONS});
    need.flags = n.flags;
    return need;
}

// Number of the entry that says the same; all.count when there is none. Several plugins want all packets, or the heads
// of all streams, and the table is small.
std::uint32_t entry_of(const packet_need& need, const packet_needs& all)
{
    std::uint32_t i = 0;
    while (i < all.count && std::memcmp(&all.need[i], &need, sizeof need) != 0)
        i++;
    return i;
}

// A memory that is all zero says nothing: many plugins look at a flow and find that it is none of theirs.
void give_back_if_zero(FlowMemory* memory, std::uint64_t flow, const std::uint8_t* block, std::uint32_t bytes)
{
    if (std::all_of(block, block + bytes, [](std::uint8_t b) { return b == 0; }))
        memory->forget(flow);
}

} // namespace

WantedPackets::WantedPackets(std::span<const std::unique_ptr<PluginInstance>> instances, std::uint64_t most_bytes,
                             flow_config* flow)
{
    packet_needs& all = flow->needs;
    all = {};
    std::uint32_t most_packets = 0;
    bool is_bounded = true;
    std::vector<std::uint32_t> limits;
    for (const auto& instance : instances) {
        const fx_plugin& plugin = *instance->plugin;
        const fx_packet_need* needs = nullptr;
        const std::size_t count = plugin.packet_needs ? plugin.packet_needs(instance->object, &needs) : 0;
        for (const fx_packet_need& n : std::span(needs, count)) {
            if (const std::string problem = need_problem(n, plugin); !problem.empty())
                throw StartupError(
                    fmt::format("plugin '{}' wants packets that it cannot have: {}", plugin.name, problem));
            const packet_need need = core_need(n);
            const std::uint32_t entry = entry_of(need, all);
            if (entry == PACKET_NEEDS_MAX)
                throw StartupError(fmt::format("the enabled plugins have more than {} wishes for packets: remove some",
                                               PACKET_NEEDS_MAX));
            if (entry == all.count)
                all.need[all.count++] = need;
            (n.flags & FX_NEED_STREAM ? instance->stream_needs : instance->packet_needs) |= 1u << entry;
            is_bounded = is_bounded && n.first_packets;
            most_packets = std::max<std::uint32_t>(most_packets, n.first_packets);
        }
        if (!instance->wanted && !count)
            continue;
        flow->flags |= FLOW_CONFIG_PACKET_NEEDS;
        instance->memory = FlowMemory::within(most_bytes, plugin.flow_memory_size);
        if (instance->wanted || instance->packet_needs)
            takers_.push_back(instance.get());
        if (instance->stream_needs) {
            stream_needs_ |= instance->stream_needs;
            readers_.push_back(instance.get());
            limits.push_back(plugin.stream_bytes);
        }
    }
    all.first_packets = is_bounded ? most_packets : 0;
    slots_ = *flow;
    streams_ =
        StreamHeads(most_bytes, std::move(limits), [this](unsigned reader, std::uint64_t key, fx_stream* stream) {
            PluginInstance& instance = *readers_[reader];
            const std::uint32_t bytes = instance.plugin->flow_memory_size;
            std::uint8_t* block = bytes ? instance.memory.of(key) : nullptr;
            stream->memory = block;
            const bool wants_more = instance.plugin->on_stream(instance.object, stream) != 0;
            if (bytes)
                give_back_if_zero(&instance.memory, key, block, bytes);
            return wants_more;
        });
}

void WantedPackets::take(const packet_record& packet)
{
    const std::uint64_t key = FlowMemory::key(packet.header, packet.flow_id);
    fx_packet view = {&packet, nullptr, packet_payload(&packet, &slots_), nullptr, packet_headers(&packet, &slots_)};
    for (PluginInstance* instance : takers_) {
        if (!(packet.wanted & instance->wanted) && !(packet.needs & instance->packet_needs))
            continue;
        const std::uint32_t bytes = instance->plugin->flow_memory_size;
        std::uint8_t* block = bytes ? instance->memory.of(key) : nullptr;
        view.state = instance->has_packet_state ? packet_state_slot_const(&packet, &slots_, *instance->half) : nullptr;
        view.memory = block;
        instance->plugin->on_packet(instance->object, &view);
        if (bytes)
            give_back_if_zero(&instance->memory, key, block, bytes);
    }
    if (!(packet.needs & stream_needs_) || !(packet.flags & PACKET_HAS_TCP))
        return;
    std::uint32_t readers = 0;
    for (std::size_t i = 0; i < readers_.size(); i++)
        if (packet.needs & readers_[i]->stream_needs)
            readers |= 1u << i;
    const StreamSegment segment = {packet.tcp_seq,
                                   (packet.tcp_flags & TCP_SYN) != 0,
                                   (packet.tcp_flags & TCP_RST) != 0,
                                   {view.payload, packet.payload_captured},
                                   packet.payload_len};
    streams_.add(key, packet.direction, readers, segment, &packet, packet.ts_ns + packet.wall_offset_ns);
}

void WantedPackets::end_streams(const ended_record& ended)
{
    if (!readers_.empty())
        streams_.finish(FlowMemory::key(ended.header, ended.record.flow_id));
}

void WantedPackets::forget(const ended_record& ended)
{
    const std::uint64_t key = FlowMemory::key(ended.header, ended.record.flow_id);
    for (PluginInstance* instance : takers_)
        instance->memory.forget(key);
    for (PluginInstance* instance : readers_)
        instance->memory.forget(key);
}

std::uint64_t WantedPackets::memories_dropped() const
{
    std::uint64_t dropped = 0;
    for (const PluginInstance* instance : takers_)
        dropped += instance->memory.dropped();
    for (const PluginInstance* instance : readers_)
        if (!instance->wanted && !instance->packet_needs) // counted above
            dropped += instance->memory.dropped();
    return dropped;
}

} // namespace flowxdp
