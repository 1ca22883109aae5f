// SPDX-License-Identifier: BSD-2-Clause
#include "report/end_report.h"

#include <unistd.h>

#include <cmath>
#include <ctime>

#include <fmt/format.h>

#include "flowxdp/count_text.hpp"
#include "row/cell_text.h"
#include "row/json_text.h"

namespace flowxdp {
namespace {

double percent(std::uint64_t part, std::uint64_t whole)
{
    return whole ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

double ratio(double part, double whole)
{
    return whole != 0 ? part / whole : 0.0;
}

std::string seconds_text(std::int64_t ns)
{
    std::string text;
    append_seconds(ns, &text);
    return text;
}

// "795 b/s", "270835712 b/s (270.84 Mb/s)"
std::string bandwidth_text(double bits_per_s)
{
    const auto value = static_cast<std::uint64_t>(std::llround(bits_per_s));
    const std::string text = count_text(value);
    const std::size_t bracket = text.find(" (");
    if (bracket == std::string::npos)
        return text + " b/s";
    std::string unit = text.substr(bracket + 2, text.size() - bracket - 3);
    return fmt::format("{} b/s ({}b/s)", text.substr(0, bracket), unit);
}

// Collects lines; a count line is left out when the count is 0.
class Lines {
  public:
    explicit Lines(std::vector<std::string>* out) : out_(out) {}
    void add(std::string line) { out_->push_back(std::move(line)); }
    void count(const char* what, std::uint64_t value)
    {
        if (value)
            add(fmt::format("Number of {}: {}", what, count_text(value)));
    }
    void share(const char* what, std::uint64_t value, std::uint64_t of)
    {
        if (value)
            add(fmt::format("Number of {}: {} [{:.2f}%]", what, count_text(value), percent(value, of)));
    }

  private:
    std::vector<std::string>* out_;
};

// The lines for aggregated status bits, in T2's order. WRN first.
struct StatusLine {
    std::uint64_t mask;
    const char* text;
};
constexpr StatusLine kWarnings[] = {
    {FS(L2_SNAPPED), "L2 header snapped"},
    {FS(L3_SNAPPED), "L3 SnapLength < Length in IP header"},
    {FS(L3_HEADER_SNAPPED), "L3 header snapped"},
    {FS(L4_HEADER_SNAPPED), "L4 header snapped"},
    {FS(LAND_ATTACK), "Land attack"},
    {FS(TIME_JUMP), "Timestamp jump, probably due to multi-path packet delay or NTP operation"},
    {FS(DUPLICATE_IP_ID), "Consecutive duplicate IP ID"},
    {FS(HEADERS_OVERRUN), "Header description overrun"},
    {FS(IP_BOGUS), "IPvX L3 header bogus packets"},
    {FS(IPV4_HEADER_SHORT), "IPv4 header length < 20 bytes"},
    {FS(LENGTH_MISMATCH), "IPv4/6 payload length > framing length"},
    {FS(FRAGMENT_NO_FIRST), "IPv4/6 fragmentation header packet missing"},
    {FS(FRAGMENT_PENDING), "IPv4/6 packet fragmentation sequence not finished"},
};
constexpr StatusLine kInformation[] = {
    {FS(STOP_DISSECT), "Stop dissecting: Clipped packet, unhandled protocol or subsequent fragment"},
    {FS(L2_FLOW), "Layer 2 flows"},
    {FS(LAPD), "LAPD flows"},
    {FS(IPV4_FLOW) | FS(IPV4_PACKET), "IPv4 flows"},
    {FS(IPV6_FLOW) | FS(IPV6_PACKET), "IPv6 flows"},
    {FS(SCTP), "SCTP flows"},
    {FS(NO_ETHERNET), "No Ethernet header"},
    {FS(ARP), "ARP"},
    {FS(RARP), "RARP"},
    {FS(LLDP), "LLDP"},
    {FS(ETHERIP), "EtherIP"},
    {FS(VLAN), "VLAN encapsulation"},
    {FS(PRIORITY_TAG), "VLAN ID 0 (priority tag)"},
    {FS(FRAGMENT), "IPv4/6 fragmentation"},
    {FS(IP_IN_IP), "IPv4/6 in IPv4/6"},
    {FS(VXLAN), "VXLAN encapsulation"},
    {FS(GENEVE), "GENEVE encapsulation"},
    {FS(MPLS_UNICAST) | FS(MPLS_MULTICAST), "MPLS encapsulation"},
    {FS(L2TP), "L2TP encapsulation"},
    {FS(PPP), "PPP/HDLC encapsulation"},
    {FS(GRE), "GRE encapsulation"},
    {FS(ERSPAN), "ERSPAN encapsulation"},
    {FS(WCCP), "WCCP encapsulation"},
    {FS(AYIYA), "AYIYA tunnel"},
    {FS(GTP), "GTP tunnel"},
    {FS(TEREDO), "Teredo tunnel"},
    {FS(CAPWAP), "CAPWAP/LWAPP tunnel"},
    {FS(IPSEC_AH), "IPsec AH"},
    {FS(IPSEC_ESP), "IPsec ESP"},
    {FS(UPNP), "SSDP/UPnP"},
};

void add_input(const RunSummary& run, Lines& out)
{
    for (const CaptureFileInfo& file : run.files) {
        out.add(fmt::format("Processing file: {}", file.name));
        out.add(fmt::format("Link layer type: {} [{}/{}]", link_type_description(file.link_type),
                            link_type_name(file.link_type), file.link_type));
        if (file.snap_len)
            out.add(fmt::format("Snapshot length: {}", file.snap_len));
    }
    if (run.input.has_time) {
        out.add(fmt::format("Dump start: {} sec ({})", seconds_text(run.input.first_ns), utc_date(run.input.first_ns)));
        out.add(fmt::format("Dump stop : {} sec ({})", seconds_text(run.input.last_ns), utc_date(run.input.last_ns)));
        const std::int64_t duration = run.input.last_ns - run.input.first_ns;
        const std::string human = human_duration(duration);
        out.add(fmt::format("Total dump duration: {} sec{}", seconds_text(duration),
                            human.empty() ? "" : " (" + human + ")"));
    }
    if (run.running) {
        out.add(fmt::format("Still running. Elapsed time: {:.9f} sec", run.elapsed_s));
    } else {
        out.add(fmt::format("Finished processing. Elapsed time: {:.9f} sec", run.elapsed_s));
        out.add(fmt::format("Finished unloading flow memory. Time: {:.9f} sec", run.unloading_s));
    }
    if (run.input_bytes_total)
        out.add(fmt::format("Percentage completed: {:.2f}%", percent(run.input_bytes_read, run.input_bytes_total)));
}

void add_packets(const RunSummary& run, Lines& out)
{
    const packet_totals& t = run.counts.totals;
    const std::uint64_t n = run.input.frames, a = t.direction[0].packets, b = t.direction[1].packets;
    const std::uint64_t a_bytes = t.direction[0].bytes, b_bytes = t.direction[1].bytes;
    out.add(fmt::format("Number of processed packets: {}", count_text(n)));
    out.add(fmt::format("Number of processed bytes: {}", count_text(run.input.captured_bytes)));
    out.add(fmt::format("Number of raw bytes: {}", count_text(run.input.wire_bytes)));
    if (t.pad_bytes > 0)
        out.count("pad bytes", static_cast<std::uint64_t>(t.pad_bytes));
    std::uint64_t file_bytes = 0;
    for (const CaptureFileInfo& file : run.files)
        file_bytes += file.size_bytes;
    out.count("pcap bytes", file_bytes);
    out.share("L2 packets", t.l2_packets, n);
    out.share("IPv4 packets", t.ipv4_packets, n);
    out.share("IPv6 packets", t.ipv6_packets, n);
    out.share("A packets", a, a + b);
    out.share("B packets", b, a + b);
    out.share("A bytes", a_bytes, a_bytes + b_bytes);
    out.share("B bytes", b_bytes, a_bytes + b_bytes);
    if (a)
        out.add("Average A packet load: " + ratio_text(ratio(static_cast<double>(a_bytes), static_cast<double>(a))));
    if (b)
        out.add("Average B packet load: " + ratio_text(ratio(static_cast<double>(b_bytes), static_cast<double>(b))));
}

void add_protocols(const RunSummary& run, Lines& out)
{
    const packet_totals& t = run.counts.totals;
    const std::uint64_t n = run.input.frames, with_flow = t.direction[0].packets + t.direction[1].packets;
    if (with_flow)
        out.add(fmt::format("Headers count: min: {}, max: {}, average: {:.2f}", t.header_count_min, t.header_count_max,
                            static_cast<double>(t.header_count_sum) / static_cast<double>(with_flow)));
    if (t.vlan_count_max)
        out.add(fmt::format("Max VLAN header count: {}", t.vlan_count_max));
    if (t.mpls_count_max)
        out.add(fmt::format("Max MPLS header count: {}", t.mpls_count_max));
    out.share("LLC packets", t.llc.packets, n);
    out.share("ARP packets", t.arp.packets, n);
    out.share("RARP packets", t.rarp.packets, n);
    out.share("GRE packets", t.gre_packets, n);
    out.share("Teredo packets", t.teredo_packets, n);
    out.share("AYIYA packets", t.ayiya_packets, n);
    out.share("IGMP packets", t.ip_proto[2].packets, n);
    out.share("ICMP packets", t.ip_proto[1].packets, n);
    out.share("ICMPv6 packets", t.ip_proto[58].packets, n);
    out.share("SCTP packets", t.ip_proto[132].packets, n);
    out.share("TCP packets", t.ip_proto[6].packets, n);
    out.share("TCP bytes", t.ip_proto[6].bytes, run.input.captured_bytes);
    out.share("UDP packets", t.ip_proto[17].packets, n);
    out.share("UDP bytes", t.ip_proto[17].bytes, run.input.captured_bytes);
    out.share("IPv4 fragmented packets", t.ipv4_fragments, t.ipv4_packets);
    out.share("IPv6 fragmented packets", t.ipv6_fragments, t.ipv6_packets);
}

void add_flows(const RunSummary& run, Lines& out)
{
    const FlowTally& f = run.tally;
    const packet_totals& t = run.counts.totals;
    const std::uint64_t flows = f.directions(), requests = f.biflows - f.lone_inverted;
    const std::uint64_t replies = f.two_sided + f.lone_inverted;
    const auto a_packets = static_cast<double>(t.direction[0].packets);
    const auto b_packets = static_cast<double>(t.direction[1].packets);
    if (run.running)
        out.add(fmt::format("Number of biflows alive: {}", count_text(run.running->flows_alive)));
    out.add(fmt::format("Number of processed   flows: {}", count_text(flows)));
    out.share("processed L2   flows", f.l2, flows);
    out.share("processed IPv4 flows", f.ipv4, flows);
    out.share("processed IPv6 flows", f.ipv6, flows);
    out.share("processed A flows", f.biflows, flows);
    out.share("processed B flows", f.two_sided, flows);
    out.share("request     flows", requests, flows);
    out.share("reply       flows", replies, flows);
    const auto a_flows = static_cast<double>(f.biflows);
    const auto b_flows = static_cast<double>(f.two_sided);
    const auto all = static_cast<double>(flows);
    out.add(fmt::format("Total   A/B    flow asymmetry: {:.2f}", ratio(a_flows - b_flows, all)));
    out.add(fmt::format("Total req/rply flow asymmetry: {:.2f}",
                        ratio(static_cast<double>(requests) - static_cast<double>(replies), all)));
    out.add("Number of processed   packets/flows: " + ratio_text(ratio(a_packets + b_packets, all)));
    out.add("Number of processed A packets/flows: " + ratio_text(ratio(a_packets, a_flows)));
    out.add("Number of processed B packets/flows: " + ratio_text(ratio(b_packets, b_flows)));
    const double duration = static_cast<double>(run.input.last_ns - run.input.first_ns) / 1e9;
    if (!run.input.has_time || duration <= 0)
        return;
    out.add("Number of processed total packets/s: " + ratio_text(static_cast<double>(run.input.frames) / duration));
    out.add("Number of processed A+B   packets/s: " + ratio_text((a_packets + b_packets) / duration));
    out.add("Number of processed A     packets/s: " + ratio_text(a_packets / duration));
    out.add("Number of processed   B   packets/s: " + ratio_text(b_packets / duration));
    out.add("Number of average processed flows/s: " + ratio_text(all / duration));
    out.add("Average full raw bandwidth: " + bandwidth_text(static_cast<double>(run.input.wire_bytes) * 8 / duration));
    if (run.input.snapped_frames)
        out.add("Average snapped bandwidth : " +
                bandwidth_text(static_cast<double>(run.input.captured_bytes) * 8 / duration));
    out.add("Average full bandwidth : " + bandwidth_text(static_cast<double>(t.full_bytes) * 8 / duration));
}

void add_status(const RunSummary& run, Lines& out)
{
    const FlowTally& f = run.tally;
    out.add(fmt::format("Max number of flows in memory: {} [{:.2f}%]", count_text(run.counts.peak_directions),
                        percent(run.counts.peak_directions, 2ULL * run.max_flows)));
    out.share("flows terminated by autopilot", f.resources, f.directions());
    const double page = static_cast<double>(sysconf(_SC_PAGESIZE)) * static_cast<double>(sysconf(_SC_PHYS_PAGES));
    out.add(fmt::format("Memory usage: {:.2f} GB [{:.2f}%]", static_cast<double>(run.memory_bytes) / 1e9,
                        100.0 * ratio(static_cast<double>(run.memory_bytes), page)));
    // T2 keeps bit 0 out of the aggregate: every B flow has it.
    const std::uint64_t status = (run.counts.totals.status | f.status) & ~FS(INVERTED);
    out.add(fmt::format("Aggregated flowStat=0x{:016x}", status));
    if (f.alarms)
        out.add(fmt::format("[WRN] {} alarms in {} flows [{:.2f}%]", count_text(f.alarms), count_text(f.alarm_flows),
                            percent(f.alarm_flows, f.directions())));
    if (f.forced)
        out.add(fmt::format("[WRN] Number of flows terminated by force mode: {} [{:.2f}%]", count_text(f.forced),
                            percent(f.forced, f.directions())));
    for (const StatusLine& line : kWarnings)
        if (status & line.mask)
            out.add(fmt::format("[WRN] {}", line.text));
    for (const StatusLine& line : kInformation)
        if (status & line.mask)
            out.add(fmt::format("[INF] {}", line.text));
}

const char* policy_name(SinkPolicy policy)
{
    return policy == SinkPolicy::kDrop ? "drop" : "block";
}

std::string dropped_causes(const SinkState& s)
{
    return s.dropped == 0 ? std::string()
                          : fmt::format(" ({} queue full, {} not delivered)", s.dropped_queue_full,
                                        s.dropped - s.dropped_queue_full);
}

std::string running_text(const RunningBooks& books)
{
    std::string sum = fmt::format("Ledger: {} packets = {} in exported flows + {} in flows alive + {} on their way + "
                                  "{} without a flow",
                                  books.seen, books.exported, books.alive, books.waiting, books.without_flow);
    if (!books.difference())
        return sum;
    return sum + (books.at_rest
                      ? fmt::format(" [DIFFERENCE {}]", books.difference())
                      : fmt::format(" ({:+} while packets arrived between the readings)", -books.difference()));
}

void add_ledger(const RunSummary& run, Lines& out)
{
    const InputCounts& in = run.input;
    const std::uint64_t short_frames = in.short_frame + run.counts.counter[COUNTER_PACKETS_SHORT_FRAME];
    const std::uint64_t unattributed = run.counts.counter[COUNTER_PACKETS_UNATTRIBUTED];
    const std::uint64_t left_out = run.counts.counter[COUNTER_PACKETS_LEFT_OUT];
    if (run.running)
        out.add(running_text(*run.running));
    else
        out.add(fmt::format(
            "Ledger: {} packets = {} in flows + {} filtered + {} short frames + {} of unsupported link types + "
            "{} unattributed{}{}",
            run.input.frames, run.packets_before + run.tally.packets,
            in.filtered + run.counts.counter[COUNTER_PACKETS_FILTERED], short_frames, in.link_unsupported, unattributed,
            left_out ? fmt::format(" + {} left out", left_out) : "",
            run.ledger_difference() ? fmt::format(" [DIFFERENCE {}]", run.ledger_difference()) : ""));
    for (const SinkState& s : run.sinks) {
        out.add(fmt::format("Sink {}: {} rows, {} sent, {} retried, {} dropped{}, {} skipped, {} errors{}{}", s.label,
                            s.rows, s.sent, s.retried, s.dropped, dropped_causes(s), s.skipped, s.errors,
                            s.unread ? fmt::format(", {} not read: standard output was closed", s.unread) : "",
                            s.last_error.empty() ? "" : "; last error: " + s.last_error));
        // A queue that was nearly full slowed the run down, or dropped rows.
        if (s.queue_peak_bytes > s.queue_limit_bytes / 2)
            out.add(fmt::format("Sink {}: its queue held up to {} of {} bytes, policy {}", s.label, s.queue_peak_bytes,
                                s.queue_limit_bytes, policy_name(s.policy)));
        for (const std::string& line : s.lines)
            out.add(fmt::format("Sink {}: {}", s.label, line));
    }
    for (const CaptureState& c : run.captures)
        out.add(fmt::format("Capture {}: {} frames, {} not written{}", c.path, c.frames, c.dropped,
                            c.last_error.empty() ? "" : "; last error: " + c.last_error));
    if (const std::uint64_t lost = run.counts.counter[COUNTER_FRAMES_LOST])
        out.add(fmt::format("[WRN] {} frames were lost to a full ring: they are in flows, not in the capture (--ring "
                            "makes it larger)",
                            lost));
    if (const std::uint64_t cut = run.counts.counter[COUNTER_FRAMES_CUT])
        out.add(
            fmt::format("[WRN] {} frames were too long for extraction: the capture has their first bytes (64 KiB, or "
                        "what --ring holds)",
                        cut));
    if (const std::uint64_t unreadable = run.counts.counter[COUNTER_BYTES_UNREADABLE])
        out.add(
            fmt::format("[WRN] the kernel did not hand out the bytes of {} frames or payloads: they are in flows, not "
                        "in the capture or the packet rows",
                        unreadable));
    if (const std::uint64_t merged = run.counts.counter[COUNTER_FRAMES_MERGED])
        out.add(fmt::format("[WRN] {} frames were longer than the MTU allows: the wire had several, which were merged "
                            "before XDP saw them; each counts as one packet",
                            merged));
    if (const std::uint64_t lost = run.counts.counter[COUNTER_PACKET_ROWS_LOST])
        out.add(
            fmt::format("[WRN] {} packet rows were lost to a full ring: their packets are in flows (--ring makes it "
                        "larger)",
                        lost));
    if (const std::uint64_t lost = run.counts.counter[COUNTER_WANTED_PACKETS_LOST])
        out.add(
            fmt::format("[WRN] {} packets that plugins wanted were lost to a full ring: they are in flows, plugins did "
                        "not see them (--ring makes it larger)",
                        lost));
    if (const std::uint64_t dropped = run.tally.memories_dropped)
        out.add(
            fmt::format("[WRN] {} flows were more than plugins have memory for: what they kept of the oldest ones is "
                        "lost",
                        dropped));
    if (const std::uint64_t dropped = run.tally.streams_dropped)
        out.add(fmt::format(
            "[WRN] {} flows had more TCP bytes for plugins than there is memory for: plugins saw less of the "
            "oldest ones",
            dropped));
    if (const std::uint64_t missed = run.counts.counter[COUNTER_ORDER_MISSED])
        out.add(fmt::format("[WRN] {} packets or evictions could not wait for their turn: rows may be out of order",
                            missed));
    if (run.records_damaged)
        out.add(
            fmt::format("[WRN] {} records of the sensor were damaged and are not exported: somebody else wrote to its "
                        "maps",
                        run.records_damaged));
    for (const CaptureDamage& d : run.damages)
        out.add(fmt::format("[WRN] {}: read up to offset {}: {}", d.file, d.offset, d.reason));
    for (const std::string& problem : run.problems)
        out.add("[WRN] " + problem);
    for (const std::string& hint : run.hints)
        out.add("[WRN] " + hint);
    if (run.interrupted)
        out.add("[INF] Stopped by a signal before the end of input");
    if (run.unread)
        out.add("[INF] Stopped because the reader of standard output closed it");
}

} // namespace

std::int64_t RunSummary::ledger_difference() const
{
    const std::uint64_t accounted = packets_before + tally.packets + input.filtered + input.short_frame +
                                    input.link_unsupported + counted_without_flow(counts.counter);
    return static_cast<std::int64_t>(input.frames - accounted);
}

RunningBooks RunningBooks::of_replay(const RunSummary& run, const FlowTally& rows)
{
    const std::uint64_t in_flows = run.counts.totals.direction[0].packets + run.counts.totals.direction[1].packets;
    RunningBooks books;
    books.seen = run.input.frames;
    books.exported = rows.packets;
    books.alive = in_flows - rows.packets;
    books.without_flow = run.input.filtered + run.input.short_frame + run.input.link_unsupported +
                         counted_without_flow(run.counts.counter);
    books.flows_alive = run.counts.counter[COUNTER_FLOWS_STARTED] - rows.biflows;
    return books;
}

bool RunSummary::incomplete() const
{
    // During a run, live flows are no difference.
    const std::int64_t difference = !running ? ledger_difference() : running->at_rest ? running->difference() : 0;
    bool lost = !damages.empty() || !problems.empty() || records_damaged || difference != 0 ||
                counts.counter[COUNTER_PACKET_ROWS_LOST] || counts.counter[COUNTER_WANTED_PACKETS_LOST] ||
                tally.memories_dropped || tally.streams_dropped || counts.counter[COUNTER_PACKETS_UNATTRIBUTED] ||
                counts.counter[COUNTER_FRAMES_LOST] || counts.counter[COUNTER_FRAMES_CUT] ||
                counts.counter[COUNTER_BYTES_UNREADABLE] || counts.counter[COUNTER_ORDER_MISSED];
    for (const CaptureState& c : captures)
        lost = lost || c.dropped || !c.last_error.empty();
    for (const SinkState& s : sinks)
        lost = lost || s.dropped;
    return lost;
}

std::vector<std::string> start_lines(const RunSummary& run)
{
    std::vector<std::string> lines;
    lines.push_back(fmt::format("flowxdp {}. PID: {}, SID: {}", run.version, getpid(), run.sensor_id));
    lines.push_back(fmt::format("[INF] Creating flows for L2, IPv4, IPv6{}{}", run.alarm_mode ? " [ALARM]" : "",
                                run.force_mode ? " [FORCE]" : ""));
    lines.emplace_back("Active plugins:");
    unsigned n = 0;
    for (const PluginHost::Active& p : run.plugins)
        lines.push_back(fmt::format("    {:02}: {}, {}", ++n, p.name, p.version));
    return lines;
}

std::vector<std::string> end_lines(const RunSummary& run)
{
    std::vector<std::string> lines;
    Lines out(&lines);
    add_input(run, out);
    add_packets(run, out);
    if (!run.plugin_lines.empty()) {
        out.add(std::string(80, '-'));
        for (const std::string& line : run.plugin_lines)
            out.add(line);
        out.add(std::string(80, '-'));
    }
    add_protocols(run, out);
    add_flows(run, out);
    add_status(run, out);
    add_ledger(run, out);
    return lines;
}

engine_counts reported_counts(const RunSummary& run)
{
    engine_counts counts = run.counts;
    counts.counter[COUNTER_PACKETS_SEEN] = run.input.frames;
    counts.counter[COUNTER_PACKETS_FILTERED] += run.input.filtered;
    counts.counter[COUNTER_PACKETS_SHORT_FRAME] += run.input.short_frame;
    counts.counter[COUNTER_PACKETS_LINK_UNSUPPORTED] += run.input.link_unsupported;
    counts.totals.wire_bytes = run.input.wire_bytes;
    return counts;
}

std::string summary_json(const RunSummary& run)
{
    std::string out =
        fmt::format("{{\"version\":{},\"engine\":{},\"sensor_id\":{},\"interrupted\":{},\"incomplete\":{},"
                    "\"packets\":{},\"captured_bytes\":{},\"wire_bytes\":{},\"elapsed_s\":{:.6f},"
                    "\"unloading_s\":{:.6f},\"memory_bytes\":{}",
                    json_string(run.version), json_string(run.engine), run.sensor_id, run.interrupted, run.incomplete(),
                    run.input.frames, run.input.captured_bytes, run.input.wire_bytes, run.elapsed_s, run.unloading_s,
                    run.memory_bytes);
    if (run.input.has_time)
        out += fmt::format(",\"first\":\"{}\",\"last\":\"{}\"", seconds_text(run.input.first_ns),
                           seconds_text(run.input.last_ns));
    const FlowTally& f = run.tally;
    out +=
        fmt::format(",\"flows\":{{\"directions\":{},\"a\":{},\"b\":{},\"l2\":{},\"ipv4\":{},\"ipv6\":{},\"packets\":{},"
                    "\"octets\":{},\"forced\":{},\"alarms\":{},\"peak_directions\":{},\"status\":\"0x{:016x}\"}}",
                    f.directions(), f.biflows, f.two_sided, f.l2, f.ipv4, f.ipv6, f.packets, f.octets, f.forced,
                    f.alarms, run.counts.peak_directions, (run.counts.totals.status | f.status) & ~FS(INVERTED));
    if (const auto& books = run.running)
        out += fmt::format(",\"ledger\":{{\"packets\":{},\"in_flows\":{},\"in_flows_alive\":{},\"on_their_way\":{},"
                           "\"without_flow\":{},\"difference\":{},\"at_rest\":{}}},\"counters\":{{",
                           books->seen, books->exported, books->alive, books->waiting, books->without_flow,
                           books->difference(), books->at_rest);
    else
        out += fmt::format(",\"ledger\":{{\"packets\":{},\"in_flows\":{},\"difference\":{}}},\"counters\":{{",
                           run.input.frames, f.packets, run.ledger_difference());
    static constexpr const char* kNames[] = {
#define X(name, text, help) text,
        FX_COUNTERS(X)
#undef X
    };
    const engine_counts counts = reported_counts(run);
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        out += fmt::format("{}\"{}\":{}", i ? "," : "", kNames[i], counts.counter[i]);
    out += fmt::format(",\"records_damaged\":{}", run.records_damaged);
    out += fmt::format(",\"flow_memories_dropped\":{}", run.tally.memories_dropped);
    out += fmt::format(",\"stream_heads_dropped\":{}", run.tally.streams_dropped);
    out += "},\"files\":[";
    for (std::size_t i = 0; i < run.files.size(); i++)
        out += fmt::format("{}{{\"name\":{},\"bytes\":{},\"packets\":{},\"link_type\":{}}}", i ? "," : "",
                           json_string(run.files[i].name), run.files[i].size_bytes, run.files[i].packets,
                           json_string(link_type_name(run.files[i].link_type)));
    out += "],\"damages\":[";
    for (std::size_t i = 0; i < run.damages.size(); i++)
        out += fmt::format("{}{{\"file\":{},\"offset\":{},\"reason\":{}}}", i ? "," : "",
                           json_string(run.damages[i].file), run.damages[i].offset, json_string(run.damages[i].reason));
    out += "],\"problems\":[";
    for (std::size_t i = 0; i < run.problems.size(); i++)
        out += (i ? "," : "") + json_string(run.problems[i]);
    out += "],\"hints\":[";
    for (std::size_t i = 0; i < run.hints.size(); i++)
        out += (i ? "," : "") + json_string(run.hints[i]);
    out += "],\"captures\":[";
    for (std::size_t i = 0; i < run.captures.size(); i++)
        out += fmt::format("{}{{\"path\":{},\"frames\":{},\"dropped\":{},\"last_error\":{}}}", i ? "," : "",
                           json_string(run.captures[i].path), run.captures[i].frames, run.captures[i].dropped,
                           json_string(run.captures[i].last_error));
    out += "],\"sinks\":[";
    for (std::size_t i = 0; i < run.sinks.size(); i++) {
        const SinkState& s = run.sinks[i];
        out += fmt::format(
            "{}{{\"sink\":{},\"rows\":{},\"sent\":{},\"retried\":{},\"dropped\":{},\"dropped_queue_full\":{},"
            "\"dropped_not_delivered\":{},\"unread\":{},\"skipped\":{},\"errors\":{},\"policy\":\"{}\",\"queued_"
            "bytes\":{},"
            "\"queue_peak_bytes\":{},\"queue_limit_bytes\":{},\"last_error\":{},\"report\":[",
            i ? "," : "", json_string(s.label), s.rows, s.sent, s.retried, s.dropped, s.dropped_queue_full,
            s.dropped - s.dropped_queue_full, s.unread, s.skipped, s.errors, policy_name(s.policy), s.queued_bytes,
            s.queue_peak_bytes, s.queue_limit_bytes, json_string(s.last_error));
        for (std::size_t line = 0; line < s.lines.size(); line++)
            out += (line ? "," : "") + json_string(s.lines[line]);
        out += "]}";
    }
    return out + "]}";
}

std::string utc_date(std::int64_t ns)
{
    std::int64_t s = ns / 1000000000;
    if (ns % 1000000000 < 0)
        s--;
    const auto t = static_cast<std::time_t>(s);
    std::tm parts{};
    char text[64];
    if (!gmtime_r(&t, &parts) || !std::strftime(text, sizeof text, "%a %d %b %Y %H:%M:%S GMT", &parts))
        return "date out of range";
    return text;
}

std::string human_duration(std::int64_t ns)
{
    std::int64_t s = ns / 1000000000;
    if (s < 60)
        return "";
    std::string text;
    for (const auto& [unit, letter] : {std::pair<std::int64_t, char>{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}) {
        if (s >= unit || !text.empty() || unit == 1) {
            text += fmt::format("{}{}{}", text.empty() ? "" : " ", s / unit, letter);
            s %= unit;
        }
    }
    return text;
}

} // namespace flowxdp
