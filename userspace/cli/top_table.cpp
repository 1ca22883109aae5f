// SPDX-License-Identifier: BSD-2-Clause
#include "cli/top_table.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include <fmt/format.h>

#include "cli/json_object.h"

namespace flowxdp {
namespace {

// "1.25 k", "640": decimal thousands.
std::string scaled(double value)
{
    static constexpr const char* kUnits[] = {"", "k", "M", "G", "T", "P"};
    std::size_t unit = 0;
    for (; value >= 1000 && unit + 1 < std::size(kUnits); unit++)
        value /= 1000;
    return unit ? fmt::format("{:.2f}{}", value, kUnits[unit]) : fmt::format("{:.0f}", value);
}

double traffic_value(const std::string& key, const TrafficRate& t)
{
    if (key == "bytes")
        return static_cast<double>(t.octets);
    if (key == "packets")
        return static_cast<double>(t.packets);
    return key == "pps" ? t.packets_per_s : t.bits_per_s;
}

double flow_value(const std::string& key, const FlowRate& flow)
{
    if (key == "duration")
        return flow.duration_s;
    return key == "idle" ? -flow.idle_s : traffic_value(key, flow);
}

std::string cut(std::string line, std::size_t width)
{
    if (width && line.size() > width)
        line.resize(width);
    return line;
}

JsonObject traffic_json(const TrafficRate& t)
{
    JsonObject out;
    out.add("packets", t.packets)
        .add("octets", t.octets)
        .add("packets_per_s", t.packets_per_s)
        .add("bits_per_s", t.bits_per_s);
    return out;
}

} // namespace

void sort_look(const std::string& key, RateLook* look)
{
    // Without rates yet, or among flows at rest, the bigger first.
    std::ranges::sort(look->flows, [&key](const FlowRate& a, const FlowRate& b) {
        return std::tuple(flow_value(key, b), b.octets, a.flow_id) <
               std::tuple(flow_value(key, a), a.octets, b.flow_id);
    });
    std::ranges::sort(look->talkers, [&key](const TalkerRate& a, const TalkerRate& b) {
        return std::tuple(-traffic_value(key, a), -static_cast<double>(a.octets), std::string_view(a.address)) <
               std::tuple(-traffic_value(key, b), -static_cast<double>(b.octets), std::string_view(b.address));
    });
}

std::vector<std::string> flow_lines(const RateLook& look, std::size_t first, std::size_t count, std::size_t width)
{
    std::vector<std::string> lines = {
        cut(fmt::format("{:<12} {:<6} {:<28} {:<28} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}", "INTERFACE", "PROTO",
                        "SOURCE", "DESTINATION", "BIT/S", "PKT/S", "BYTES", "PACKETS", "DURATION", "IDLE"),
            width)};
    for (std::size_t i = first; i < look.flows.size() && i - first < count; i++) {
        const FlowRate& f = look.flows[i];
        lines.push_back(cut(fmt::format("{:<12} {:<6} {:<28} {:<28} {:>9} {:>9} {:>9} {:>9} {:>8.1f}s {:>6.1f}s",
                                        f.interface, f.protocol, f.source, f.destination, scaled(f.bits_per_s),
                                        scaled(f.packets_per_s), scaled(static_cast<double>(f.octets)),
                                        scaled(static_cast<double>(f.packets)), f.duration_s, f.idle_s),
                            width));
    }
    return lines;
}

std::vector<std::string> talker_lines(const RateLook& look, std::size_t first, std::size_t count, std::size_t width)
{
    std::vector<std::string> lines = {cut(fmt::format("{:<40} {:>9} {:>9} {:>9} {:>9} {:>9}", "TALKER (SENT)", "BIT/S",
                                                      "PKT/S", "BYTES", "PACKETS", "FLOWS"),
                                          width)};
    for (std::size_t i = first; i < look.talkers.size() && i - first < count; i++) {
        const TalkerRate& t = look.talkers[i];
        lines.push_back(cut(fmt::format("{:<40} {:>9} {:>9} {:>9} {:>9} {:>9}", t.address, scaled(t.bits_per_s),
                                        scaled(t.packets_per_s), scaled(static_cast<double>(t.octets)),
                                        scaled(static_cast<double>(t.packets)), t.flows),
                            width));
    }
    return lines;
}

std::string summary_line(const RateLook& look)
{
    return fmt::format("{} flows alive of {}, {} talkers, {} packets/s, {} bit/s", look.flows_alive, look.capacity,
                       look.talkers.size(), scaled(look.all.packets_per_s), scaled(look.all.bits_per_s));
}

std::string look_json(const RateLook& look, std::size_t count)
{
    std::vector<std::string> flows, talkers, unreadable;
    for (std::size_t i = 0; i < look.flows.size() && i < count; i++) {
        const FlowRate& f = look.flows[i];
        flows.push_back(traffic_json(f)
                            .add("interface", f.interface)
                            .add("flowInd", f.flow_id)
                            .add("protocol", f.protocol)
                            .add("source", f.source)
                            .add("destination", f.destination)
                            .add("duration_s", f.duration_s)
                            .add("idle_s", f.idle_s)
                            .text());
    }
    for (std::size_t i = 0; i < look.talkers.size() && i < count; i++)
        talkers.push_back(traffic_json(look.talkers[i])
                              .add("address", look.talkers[i].address)
                              .add("flows", look.talkers[i].flows)
                              .text());
    for (const std::string& text : look.unreadable)
        unreadable.push_back(json_string(text));
    return traffic_json(look.all)
        .add("interval_s", look.interval_s)
        .add("flows_alive", look.flows_alive)
        .add("capacity", look.capacity)
        .add("flows", flows)
        .add("talkers", talkers)
        .add("unreadable", unreadable)
        .text();
}

} // namespace flowxdp
