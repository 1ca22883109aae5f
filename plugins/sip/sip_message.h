// SPDX-License-Identifier: BSD-2-Clause
// sip_message.h - requests and responses of SIP (RFC 3261) with the media that their SDP (RFC 8866) announces.
#pragma once

#include "text_protocol/line_reader.h"
#include "text_protocol/text_pool.h"

namespace flowxdp::sip {

// Most bytes of a TCP direction that are looked at.
inline constexpr std::uint32_t kHeadBytes = 32768;

enum Stat : std::uint32_t {
    kSip = 0x0004,      // T2
    kSdp = 0x0040,      // T2
    kAudio = 0x0200,    // T2
    kVideo = 0x0400,    // T2
    kMediaCut = 0x0800, // T2
    kListCut = 0x10000,
    kTextCut = 0x20000,
    kGap = 0x40000,
    kHeadEnded = 0x80000,
    kMalformed = 0x100000,
    kNoStart = 0x200000,
};

enum Text : std::uint8_t { kUserAgent = 1, kRealIp, kFrom, kTo, kCallId, kContact, kSession, kCodec };

// T2's names and bits of sipMethods, from bit 1; bit 0 is any other method.
inline constexpr std::string_view kMethods[] = {"INVITE",  "ACK",   "BYE",       "CANCEL", "REGISTER",
                                                "OPTIONS", "PRACK", "SUBSCRIBE", "NOTIFY", "PUBLISH",
                                                "INFO",    "REFER", "MESSAGE",   "UPDATE"};

enum class Phase : std::uint8_t { kStartLine, kFields, kSdp, kDone };

struct Address {
    std::uint8_t bytes[16]; // IPv4 mapped into IPv6
    std::uint8_t ip_version;
};
inline constexpr std::size_t kMostAddresses = 6;

// What one direction said. Lies in flow memory: plain bytes, zero at first.
struct Side {
    LinePlace place;
    std::uint32_t stat;       // voipStat
    std::uint32_t body_bytes; // of the message being read
    std::uint32_t body_end;
    std::uint16_t methods; // sipMethods
    Phase phase;
    std::uint8_t is_sdp; // of the message being read
    std::uint8_t requests, responses;
    std::uint8_t address_count;
    std::uint8_t pad;
    NumberList<std::uint8_t, 15> request_order; // bits of methods
    NumberList<std::uint16_t, 16> codes;
    NumberList<std::uint16_t, 6> audio_ports, video_ports;
    Address addresses[kMostAddresses];
    std::uint8_t pad2[2];
    TextPool<832> texts;
};

// Reads on in a TCP direction. Returns whether more bytes are wanted; a side without kSip is zero.
bool read(const StreamView& head, Side* side);
// Reads a datagram, which is one message (RFC 3261 18.3). is_whole: all of it was captured. What is no SIP changes
// nothing.
void read_datagram(std::span<const std::uint8_t> bytes, bool is_whole, Side* side);

} // namespace flowxdp::sip
