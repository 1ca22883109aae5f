// SPDX-License-Identifier: BSD-2-Clause
// plugin_bench.h - one flow on a bench: packets made by hand go through flow_update() with the real kernel halves, the
// record then through the plugin host with the real user halves. Cells come back as the text sink prints them.
// Only plugin_bench.cpp knows every half: a test of one plugin is not compiled again for another one's change.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "engine.h"
#include "flowxdp/flow_record.h"
#include "plugin/plugin_host.h"
#include "row/cell_text.h"

namespace flowxdp::test {

inline constexpr std::int64_t kMs = 1'000'000;

// A TCP segment of an IPv4 flow, as the parser would hand it over.
inline packet tcp_packet(unsigned flags, std::uint32_t seq, std::uint32_t ack, std::uint32_t payload = 0,
                         std::uint16_t window = 1000)
{
    packet p{};
    p.ip_version = 4;
    p.ethertype = 0x0800;
    p.ip_proto = 6;
    p.ttl = 64;
    p.ip_header_len = 20;
    p.tcp_header_len = 20;
    p.tcp_flags = static_cast<__u8>(flags);
    p.tcp_seq = seq;
    p.tcp_ack = ack;
    p.tcp_window = window;
    p.flags = PACKET_HAS_TCP | PACKET_HAS_PORTS;
    p.src_port = 40000;
    p.dst_port = 80;
    p.l3_offset = 14;
    p.l4_offset = 34;
    p.payload_offset = 54;
    p.payload_len = payload;
    p.l4_len = 20 + payload;
    p.l3_end = 54 + payload;
    p.wire_len = p.cap_len = p.l3_end < 60 ? 60 : p.l3_end;
    return p;
}

inline packet udp_packet(std::uint32_t payload)
{
    packet p = tcp_packet(0, 0, 0);
    p.ip_proto = 17;
    p.flags = PACKET_HAS_PORTS;
    p.payload_offset = 42;
    p.payload_len = payload;
    p.l4_len = 8 + payload;
    p.l3_end = 42 + payload;
    p.wire_len = p.cap_len = p.l3_end < 60 ? 60 : p.l3_end;
    return p;
}

// The packet in an Ethernet frame between two addresses that differ in their last byte.
inline packet with_macs(packet p, std::uint8_t src, std::uint8_t dst)
{
    p.link_has_mac = 1;
    p.mac_src[5] = src;
    p.mac_dst[5] = dst;
    return p;
}

// flow_update() and packet_record_fill() with the halves of the bundle. options: the block of their options.
unsigned bench_update(flow_record* record, const packet& p, unsigned direction, const flow_config& config,
                      std::span<const std::uint8_t> options, packet_step* step);
void bench_packet_record(packet_record* out, const flow_record& record, const packet& p, const packet_step& step,
                         const flow_config& config, std::span<const std::uint8_t> options);
// packet_needs_of() and packet_wanted(): PACKET_WANTED(bytes), or PACKET_NOT_WANTED.
unsigned bench_wanted(const flow_record& record, const packet& p, const flow_config& config,
                      std::span<const std::uint8_t> options, packet_step* step);
// The bundle's half of a plugin. Throws std::out_of_range.
unsigned half_index(std::string_view plugin);

class Bench {
  public:
    // plugins: as --plugin takes them; nothing else is enabled.
    explicit Bench(std::vector<std::string> plugins, std::uint8_t key_kind = FLOW_KIND_IPV4, std::uint8_t key_proto = 6)
        : libraries_(load_plugin_libraries(FLOWXDP_PLUGIN_DIR))
    {
        PluginChoice choice;
        choice.replace_default = true;
        for (const std::string& text : plugins)
            choice.add.push_back(parse_plugin_spec(text).take());
        config_.idle_timeout_ms = 182'000;
        host_ =
            std::make_unique<PluginHost>(libraries_, choice, *flowxdp_bundle(), true, PluginHost::Services{}, &config_);
        key_kind_ = key_kind;
        key_proto_ = key_proto;
        reset();
    }

    // A new flow in the same place.
    void reset()
    {
        ended_record before{};
        before.record.flow_id = record()->flow_id;
        host_->wanted_packets().forget(before);
        std::memset(record_, 0, sizeof record_);
        record()->flow_id = 1;
        record()->key.kind = key_kind_;
        record()->key.proto = key_proto_;
        now_ = 1'000'000'000;
    }

