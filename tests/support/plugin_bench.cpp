// SPDX-License-Identifier: BSD-2-Clause
#include "support/plugin_bench.h"

#include <stdexcept>

#include "flowxdp/flow_need.h"
#include "flowxdp/flow_update.h"

namespace flowxdp::test {

namespace {

const plugin_options* block(std::span<const std::uint8_t> options)
{
    EXPECT_EQ(options.size(), sizeof(plugin_options));
    return reinterpret_cast<const plugin_options*>(options.data());
}

} // namespace

unsigned bench_update(flow_record* record, const packet& p, unsigned direction, const flow_config& config,
                      std::span<const std::uint8_t> options, packet_step* step)
{
    return flow_update(record, &p, direction, &config, block(options), step); // lo_direction is 0: reverse is direction
}

void bench_packet_record(packet_record* out, const flow_record& record, const packet& p, const packet_step& step,
                         const flow_config& config, std::span<const std::uint8_t> options)
{
    packet_record_fill(out, &record, &p, &step, &config, block(options));
}

unsigned bench_wanted(const flow_record& record, const packet& p, const flow_config& config,
                      std::span<const std::uint8_t> options, packet_step* step)
{
    const flow_dir& d = record.dir[step->direction & 1];
    packet_needs_of(d.packets, d.status, &p, step, &config);
    return packet_wanted(&record, &p, step, &config, block(options));
}

unsigned half_index(std::string_view plugin)
{
    const bundle_descriptor& bundle = *flowxdp_bundle();
    for (unsigned i = 0; i < bundle.half_count; i++)
        if (plugin == bundle.halves[i].name)
            return i;
    throw std::out_of_range("no kernel half " + std::string(plugin));
}

} // namespace flowxdp::test
