// SPDX-License-Identifier: BSD-2-Clause
// plugin_instance.h - a plugin that runs, and where its states and cells are.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "flowxdp/plugin.h"
#include "plugin/flow_memory.h"

namespace flowxdp {

struct PluginInstance {
    PluginInstance() = default;
    PluginInstance(const PluginInstance&) = delete;
    PluginInstance& operator=(const PluginInstance&) = delete;
    ~PluginInstance()
    {
        if (object)
            plugin->destroy(object);
    }

    const fx_plugin* plugin = nullptr;
    void* object = nullptr;
    std::optional<std::uint32_t> half; // its kernel half in the bundle
    bool has_packet_state = false;
    std::vector<std::optional<std::uint32_t>> dependency_halves;
    std::vector<const void*> dependency_slots, dependency_colds; // of the record at hand
    // Cells in the flow and packet rows.
    std::vector<std::uint32_t> cells, packet_cells;
    std::uint32_t present = 0, packet_present = 0;
    // What it wants to see (wanted_packets.h).
    std::uint32_t wanted = 0;       // bits of packet_record.wanted
    std::uint32_t packet_needs = 0; // bits of packet_record.needs: packets
    std::uint32_t stream_needs = 0; // likewise: streams
    FlowMemory memory;              // what it keeps of live flows
};

} // namespace flowxdp
