// SPDX-License-Identifier: BSD-2-Clause
#include "bpf/sensor_bench.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <span>

namespace flowxdp::test {

std::string library_folder()
{
    const char* build = std::getenv("FLOWXDP_BUILD_DIR"); // NOLINT(concurrency-mt-unsafe): before any thread
    return build ? std::string(build) + "/lib/flowxdp" : flowxdp::library_folder("");
}

std::uint64_t verified_instructions(const std::string& log)
{
    const std::size_t at = log.rfind("processed ");
    return at == std::string::npos ? 0 : std::strtoull(log.c_str() + at + std::strlen("processed "), nullptr, 10);
}

std::string stack_depth(const std::string& log)
{
    const std::size_t at = log.rfind("stack depth ");
    if (at == std::string::npos)
        return "unknown";
    const std::size_t from = at + std::strlen("stack depth ");
    return log.substr(from, log.find('\n', from) - from);
}

int run_frame(int program_fd, const std::uint8_t* frame, std::uint32_t bytes, const frame_meta& meta)
{
    std::vector<std::uint8_t> input(sizeof(frame_meta) + FRAME_MAX_VISIBLE);
    const std::uint32_t length = bytes < 14 ? 14 : bytes; // test-run refuses shorter ones
    std::memcpy(input.data(), &meta, sizeof meta);
    std::memcpy(input.data() + sizeof meta, frame, bytes);
    xdp_md context{};
    context.data = sizeof meta;
    context.data_end = sizeof meta + length;
    bpf_test_run_opts run{};
    run.sz = sizeof run;
    run.data_in = input.data();
    run.data_size_in = sizeof meta + length;
    run.ctx_in = &context;
    run.ctx_size_in = sizeof context;
    run.repeat = 1;
    return bpf_prog_test_run_opts(program_fd, &run) ? -1 : static_cast<int>(run.retval);
}

std::optional<int> run_buffer(int program_fd, std::span<const std::uint8_t> buffer, __sk_buff context)
{
    bpf_test_run_opts run{};
    run.sz = sizeof run;
    run.data_in = buffer.data();
    run.data_size_in = static_cast<__u32>(buffer.size());
    run.ctx_in = &context;
    run.ctx_size_in = sizeof context;
    run.repeat = 1;
    return bpf_prog_test_run_opts(program_fd, &run) ? std::nullopt : std::optional(static_cast<int>(run.retval));
}

std::string needs_folder()
{
    return library_folder() + "_needs";
}

SensorBench::SensorBench(const BenchSetup& setup)
    : bundle_(load_bundle(setup.library.empty() ? library_folder() : setup.library)),
      libraries_(load_plugin_libraries(bundle_.folder + "/plugins"))
{
    PluginChoice choice;
    choice.replace_default = !setup.default_plugins;
    for (const std::string& text : setup.plugins)
        choice.add.push_back(parse_plugin_spec(text).take());
    host_ = std::make_unique<PluginHost>(libraries_, choice, *bundle_.descriptor, setup.packet_mode,
                                         PluginHost::Services{}, &flow_);
    flow_.idle_timeout_ms = setup.idle_timeout_ms;
    flow_.tunnels = tunnel_config_default();
    flow_.active_timeout_ns = setup.active_timeout_ns;
    if (setup.extraction)
        flow_.flags |= FLOW_CONFIG_FRAMES | FLOW_CONFIG_IN_ORDER;
    flow_.fragment_seed = 42;
    flow_hash_secret_from(&flow_.table_secret, 42);
    if (setup.full_needs) {
        flow_.flags |= FLOW_CONFIG_PACKET_NEEDS;
        flow_.needs.count = PACKET_NEEDS_MAX;
        for (std::uint32_t i = 0; i < PACKET_NEEDS_MAX; i++) {
            const auto n = static_cast<std::uint16_t>(i);
            const packet_need kinds[] = {{n, n, 0, 7, 128, 6, 7, PACKET_NEED_STREAM},
                                         {n, n, 0, 0, 2048, 17, 7, PACKET_NEED_PAYLOAD},
                                         {0, 0, 0, 9, 64, 1, 4, PACKET_NEED_ALARMED},
                                         {0, 0, 0, 32, 0, 6, 4, PACKET_NEED_OPTIONS},
                                         {0, 0, 0x0806, 0, 0, 0, 3, 0}};
            flow_.needs.need[i] = kinds[i % std::size(kinds)];
        }
    }
    SensorObjectOptions options;
    options.path = bundle_.bpf_object;
    options.layout_id = bundle_.descriptor->layout_id;
    options.flow = flow_;
    options.plugin_options.assign(host_->plugin_options().begin(), host_->plugin_options().end());
    options.max_flows = setup.max_flows;
    options.ring_bytes = setup.ring_bytes;
    options.use_metadata = setup.use_metadata;
    options.filter = setup.filter;
    options.snap_len = setup.snap_len;
    options.frame_max = setup.frame_max;
    options.longest_frame = setup.longest_frame;
    options.ordered_stores = setup.ordered_stores;
    options.flood_from = setup.flood_from;
    options.egress = setup.egress;
    options.load = setup.load;
    sensor = std::make_unique<SensorObject>(options);
    ring = std::make_unique<RingReader>(sensor->map_fd("ring"), setup.ring_bytes, sensor->bounds());
    evictor = std::make_unique<Evictor>(*sensor);
}

void SensorBench::run(const std::vector<std::uint8_t>& frame, std::int64_t ts_ns)
{
    const auto bytes = static_cast<std::uint32_t>(frame.size());
    run(frame, ts_ns, bytes, bytes);
}

void SensorBench::run(const std::vector<std::uint8_t>& frame, std::int64_t ts_ns, std::uint32_t wire_len,
                      std::uint32_t cap_len)
{
    frame_meta meta{};
    meta.ts_ns = meta.clock_ns = ts_ns;
    meta.wire_len = wire_len;
    meta.cap_len = cap_len;
    meta.start_kind = HEADER_KIND_ETHERNET;
    sent++;
    EXPECT_EQ(run_frame(sensor->ingress_fd(), frame.data(), static_cast<std::uint32_t>(frame.size()), meta), XDP_PASS);
}

std::vector<Ended> SensorBench::drain()
{
    std::vector<Ended> out;
    ring->read([&](const stream_header& header) {
        if (header.kind == STREAM_ENDED)
            out.emplace_back(reinterpret_cast<const ended_record&>(header));
        else if (header.kind == STREAM_PACKET) {
            packet_rows++;
            wanted += reinterpret_cast<const packet_record&>(header).wanted != 0;
        }
        return true;
    });
    ring->acknowledge();
    return out;
}

std::vector<Ended> SensorBench::evict(evict_mode mode, std::int64_t clock_ns)
{
    std::vector<Ended> out;
    const Evictor::Scan scan = evictor->scan(mode, clock_ns, UINT64_MAX);
    seen = scan.seen;
    for (std::span rest(scan.chosen); !rest.empty();
         rest = rest.subspan(std::min<std::size_t>(rest.size(), EVICT_SLOTS)))
        evictor->evict(rest, mode, clock_ns, [&](const ended_record& record) { out.emplace_back(record); });
    return out;
}

std::uint64_t SensorBench::table_size()
{
    std::uint64_t n = 0;
    flow_key key{}, next{};
    const int table = sensor->map_fd("flows");
    for (const flow_key* at = nullptr; !bpf_map_get_next_key(table, at, &next); at = &key, n++)
        key = next;
    return n;
}

std::uint64_t SensorBench::free_slots()
{
    const int index = sensor->map_fd("free_slots");
    auto word_at = [&](std::uint32_t at) {
        std::uint64_t word = 0;
        EXPECT_EQ(bpf_map_lookup_elem(index, &at, &word), 0) << "word " << at;
        return word;
    };
    std::uint64_t n = 0;
    // Words of a level, and where they begin: each has a bit in the level above.
    std::uint32_t first = 0, words = (sensor->max_flows() + 63) / 64;
    for (std::uint32_t i = 0; i < words; i++)
        n += static_cast<std::uint64_t>(std::popcount(word_at(i)));
    while (words > 1) {
        const std::uint32_t above = first + words;
        for (std::uint32_t i = 0; i < words; i++)
            EXPECT_TRUE(!word_at(first + i) || word_at(above + i / 64) >> i % 64 & 1) << "word " << first + i;
        first = above;
        words = (words + 63) / 64;
    }
    return n;
}

std::map<std::uint32_t, flow_key> SensorBench::used_slots()
{
    std::map<std::uint32_t, flow_key> out;
    std::vector<std::uint64_t> bytes(record_stride(flow().record_size) / 8);
    for (std::uint32_t slot = 0; slot < sensor->max_flows(); slot++) {
        const std::uint32_t at = slot / 64;
        std::uint64_t word = 0;
        EXPECT_EQ(bpf_map_lookup_elem(sensor->map_fd("free_slots"), &at, &word), 0) << "word " << at;
        if (word >> slot % 64 & 1)
            continue;
        EXPECT_EQ(bpf_map_lookup_elem(sensor->map_fd("records"), &slot, bytes.data()), 0) << "slot " << slot;
        out[slot] = reinterpret_cast<const flow_record*>(bytes.data())->key;
    }
    return out;
}

std::uint64_t SensorBench::counter(enum counter which)
{
    engine_counts counts{};
    sensor->read_counts(&counts);
    return counts.counter[which];
}

const void* SensorBench::slot(const Ended& ended, const char* half) const
{
    for (std::uint32_t i = 0; i < bundle_.descriptor->half_count; i++)
        if (std::strcmp(bundle_.descriptor->halves[i].name, half) == 0)
            return flow_slot_const(&ended.record(), &flow_, i);
    return nullptr;
}

} // namespace flowxdp::test
