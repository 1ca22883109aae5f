// SPDX-License-Identifier: BSD-2-Clause
// http, user half: what the requests and responses at the head of a connection say.
#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "http_message.h"

namespace {

using namespace flowxdp::http;

constexpr fx_bit kStatBits[] = {
    {kListCut, "A list or the memory for texts is full: later values are left out"},
    {kTextCut, "A text is cut"},
    {kHttp, "HTTP flow"},
    {kChunked, "Chunked body seen"},
    {kOtherMethod, "A method without a bit in httpMethods"},
    {kUpgraded, "Another protocol from here on: CONNECT, 101 Switching Protocols or HTTP/2"},
    {kMorePackets, "The flow has more packets than are looked at"},
    {kGap, "Bytes of a header were not captured: reading went on with the next line"},
    {kHeadEnded, "The bytes that are looked at end within a message: later messages are not read"},
    {kNoStart, "The start of the connection was not seen"},
    {kNotHttp, "Something between two messages is not HTTP"},
};
constexpr fx_bit kAnomalyBits[] = {
    {kPostQuery, "POST with a query in its URL"},
    {kHostIsIpv4, "Host is an IPv4 address"},
    {kParseError, "Parse error"},
    {kEmptyField, "Header field without a value"},
    {kXssProtection, "Cross-site scripting protection"},
    {kContentPolicy, "Content security policy"},
    {kDoNotTrack, "Do not track"},
    {kExe, "Possible EXE download"},
    {kElf, "Possible ELF download"},
    {kHttp10, "HTTP/1.0"},
};
constexpr fx_bit kMethodBits[] = {{0x01, "OPTIONS"}, {0x02, "GET"},    {0x04, "HEAD"},  {0x08, "POST"},
                                  {0x10, "PUT"},     {0x20, "DELETE"}, {0x40, "TRACE"}, {0x80, "CONNECT"}};
constexpr fx_bit kMimeBits[] = {
    {0x0001, "application"}, {0x0002, "audio"},     {0x0004, "image"},  {0x0008, "message"},
    {0x0010, "model"},       {0x0020, "multipart"}, {0x0040, "text"},   {0x0080, "video"},
    {0x0100, "vnd."},        {0x0200, "x-"},        {0x0400, "x-pkcs"}, {0x8000, "All else"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H16> stat{this, {.name = "httpStat", .help = "HTTP status", .bits = kStatBits}};
    Column<H16> anomalies{this, {.name = "httpAFlags", .help = "HTTP anomalies", .bits = kAnomalyBits}};
    Column<H8> methods{this, {.name = "httpMethods", .help = "HTTP methods of requests", .bits = kMethodBits}};
    Column<H16> head_mimes{this, {.name = "httpHeadMimes", .help = "Kinds of Content-Type", .bits = kMimeBits}};
    Column<U16> requests{this, {.name = "httpReqCnt", .help = "Requests", .unit = "requests"}};
    Column<U16> gets{this, {.name = "httpGetCnt", .help = "GET requests", .unit = "requests"}};
    Column<U16> posts{this, {.name = "httpPostCnt", .help = "POST requests", .unit = "requests"}};
    Column<U16> responses{this, {.name = "httpRSCnt", .help = "Responses", .unit = "responses"}};
    List<U16> codes{this, {.name = "httpRSCode", .help = "Distinct status codes of responses"}};
    List<String> hosts{this, {.name = "httpHosts", .help = "Distinct Host fields"}};
    List<String> urls{this, {.name = "httpURL", .help = "Distinct request targets, with their queries"}};
    List<String> mimes{this, {.name = "httpMimes", .help = "Distinct Content-Type fields"}};
    List<String> agents{this, {.name = "httpUsrAg", .help = "Distinct User-Agent fields"}};
    List<String> forwarded{this, {.name = "httpXFor", .help = "Distinct X-Forwarded-For fields"}};
    List<String> referers{this, {.name = "httpRefrr", .help = "Distinct Referer fields"}};
    List<String> vias{this, {.name = "httpVia", .help = "Distinct Via fields"}};
    List<String> locations{this, {.name = "httpLoc", .help = "Distinct Location fields"}};
    List<String> servers{this, {.name = "httpServ", .help = "Distinct Server fields"}};
    List<String> powered{this, {.name = "httpPwr", .help = "Distinct X-Powered-By fields"}};
};
constexpr FlowColumns kColumns;

struct Options : flowxdp::OptionSet {
    Number<std::uint16_t> packets{
        this, "packets", "64", "packets of a direction that are looked at, those without payload included; 0 = all",
        0,    65535};
};
constexpr Options kOptions;

struct Memory {
    Side side[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

struct Figures : flowxdp::FigureSet {
    Counter flows{this, {.name = "flow_directions", .help = "Flow directions with HTTP"}};
    Counter gets{this, {.name = "get_requests", .help = "GET requests, in flows that ended"}};
    Counter posts{this, {.name = "post_requests", .help = "POST requests, in flows that ended"}};
};
constexpr Figures kFigures;

constexpr flowxdp::PluginDescription kDescription = {.number = 310,
                                                     .name = "http",
                                                     .version = "0.1.0",
                                                     .help = "HTTP/1 requests and responses",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .stream_bytes = kHeadBytes,
                                                     .figures = kFigures.all()};

class Http final : public flowxdp::Plugin {
  public:
    Http(flowxdp::OptionValues options, void*, flowxdp::Host) { need_.first_packets = options[kOptions.packets]; }

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return {&need_, 1}; }

    bool on_stream(const fx_stream& stream) override
    {
        Memory& memory = FlowMemory::of(stream);
        const unsigned direction = stream.direction & 1;
        return read(flowxdp::stream_view(stream, kHeadBytes), memory.side[direction ^ 1], &memory.side[direction]);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr Side kNothing{};
        const Memory* memory = FlowMemory::of(flow);
        const Side& side = memory ? memory->side[flow.direction & 1] : kNothing;
        std::uint16_t stat = side.stat;
        if (stat && need_.first_packets && flow.dir->packets > need_.first_packets)
            stat |= kMorePackets;
        row.put(kColumns.stat, stat);
        row.put(kColumns.anomalies, side.anomalies);
        row.put(kColumns.methods, side.methods);
        row.put(kColumns.head_mimes, side.mimes);
        row.put(kColumns.requests, side.requests);
        row.put(kColumns.gets, side.gets);
        row.put(kColumns.posts, side.posts);
        row.put(kColumns.responses, side.responses);
        row.list(kColumns.codes, std::span(side.codes.values, side.codes.count));
        texts(row, kColumns.hosts, side, kHost);
        texts(row, kColumns.urls, side, kUrl);
        texts(row, kColumns.mimes, side, kMime);
        texts(row, kColumns.agents, side, kUserAgent);
        texts(row, kColumns.forwarded, side, kForwardedFor);
        texts(row, kColumns.referers, side, kReferer);
        texts(row, kColumns.vias, side, kVia);
        texts(row, kColumns.locations, side, kLocation);
        texts(row, kColumns.servers, side, kServer);
        texts(row, kColumns.powered, side, kPoweredBy);
        stat_ |= stat;
        anomalies_ |= side.anomalies;
        mimes_ |= side.mimes;
        figures_.add(kFigures.flows, stat != 0);
        figures_.add(kFigures.gets, side.gets);
        figures_.add(kFigures.posts, side.posts);
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!figures_[kFigures.flows])
            return;
        out.line(fmt::format("http: Aggregated httpStat=0x{:04x}, httpAFlags=0x{:04x}, httpHeadMimes=0x{:04x}", stat_,
                             anomalies_, mimes_));
        out.line(
            fmt::format("http: Number of HTTP flow directions: {}", flowxdp::count_text(figures_[kFigures.flows])));
        out.line(fmt::format("http: Number of GET, POST requests: {}, {}", flowxdp::count_text(figures_[kFigures.gets]),
                             flowxdp::count_text(figures_[kFigures.posts])));
    }

  private:
    fx_packet_need need_{.ip_proto = 6, .payload_bytes = PACKET_MAX_PAYLOAD, .flags = FX_NEED_STREAM};
    template <typename Column>
    static void texts(flowxdp::RowWriter& row, const Column& column, const Side& side, Text kind)
    {
        row.list(column, flowxdp::TextList(side.texts, kind).all());
    }

    std::uint16_t stat_ = 0, anomalies_ = 0, mimes_ = 0;
    flowxdp::FigureValues figures_{kFigures};
};

} // namespace

FLOWXDP_PLUGIN(Http, kDescription)
