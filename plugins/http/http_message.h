// SPDX-License-Identifier: BSD-2-Clause
// http_message.h - requests and responses of HTTP/1 (RFC 9112) at the head of one direction's stream.
#pragma once

#include "text_protocol/line_reader.h"
#include "text_protocol/text_pool.h"

namespace flowxdp::http {

// Most bytes of a direction that are looked at.
inline constexpr std::uint32_t kHeadBytes = 32768;

enum Stat : std::uint16_t {
    kListCut = 0x0001,     // T2
    kTextCut = 0x0002,     // T2: names of files
    kHttp = 0x0008,        // T2
    kChunked = 0x0010,     // T2
    kOtherMethod = 0x0020, // one without a bit in httpMethods
    kUpgraded = 0x0040,    // another protocol after CONNECT, 101 or an HTTP/2 preface
    kMorePackets = 0x0080, // of the flow's end, not of the stream
    kGap = 0x0100,
    kHeadEnded = 0x0200,
    kNoStart = 0x0400,
    kNotHttp = 0x0800,
};

enum Anomaly : std::uint16_t { // T2
    kPostQuery = 0x0001,
    kHostIsIpv4 = 0x0002,
    kParseError = 0x0020,
    kEmptyField = 0x0040,
    kXssProtection = 0x0100,
    kContentPolicy = 0x0200,
    kDoNotTrack = 0x0400,
    kExe = 0x1000,
    kElf = 0x2000,
    kHttp10 = 0x4000,
};

enum Text : std::uint8_t {
    kHost = 1,
    kUrl,
    kMime,
    kUserAgent,
    kForwardedFor,
    kReferer,
    kVia,
    kLocation,
    kServer,
    kPoweredBy,
};

// T2's names and bits of httpMethods, from bit 0.
inline constexpr std::string_view kMethods[] = {"OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"};
inline constexpr std::uint8_t kHead = 0x04, kConnect = 0x80;

enum class Phase : std::uint8_t {
    kStart,     // nothing is proven
    kStartLine, // of the next message
    kFields,    // its header
    kBodyStart, // the first bytes of a body
    kChunkSize, // a line
    kChunkEnd,  // an empty line
    kTrailer,   // fields behind the last chunk
    kSeek,      // any line that begins a message
    kDone,
};

// What one direction said. Lies in flow memory: plain bytes, zero at first.
struct Side {
    LinePlace place;
    std::uint32_t body_bytes; // of the message being read
    Phase phase;
    std::uint8_t is_response, is_chunked, has_length, without_body; // of the message being read
    std::uint8_t methods;                                           // httpMethods
    std::uint16_t stat, anomalies, mimes;                           // httpStat, httpAFlags, httpHeadMimes
    std::uint16_t requests, gets, posts, responses;
    std::uint16_t status; // of the message being read
    std::uint16_t pad;
    NumberList<std::uint16_t, 20> codes;
    TextPool<960> texts;
};

// Reads on. other is the opposite direction. Returns whether more bytes are wanted; a side without kHttp is zero.
bool read(const StreamView& head, const Side& other, Side* side);

} // namespace flowxdp::http
