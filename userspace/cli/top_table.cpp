// SPDX-License-Identifier: BSD-2-Clause
#include "cli/top_table.h"

#include <algorithm>
#include <string_view>
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

// "2001:db8:1:2..cdef:443": the port and both ends of an address that is too long stay.
std::string shortened(const std::string& text, std::size_t width)
{
    constexpr std::string_view kGap = "..";
    if (text.size() <= width || width < 8)
        return text.substr(0, width);
    const std::size_t tail = (width - kGap.size()) / 2;
    return text.substr(0, width - kGap.size() - tail) + std::string(kGap) + text.substr(text.size() - tail);
}

std::string heading(const char* text, bool sorted)
{
    return std::string(text) + (sorted ? "*" : "");
}

// Number columns of a flow, the most important first.
struct FlowColumn {
    const char* key; // of kTopKeys
    const char* heading;
    std::size_t width;
    std::string (*cell)(const FlowRate&);
};
constexpr FlowColumn kFlowColumns[] = {
    {"rate", "BIT/S", 9, [](const FlowRate& f) { return scaled(f.bits_per_s); }},
    {"pps", "PKT/S", 9, [](const FlowRate& f) { return scaled(f.packets_per_s); }},
    {"bytes", "BYTES", 9, [](const FlowRate& f) { return scaled(static_cast<double>(f.octets)); }},
    {"packets", "PACKETS", 9, [](const FlowRate& f) { return scaled(static_cast<double>(f.packets)); }},
    {"duration", "DURATION", 9, [](const FlowRate& f) { return fmt::format("{:.1f}s", f.duration_s); }},
    {"idle", "IDLE", 7, [](const FlowRate& f) { return fmt::format("{:.1f}s", f.idle_s); }},
};

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

void sort_sample(const std::string& key, RateSample* sample)
{
    // Without rates yet, or among flows at rest, the bigger first.
    std::ranges::sort(sample->flows, [&key](const FlowRate& a, const FlowRate& b) {
        return std::tuple(flow_value(key, b), b.octets, a.flow_id) <
               std::tuple(flow_value(key, a), a.octets, b.flow_id);
    });
    std::ranges::sort(sample->talkers, [&key](const TalkerRate& a, const TalkerRate& b) {
        return std::tuple(-traffic_value(key, a), -static_cast<double>(a.octets), std::string_view(a.address)) <
               std::tuple(-traffic_value(key, b), -static_cast<double>(b.octets), std::string_view(b.address));
    });
}

std::vector<std::string> flow_lines(const RateSample& sample, const std::string& key, std::size_t first,
                                    std::size_t count, std::size_t width)
{
    constexpr std::size_t kWideAddress = 28, kLeastAddress = 21; // 255.255.255.255:65535
    constexpr std::size_t kInterface = 12, kProtocol = 6;
    bool with_interface = !width;
    std::vector<bool> shown(std::size(kFlowColumns), true);
    std::size_t address = kWideAddress;
    if (width) {
        // The sorted column first, then by importance, for as long as both addresses keep their room.
        shown.assign(shown.size(), false);
        std::size_t used = kProtocol;
        const auto fits = [&](std::size_t more) { return used + more + 2 * (1 + kLeastAddress) <= width; };
        for (const bool sorted : {true, false})
            for (std::size_t i = 0; i < shown.size(); i++)
                if (!shown[i] && (!sorted || key == kFlowColumns[i].key) && fits(1 + kFlowColumns[i].width)) {
                    shown[i] = true;
                    used += 1 + kFlowColumns[i].width;
                }
        with_interface = fits(1 + kInterface);
        used += with_interface ? 1 + kInterface : 0;
        address = width > used + 2 ? (width - used - 2) / 2 : 1;
    }
    const auto line_of = [&](const std::string& interface, const std::string& protocol, const std::string& source,
                             const std::string& destination, const auto& cell) {
        std::string line = with_interface ? fmt::format("{:<{}} ", interface, kInterface) : "";
        line += fmt::format("{:<{}} {:<{}} {:<{}}", protocol, kProtocol, width ? shortened(source, address) : source,
                            address, width ? shortened(destination, address) : destination, address);
        for (std::size_t i = 0; i < shown.size(); i++)
            if (shown[i])
                line += fmt::format(" {:>{}}", cell(kFlowColumns[i]), kFlowColumns[i].width);
        return cut(std::move(line), width);
    };
    std::vector<std::string> lines = {line_of("INTERFACE", "PROTO", "SOURCE", "DESTINATION",
                                              [&](const FlowColumn& c) { return heading(c.heading, key == c.key); })};
    for (std::size_t i = first; i < sample.flows.size() && i - first < count; i++) {
        const FlowRate& f = sample.flows[i];
        lines.push_back(
            line_of(f.interface, f.protocol, f.source, f.destination, [&](const FlowColumn& c) { return c.cell(f); }));
    }
    return lines;
}

std::vector<std::string> talker_lines(const RateSample& sample, const std::string& key, std::size_t first,
                                      std::size_t count, std::size_t width)
{
    // Talkers have no duration: they are sorted by rate then.
    const bool by_rate = key != "bytes" && key != "packets" && key != "pps";
    const std::size_t numbers = 5 * 9 + 5; // and a blank before each
    const std::size_t address = !width ? 40 : width > numbers + 40 ? 40 : width > numbers + 1 ? width - numbers : 1;
    const auto line_of = [&](const std::string& name, const auto&... cells) {
        std::string line = fmt::format("{:<{}}", width ? shortened(name, address) : name, address);
        ((line += fmt::format(" {:>9}", cells)), ...);
        return cut(std::move(line), width);
    };
    std::vector<std::string> lines = {line_of("TALKER (SENT)", heading("BIT/S", by_rate),
                                              heading("PKT/S", key == "pps"), heading("BYTES", key == "bytes"),
                                              heading("PACKETS", key == "packets"), "FLOWS")};
    for (std::size_t i = first; i < sample.talkers.size() && i - first < count; i++) {
        const TalkerRate& t = sample.talkers[i];
        lines.push_back(line_of(t.address, scaled(t.bits_per_s), scaled(t.packets_per_s),
                                scaled(static_cast<double>(t.octets)), scaled(static_cast<double>(t.packets)),
                                std::to_string(t.flows)));
    }
    return lines;
}

std::string summary_line(const RateSample& sample)
{
    return fmt::format("{} flows alive of {}, {} talkers, {} packets/s, {} bit/s", sample.flows_alive, sample.capacity,
                       sample.talkers.size(), scaled(sample.all.packets_per_s), scaled(sample.all.bits_per_s));
}

std::string sample_json(const RateSample& sample, std::size_t count)
{
    std::vector<std::string> flows, talkers, unreadable;
    for (std::size_t i = 0; i < sample.flows.size() && i < count; i++) {
        const FlowRate& f = sample.flows[i];
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
    for (std::size_t i = 0; i < sample.talkers.size() && i < count; i++)
        talkers.push_back(traffic_json(sample.talkers[i])
                              .add("address", sample.talkers[i].address)
                              .add("flows", sample.talkers[i].flows)
                              .text());
    for (const std::string& text : sample.unreadable)
        unreadable.push_back(json_string(text));
    return traffic_json(sample.all)
        .add("interval_s", sample.interval_s)
        .add("flows_alive", sample.flows_alive)
        .add("capacity", sample.capacity)
        .add("flows", flows)
        .add("talkers", talkers)
        .add("unreadable", unreadable)
        .text();
}

} // namespace flowxdp
