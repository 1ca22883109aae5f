// SPDX-License-Identifier: BSD-2-Clause
// The dissector of sip: the call of RFC 3261 24.2 with an SDP of RFC 4566, over UDP and TCP.
#include "sip_message.h"

#include <gtest/gtest.h>

#include <string>

#include "support/stream_feed.h"

namespace {

using namespace flowxdp;
using namespace flowxdp::sip;
using namespace flowxdp::test;

using Texts = std::vector<std::string>;

bool read_tcp(const StreamView& head, Side* side)
{
    return read(head, side);
}
Side datagrams(std::initializer_list<std::string_view> all)
{
    Side side{};
    for (const std::string_view text : all) {
        const ExactBytes bytes(text);
        read_datagram(bytes.span(), true, &side);
    }
    return side;
}
Texts texts(const Side& side, Text kind)
{
    Texts out;
    side.texts.each(kind, [&](std::string_view text) { out.emplace_back(text); });
    return out;
}

constexpr std::string_view kSdpBody = "v=0\r\no=alice 2890844526 2890844527 IN IP4 host.example.com\r\ns=-\r\n"
                                      "c=IN IP4 192.0.2.101\r\nt=0 0\r\nm=audio 49172 RTP/AVP 0 97\r\n"
                                      "a=rtpmap:0 PCMU/8000\r\na=rtpmap:97 iLBC/8000\r\n"
                                      "m=video 51372 RTP/AVP 31\r\nc=IN IP6 2001:db8::5/127\r\n";
const std::string kInvite = "INVITE sip:bob@biloxi.com SIP/2.0\r\n"
                            "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\nMax-Forwards: 70\r\n"
                            "To: Bob <sip:bob@biloxi.com>\r\nFrom: \"A <b>\" <sip:alice@atlanta.com>;tag=1928301774\r\n"
                            "Call-ID: a84b4c76e66710@pc33.atlanta.com\r\nCSeq: 314159 INVITE\r\n"
                            "User-Agent: phone/1.0\r\nContact: <sip:alice@pc33.atlanta.com>\r\n"
                            "Content-Type: application/sdp\r\nContent-Length: " +
                            std::to_string(kSdpBody.size()) + "\r\n\r\n" + std::string(kSdpBody);
// Compact names (RFC 3261 7.3.3), and a body that looks like a message.
const std::string kBye = "BYE sip:alice@pc33.atlanta.com SIP/2.0\r\nf: sip:bob@biloxi.com;tag=a6c85cf\r\n"
                         "t: Alice <sip:alice@atlanta.com>\r\ni: a84b4c76e66710@pc33.atlanta.com\r\n"
                         "c: text/plain\r\nl: 17\r\n\r\nSIP/2.0 200 OK\r\n\r\n";
constexpr std::string_view kRinging = "SIP/2.0 180 Ringing\r\nFrom: <sip:a@example.com>\r\nContent-Length: 0\r\n\r\n";

void expect_invite(const Side& side)
{
    EXPECT_EQ(side.stat, kSip | kSdp | kAudio | kVideo);
    EXPECT_EQ(side.methods, 0x0002);
    EXPECT_EQ(texts(side, kFrom), Texts{"sip:alice@atlanta.com"});
    EXPECT_EQ(texts(side, kTo), Texts{"sip:bob@biloxi.com"});
    EXPECT_EQ(texts(side, kCallId), Texts{"a84b4c76e66710@pc33.atlanta.com"});
    EXPECT_EQ(texts(side, kContact), Texts{"sip:alice@pc33.atlanta.com"});
    EXPECT_EQ(texts(side, kUserAgent), Texts{"phone/1.0"});
    EXPECT_EQ(texts(side, kSession), Texts{"2890844526"});
    EXPECT_EQ(texts(side, kCodec), (Texts{"PCMU/8000", "iLBC/8000"}));
    ASSERT_EQ(side.audio_ports.count, 1);
    EXPECT_EQ(side.audio_ports.values[0], 49172);
    ASSERT_EQ(side.video_ports.count, 1);
    EXPECT_EQ(side.video_ports.values[0], 51372);
    ASSERT_EQ(side.address_count, 2);
    EXPECT_EQ(side.addresses[0].ip_version, 4);
    EXPECT_EQ(side.addresses[0].bytes[15], 101);
    EXPECT_EQ(side.addresses[1].ip_version, 6);
    EXPECT_EQ(side.addresses[1].bytes[15], 5);
}

// The same field in one line and in three (RFC 3261 7.3.1).
TEST(SipMessage, AFieldOfSeveralLines)
{
    constexpr std::string_view kFolded = "MESSAGE sip:b@example.com SIP/2.0\r\nFrom: \"A\r\n\tlong name\"\r\n"
                                         "   <sip:a@example.com>;tag=1\r\nTo:\r\n <sip:b@example.com>\r\n"
                                         "Call-ID: 1\r\nContent-Length: 0\r\n\r\n";
    const auto expect = [](const Side& side) {
        EXPECT_EQ(side.stat, kSip);
        EXPECT_EQ(texts(side, kFrom), Texts{"sip:a@example.com"});
        EXPECT_EQ(texts(side, kTo), Texts{"sip:b@example.com"});
        EXPECT_EQ(texts(side, kCallId), Texts{"1"});
    };
    expect(datagrams({kFolded}));
    expect(feed_whole<Side>(kFolded, read_tcp));
    EXPECT_TRUE(same_in_segments<Side>(kFolded, read_tcp));
}

// Waiting for the end of a field is bounded: lines beyond its first 1,024 bytes are left out, and the status says so.
TEST(SipMessage, AFieldOfTooManyLines)
{
    std::string text = "OPTIONS sip:b@example.com SIP/2.0\r\nUser-Agent: a\r\n";
    for (int i = 0; i < 300; i++)
        text += " bcd\r\n";
    text += "Call-ID: 1\r\n\r\n";
    const auto expect = [](const Side& side) {
        EXPECT_EQ(side.stat, kSip | kTextCut);
        ASSERT_EQ(texts(side, kUserAgent).size(), 1u);
        EXPECT_EQ(texts(side, kUserAgent)[0].substr(0, 9), "a bcd bcd");
        EXPECT_EQ(texts(side, kCallId), Texts{"1"});
    };
    expect(datagrams({text}));
    expect(feed_whole<Side>(text, read_tcp));
    EXPECT_TRUE(same_in_segments<Side>(text, read_tcp));
}

TEST(SipMessage, InviteOfRfc3261InADatagram)
{
    expect_invite(datagrams({kInvite}));
}

TEST(SipMessage, InviteOfRfc3261OverTcp)
{
    expect_invite(feed_whole<Side>(kInvite, read_tcp));
}

TEST(SipMessage, MessagesBehindOneAnother)
{
    const std::string stream = kInvite + "\r\n\r\n" + kBye + std::string(kRinging);
    const Side side = feed_whole<Side>(stream, read_tcp);
    EXPECT_EQ(side.stat, kSip | kSdp | kAudio | kVideo); // the body has one byte more than it says: an empty line
    EXPECT_EQ(side.requests, 2);
    EXPECT_EQ(side.responses, 1);
    ASSERT_EQ(side.codes.count, 1);
    EXPECT_EQ(side.codes.values[0], 180);
    EXPECT_EQ(side.methods, 0x000a);
    EXPECT_EQ(texts(side, kFrom), (Texts{"sip:alice@atlanta.com", "sip:bob@biloxi.com", "sip:a@example.com"}));
    EXPECT_TRUE(same_in_segments<Side>(stream, read_tcp));
}

TEST(SipMessage, DatagramsAreMessagesOfTheirOwn)
{
    const Side side = datagrams({kInvite, "\r\n\r\n", kBye, kRinging, "no sip at all\r\n"});
    EXPECT_EQ(side.requests, 2);
    EXPECT_EQ(side.responses, 1);
    EXPECT_EQ(side.stat, kSip | kSdp | kAudio | kVideo);
}

TEST(SipMessage, WhatIsNoSipLeavesNothing)
{
    for (const std::string_view text : {"GET / HTTP/1.1\r\n\r\n", "INVITE sip:a@example.com SIP/3.0\r\n", "\r\n\r\n",
                                        "SIP/2.0 20x\r\n", "jaK", "INVITE", ""}) {
        SCOPED_TRACE(text);
        EXPECT_TRUE(same_results(datagrams({text}), Side{}));
        EXPECT_TRUE(same_results(feed_whole<Side>(text, read_tcp), Side{}));
    }
}

TEST(SipMessage, CutsAreMarked)
{
    Side side{};
    const ExactBytes bytes(std::string_view(kInvite).substr(0, 200));
    read_datagram(bytes.span(), false, &side);
    EXPECT_EQ(side.stat, kSip | kTextCut);
    std::string many;
    for (int i = 0; i < 21; i++)
        many += "OPTIONS sip:a SIP/2.0\r\nCall-ID: " + std::to_string(i) + "\r\n\r\n";
    const Side listed = feed_whole<Side>(many, read_tcp);
    EXPECT_EQ(listed.stat, kSip | kListCut);
    EXPECT_EQ(listed.requests, 21);
    std::string media = "INVITE sip:a SIP/2.0\r\nc: application/sdp\r\n\r\n";
    for (int i = 1; i < 8; i++)
        media += "m=audio " + std::to_string(i) + " RTP/AVP 0\r\n";
    EXPECT_EQ(datagrams({media}).stat, kSip | kSdp | kAudio | kMediaCut);
    EXPECT_EQ(feed_whole<Side>("BYE sip:a SIP/2.0\r\nl: 99999\r\n\r\nx", read_tcp).stat, kSip | kHeadEnded);
}

TEST(SipMessage, GapCostsItsLine)
{
    std::string text = kInvite;
    const std::size_t at = text.find("49172");
    std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(at), 5, '\0');
    const fx_stream_gap gap = {at, 5};
    const Side side = feed_whole<Side>(text, read_tcp, {&gap, 1});
    EXPECT_EQ(side.stat, kSip | kSdp | kVideo | kGap);
    EXPECT_EQ(side.audio_ports.count, 0);
}

TEST(SipMessage, QuoteThatDoesNotEndHidesNoUri)
{
    const Side side = datagrams({"BYE sip:a SIP/2.0\r\nFrom: \"a <sip:a@example.com>\r\n\r\n"});
    EXPECT_EQ(texts(side, kFrom), Texts{"sip:a@example.com"});
}

TEST(SipMessage, DamagedInputIsRead)
{
    feed_damaged<Side>(kInvite + kBye, read_tcp);
    for (std::size_t i = 0; i <= kInvite.size(); i++)
        datagrams({std::string_view(kInvite).substr(0, i)});
}

} // namespace
