// SPDX-License-Identifier: BSD-2-Clause
// conn_stat: how many peers an address had, and how many flows with one of them, or to one port. It has only a user
// half and counts the flows that have ended. README.md defines every column.
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "count_table.h"
#include "flowxdp/plugin.hpp"

namespace {

enum Status : std::uint8_t {
    kNoAddress = 0x01,
    kHostsFull = 0x02,
    kPairsFull = 0x04,
    kPortsFull = 0x08,
};
constexpr fx_bit kStatBits[] = {
    {kNoAddress, "No IP addresses: nothing is counted"},
    {kHostsFull, "No room for more addresses: connSip, connDip, connNumPCnt, connNumBCnt may be too small"},
    {kPairsFull, "No room for more pairs of addresses: connSip, connDip, connSipDip may be too small"},
    {kPortsFull, "No room for more ports of addresses: connSipDprt may be too small"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "connStat", .help = "Status of the connection counts", .bits = kStatBits}};
    Column<U32> source_peers{
        this,
        {.name = "connSip", .help = "Peers of the source address: A: it opened flows to; B: that opened flows to it"}};
    Column<U32> destination_peers{
        this,
        {.name = "connDip",
         .help = "Peers of the destination address: A: that opened flows to it; B: it opened flows to"}};
    Column<U32> pair_flows{
        this, {.name = "connSipDip", .help = "Flows that A's address opened to B's address", .unit = "flows"}};
    Column<U32> port_flows{
        this,
        {.name = "connSipDprt", .help = "Flows that A's address opened to B's port, at any address", .unit = "flows"}};
    Column<Float> f{this, {.name = "connF", .help = "connSipDprt / connSip"}};
    Column<Float> g{this, {.name = "connG", .help = "connSipDprt / connSipDip"}};
    Column<U64> packets{
        this, {.name = "connNumPCnt", .help = "Packets that the source address sent, all flows", .unit = "packets"}};
    Column<U64> octets{this,
                       {.name = "connNumBCnt",
                        .help = "Octets that the source address sent, all flows: IP packets as their headers claim",
                        .unit = "B"}};
};
constexpr FlowColumns kColumns;

struct Options : flowxdp::OptionSet {
    Number<std::uint32_t> max_entries{this,     "max_entries",
                                      "100000", "addresses, pairs and ports of addresses that are counted, of each",
                                      1,        10'000'000};
};
constexpr Options kOptions;
constexpr flowxdp::PluginDescription kDescription = {.number = 500,
                                                     .name = "conn_stat",
                                                     .version = "0.1.0",
                                                     .help = "Peers and flows of each address",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all()};

struct Address {
    std::uint64_t high = 0, low = 0;
    std::uint8_t bytes[16] = {};
    std::uint8_t version = 0;

    Address() = default;
    Address(const std::uint8_t* address, std::uint8_t ip_version) : version(ip_version)
    {
        std::memcpy(bytes, address, 16);
        std::memcpy(&high, address, 8);
        std::memcpy(&low, address + 8, 8);
    }
};

struct HostCounts {
    std::uint32_t opened_to = 0;   // peers
    std::uint32_t opened_from = 0; // peers
    std::uint64_t packets = 0, octets = 0;
};

// The address with the most of something; of several, the first one.
struct Most {
    std::uint64_t count = 0;
    Address address;

    void offer(std::uint64_t n, const Address& who)
    {
        if (n <= count)
            return;
        count = n;
        address = who;
    }
};

double ratio(std::uint32_t part, std::uint32_t whole)
{
    return whole ? static_cast<double>(part) / whole : 0.0;
}