    // Counts p, delay after the packet before it, in direction A (0) or B (1). Returns the verdicts.
    unsigned packet_in(unsigned direction, packet p, std::int64_t delay_ns = kMs)
    {
        now_ += delay_ns;
        p.clock_ns = p.ts_ns = now_;
        if (!record()->dir[0].packets && !record()->dir[1].packets)
            record()->first_clock_ns = now_;
        last_ = p;
        return bench_update(record(), p, direction, config_, plugin_options(), &step_);
    }

    // The same; user halves that want the packet see it, with the payload that they want of this one.
    unsigned packet_seen(unsigned direction, const packet& p, std::int64_t delay_ns = kMs,
                         std::span<const std::uint8_t> payload = {})
    {
        const unsigned verdict = packet_in(direction, p, delay_ns);
        const unsigned wanted = bench_wanted(*record(), last_, config_, plugin_options(), &step_);
        if (wanted == PACKET_NOT_WANTED)
            return verdict;
        std::vector<std::uint64_t> bytes((config_.packet_record_size + PACKET_MAX_PAYLOAD) / 8 + 1);
        auto* out = reinterpret_cast<packet_record*>(bytes.data());
        bench_packet_record(out, *record(), last_, step_, config_, plugin_options());
        const std::size_t captured = std::min<std::size_t>(payload.size(), wanted - PACKET_WANTED(0));
        out->payload_captured = static_cast<__u16>(captured);
        if (captured)
            std::memcpy(reinterpret_cast<std::uint8_t*>(out) + config_.packet_record_size, payload.data(), captured);
        host_->wanted_packets().take(*out);
        return verdict;
    }

    std::map<std::string, std::string> flow_row(unsigned direction)
    {
        alignas(8) std::uint8_t bytes[offsetof(ended_record, record) + FLOW_RECORD_MAX] = {};
        auto* ended = reinterpret_cast<ended_record*>(bytes);
        ended->reason = FLOW_END_IDLE;
        std::memcpy(&ended->record, record_, config_.record_size);
        RowBatch rows(host_->flow_schema());
        alarms = host_->add_flow_row(*ended, direction, &rows).count;
        return cells(rows, *host_->flow_schema(), StringStyle::kQuoted);
    }

    // The packet row of the packet counted last.
    std::map<std::string, std::string> packet_row()
    {
        alignas(8) std::uint8_t bytes[2048] = {};
        auto* out = reinterpret_cast<packet_record*>(bytes);
        bench_packet_record(out, *record(), last_, step_, config_, plugin_options());
        RowBatch rows(host_->packet_schema());
        host_->add_packet_row(*out, &rows);
        return cells(rows, *host_->packet_schema(), StringStyle::kBare);
    }

    std::vector<std::string> report_lines()
    {
        std::vector<std::string> lines;
        const packet_totals totals{};
        const fx_report report = {&lines,
                                  [](void* context, const char* text) {
                                      static_cast<std::vector<std::string>*>(context)->emplace_back(text);
                                  },
                                  &totals, 0, 0};
        host_->report(report);
        return lines;
    }

    flow_record* record() { return reinterpret_cast<flow_record*>(record_); }
    template <typename State>
    State* slot(std::string_view plugin)
    {
        return static_cast<State*>(flow_slot(record(), &config_, half_index(plugin)));
    }
    flow_config& config() { return config_; }
    // What the kernel half of a plugin was told.
    template <typename Config>
    const Config& options(std::string_view plugin)
    {
        const half_descriptor& half = flowxdp_bundle()->halves[half_index(plugin)];
        EXPECT_EQ(half.config_size, sizeof(Config));
        return *reinterpret_cast<const Config*>(plugin_options().data() + half.config_offset);
    }
    [[nodiscard]] std::int64_t now() const { return now_; }
    std::uint64_t alarms = 0;

  private:
    [[nodiscard]] std::span<const std::uint8_t> plugin_options() const { return host_->plugin_options(); }
    static std::map<std::string, std::string> cells(const RowBatch& rows, const Schema& schema, StringStyle style)
    {
        std::map<std::string, std::string> out;
        for (const Column& column : schema.columns())
            append_cell_text(rows.row(0), column, style, &out[column.name]);
        return out;
    }

    std::vector<PluginLibrary> libraries_;
    flow_config config_{};
    std::unique_ptr<PluginHost> host_;
    alignas(64) std::uint8_t record_[FLOW_RECORD_MAX] = {};
    packet_step step_{};
    packet last_{};
    std::int64_t now_ = 0;
    std::uint8_t key_kind_ = 0, key_proto_ = 0;
};

} // namespace flowxdp::test
