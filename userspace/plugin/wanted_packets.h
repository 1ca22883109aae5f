// SPDX-License-Identifier: BSD-2-Clause
// wanted_packets.h - gives packets and streams to the user halves that want them, and keeps their memories of live
// flows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "flowxdp/flow_config.h"
#include "flowxdp/record_stream.h"
#include "payload/stream_heads.h"
#include "plugin/plugin_instance.h"

namespace flowxdp {

class WantedPackets {
  public:
    WantedPackets() = default;
    // Asks the instances, which have their objects, for their needs and writes them into flow->needs and flow->flags.
    // Throws StartupError for a need that cannot be met.
    // most_bytes: of the memories of one plugin, and of all streams.
    WantedPackets(std::span<const std::unique_ptr<PluginInstance>> instances, std::uint64_t most_bytes,
                  flow_config* flow);
    WantedPackets(const WantedPackets&) = delete;
    WantedPackets& operator=(const WantedPackets&) = delete;

    // Gives a packet to the plugins that want it; the others do not see it.
    void take(const packet_record& packet);
    // The flow is over: plugins see what is left of its streams. Before its rows.
    void end_streams(const ended_record& ended);
    // What an instance kept of a flow; NULL: nothing.
    [[nodiscard]] static const void* memory_of(PluginInstance& instance, const ended_record& ended)
    {
        return instance.memory.find(FlowMemory::key(ended.header, ended.record.flow_id));
    }
    // The flow's rows are done: what plugins kept of it is forgotten.
    void forget(const ended_record& ended);

    // Flows of which a plugin's memory was dropped, or whose heads ended early, because too many were alive.
    [[nodiscard]] std::uint64_t memories_dropped() const;
    [[nodiscard]] std::uint64_t streams_dropped() const { return streams_.dropped(); }

  private:
    std::vector<PluginInstance*> takers_;  // that want packets
    std::vector<PluginInstance*> readers_; // that want streams, by their number in streams_
    std::uint32_t stream_needs_ = 0;
    flow_config slots_{};
    StreamHeads streams_;
};

} // namespace flowxdp