class ConnStat final : public flowxdp::Plugin {
  public:
    ConnStat(flowxdp::OptionValues options, void*, flowxdp::Host host)
        : host_(host), hosts_(options[kOptions.max_entries]), pairs_(options[kOptions.max_entries]),
          ports_(options[kOptions.max_entries])
    {
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        if (!flow.ip_version) {
            put(row, kNoAddress, {}, {});
            return 0;
        }
        const Address source(flow.src_address, flow.ip_version), destination(flow.dst_address, flow.ip_version);
        HostCounts* const sender = hosts_.of(key_of(source));
        HostCounts* const receiver = hosts_.of(key_of(destination));
        if (sender) {
            sender->packets += flow.dir->packets;
            sender->octets += flow.dir->octets;
            busiest_packets_.offer(sender->packets, source);
            busiest_octets_.offer(sender->octets, source);
        }
        // A flow is counted once: with its first row.
        const bool opened = flow.direction == DIRECTION_A, is_new = opened || !flow.has_opposite;
        const Host client = {source, sender}, server = {destination, receiver};
        const Flow counts =
            opened ? count(client, server, flow.dst_port, is_new) : count(server, client, flow.src_port, is_new);
        const auto stat =
            static_cast<std::uint8_t>((hosts_.refused() ? kHostsFull : 0) | (pairs_.refused() ? kPairsFull : 0) |
                                      (ports_.refused() ? kPortsFull : 0));
        const std::uint32_t to = sender ? (opened ? sender->opened_to : sender->opened_from) : 0;
        const std::uint32_t from = receiver ? (opened ? receiver->opened_from : receiver->opened_to) : 0;
        put(row, stat, {to, from, counts.pair, counts.port}, sender ? *sender : HostCounts{});
        return 0;
    }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!hosts_.size())
            return;
        out.line(fmt::format("connStat: Number of addresses: {}, that opened flows: {}, to which flows were opened: {}",
                             flowxdp::count_text(hosts_.size()), flowxdp::count_text(openers_),
                             flowxdp::count_text(answerers_)));
        out.line(fmt::format("connStat: Number of pairs of addresses: {}, flows of the busiest: {}",
                             flowxdp::count_text(pairs_.size()), flowxdp::count_text(most_pair_)));
        out.line(fmt::format("connStat: Most flows of one address to one port: {}", flowxdp::count_text(most_port_)));
        line(out, "Address that opened flows to most addresses", most_to_);
        line(out, "Address to which most addresses opened flows", most_from_);
        line(out, "Biggest L3 talker, packets of all flows", busiest_packets_);
        line(out, "Biggest L3 talker, octets of all flows", busiest_octets_);
        if (const std::uint64_t refused = hosts_.refused() + pairs_.refused() + ports_.refused())
            out.line(fmt::format("connStat: Number of counts without room: {}", flowxdp::count_text(refused)));
    }

  private:
    struct Host {
        const Address& address;
        HostCounts* counts; // NULL: no room
    };
    struct Flow {
        std::uint32_t pair = 0, port = 0;
    };
    struct Row {
        std::uint32_t source_peers = 0, destination_peers = 0, pair_flows = 0, port_flows = 0;
    };
    // IPv4 is held mapped into IPv6: the version tells 1.2.3.4 from ::ffff:1.2.3.4.
    static std::array<std::uint64_t, 3> key_of(const Address& a) { return {a.high, a.low, a.version}; }

    // A flow that the client opened. is_new: it was not counted yet.
    Flow count(const Host& client, const Host& server, std::uint16_t port, bool is_new)
    {
        const Address &from = client.address, &to = server.address;
        std::uint32_t* const pair = pairs_.of({from.high, from.low, to.high, to.low, std::uint64_t{from.version}});
        std::uint32_t* const of_port = ports_.of({from.high, from.low, std::uint64_t{from.version} << 16 | port});
        if (is_new && pair) {
            if (++*pair == 1)
                count_peers(client, server);
            most_pair_ = std::max<std::uint64_t>(most_pair_, *pair);
        }
        if (is_new && of_port)
            most_port_ = std::max<std::uint64_t>(most_port_, ++*of_port);
        return {pair ? *pair : 0, of_port ? *of_port : 0};
    }
    void count_peers(const Host& client, const Host& server)
    {
        if (client.counts) {
            openers_ += ++client.counts->opened_to == 1;
            most_to_.offer(client.counts->opened_to, client.address);
        }
        if (server.counts) {
            answerers_ += ++server.counts->opened_from == 1;
            most_from_.offer(server.counts->opened_from, server.address);
        }
    }
    void put(flowxdp::RowWriter& row, std::uint8_t stat, const Row& cells, const HostCounts& sent)
    {
        row.put(kColumns.stat, stat);
        row.put(kColumns.source_peers, cells.source_peers);
        row.put(kColumns.destination_peers, cells.destination_peers);
        row.put(kColumns.pair_flows, cells.pair_flows);
        row.put(kColumns.port_flows, cells.port_flows);
        row.put(kColumns.f, ratio(cells.port_flows, cells.source_peers));
        row.put(kColumns.g, ratio(cells.port_flows, cells.pair_flows));
        row.put(kColumns.packets, sent.packets);
        row.put(kColumns.octets, sent.octets);
    }
    void line(flowxdp::ReportWriter& out, const char* what, const Most& most) const
    {
        if (!most.count)
            return;
        out.line(fmt::format("connStat: {}: {}: {}", what, host_.ip_text(most.address.bytes, most.address.version),
                             flowxdp::count_text(most.count)));
    }

    flowxdp::Host host_;
    flowxdp::CountTable<3, HostCounts> hosts_;
    flowxdp::CountTable<5, std::uint32_t> pairs_;
    flowxdp::CountTable<3, std::uint32_t> ports_;
    std::uint64_t openers_ = 0, answerers_ = 0, most_pair_ = 0, most_port_ = 0;
    Most most_to_, most_from_, busiest_packets_, busiest_octets_;
};

} // namespace

FLOWXDP_PLUGIN(ConnStat, kDescription)
