// SPDX-License-Identifier: BSD-2-Clause
#include "loaded_sensor.h"

#include <algorithm>
#include <span>
#include <sstream>
#include <utility>

#include "core/result.h"

namespace flowxdp::bench {

LoadedSensor::LoadedSensor(const std::string& plugins, std::uint32_t max_flows)
    : bundle_(load_bundle(library_folder(""))), libraries_(load_plugin_libraries(library_folder("") + "/plugins"))
{
    PluginChoice choice;
    choice.replace_default = true;
    std::istringstream words(plugins);
    for (std::string word; std::getline(words, word, ',');) {
        if (word == "default")
            choice.replace_default = false;
        else
            choice.add.push_back(parse_plugin_spec(word).take());
    }
    SensorObjectOptions options;
    host_ = std::make_unique<PluginHost>(libraries_, choice, *bundle_.descriptor, false, PluginHost::Services{},
                                         &options.flow);
    options.path = bundle_.bpf_object;
    options.layout_id = bundle_.descriptor->layout_id;
    options.plugin_options.assign(host_->plugin_options().begin(), host_->plugin_options().end());
    options.flow.idle_timeout_ms = 182'000;
    options.flow.fragment_seed = 1;
    flow_hash_secret_from(&options.flow.table_secret, 1);
    options.flow.tunnels = tunnel_config_default();
    options.max_flows = max_flows;
    object_ = std::make_unique<SensorObject>(options);
    evictor_ = std::make_unique<Evictor>(*object_);
}

std::uint64_t LoadedSensor::started() const
{
    engine_counts counts{};
    object_->read_counts(&counts);
    return counts.counter[COUNTER_FLOWS_STARTED];
}

std::uint64_t LoadedSensor::memory_bytes() const
{
    std::uint64_t bytes = 0;
    for (const char* map : kSensorMaps)
        bytes += map_memory_bytes(object_->map_fd(map));
    return bytes;
}

void LoadedSensor::evict_all(Random* order)
{
    Evictor::Scan scan = evictor_->scan(EVICT_ALL, 0);
    if (order)
        for (std::size_t i = scan.chosen.size(); i > 1; i--)
            std::swap(scan.chosen[i - 1], scan.chosen[order->below(i)]);
    for (std::span rest(scan.chosen); !rest.empty();
         rest = rest.subspan(std::min<std::size_t>(rest.size(), EVICT_SLOTS)))
        evictor_->evict(rest, EVICT_ALL, 0, [](const ended_record&) {});
    started_before_ = started();
}

} // namespace flowxdp::bench
