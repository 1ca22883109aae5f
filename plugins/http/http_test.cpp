// SPDX-License-Identifier: BSD-2-Clause
// The dissector of http: messages of RFC 9110 and 9112, in any segments, with gaps, cut and malformed.
#include "http_message.h"

#include <gtest/gtest.h>

#include <string>

#include "support/stream_feed.h"

namespace {

using namespace flowxdp;
using namespace flowxdp::http;
using namespace flowxdp::test;

using Texts = std::vector<std::string>;

constexpr Side kNobody{};

bool read_alone(const StreamView& head, Side* side)
{
    return read(head, kNobody, side);
}
Side whole(std::string_view text)
{
    return feed_whole<Side>(text, read_alone);
}
Texts texts(const Side& side, Text kind)
{
    Texts out;
    side.texts.each(kind, [&](std::string_view text) { out.emplace_back(text); });
    return out;
}
std::vector<unsigned> codes(const Side& side)
{
    return {side.codes.values, side.codes.values + side.codes.count};
}

// RFC 9110 3.9.
constexpr std::string_view kRequest = "GET /hello.txt HTTP/1.1\r\n"
                                      "User-Agent: curl/7.64.1\r\n"
                                      "Host: www.example.com\r\n"
                                      "Accept-Language: en, mi\r\n\r\n";
constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\n"
                                       "Date: Mon, 27 Jul 2009 12:28:53 GMT\r\n"
                                       "Server: Apache\r\n"
                                       "Last-Modified: Wed, 22 Jul 2009 19:15:56 GMT\r\n"
                                       "ETag: \"34aa387-d-1568eb00\"\r\n"
                                       "Accept-Ranges: bytes\r\n"
                                       "Content-Length: 51\r\n"
                                       "Vary: Accept-Encoding\r\n"
                                       "Content-Type: text/plain\r\n\r\n"
                                       "Hello World! My content includes a trailing CRLF.\r\n";
// RFC 9112 7.1: two chunks, an extension and a trailer.
constexpr std::string_view kChunkedResponse = "HTTP/1.1 404 Not Found\r\n"
                                              "Transfer-Encoding: gzip, chunked\r\n"
                                              "Content-Type: image/png\r\n\r\n"
                                              "1a;name=value\r\n"
                                              "HTTP/1.1 500 no message\r\n.\r\n"
                                              "3\r\nabc\r\n"
                                              "0\r\nServer: trailer\r\n\r\n";

TEST(HttpMessage, RequestOfRfc9110)
{
    const Side side = whole(kRequest);
    EXPECT_EQ(side.stat, kHttp);
    EXPECT_EQ(side.methods, 0x02);
    EXPECT_EQ(side.requests, 1);
    EXPECT_EQ(side.gets, 1);
    EXPECT_EQ(texts(side, kUrl), Texts{"/hello.txt"});
    EXPECT_EQ(texts(side, kHost), Texts{"www.example.com"});
    EXPECT_EQ(texts(side, kUserAgent), Texts{"curl/7.64.1"});
}

TEST(HttpMessage, ResponsesOfRfc9110And9112BehindOneAnother)
{
    const Side side = whole(std::string(kResponse) + std::string(kChunkedResponse) + std::string(kResponse));
    EXPECT_EQ(side.stat, kHttp | kChunked);
    EXPECT_EQ(side.responses, 3);
    EXPECT_EQ(codes(side), (std::vector<unsigned>{200, 404}));
    EXPECT_EQ(texts(side, kServer), (Texts{"Apache", "trailer"}));
    EXPECT_EQ(texts(side, kMime), (Texts{"text/plain", "image/png"}));
    EXPECT_EQ(side.mimes, 0x0044);
}

TEST(HttpMessage, SegmentsDoNotMatter)
{
    const std::string responses = std::string(kResponse) + std::string(kChunkedResponse) + std::string(kResponse);
    EXPECT_TRUE(same_in_segments<Side>(responses, read_alone));
    const std::string requests = "POST /a?b HTTP/1.0\r\nContent-Length: 4\r\n\r\nGET \r\n" + std::string(kRequest);
    EXPECT_TRUE(same_in_segments<Side>(requests, read_alone));
}

TEST(HttpMessage, BodyOfARequestIsNoRequest)
{
    const Side side =
        whole("POST /a?b HTTP/1.0\r\nHost: 192.0.2.1:8080\r\nContent-Length: 18\r\n\r\nGET /x HTTP/1.1\r\n"
              "GET /y HTTP/1.1\r\n\r\n");
    EXPECT_EQ(texts(side, kUrl), (Texts{"/a?b"}));
    EXPECT_EQ(side.anomalies, kPostQuery | kHostIsIpv4 | kHttp10);
    EXPECT_EQ(side.posts, 1);
    EXPECT_EQ(side.stat & kNotHttp, kNotHttp); // the body has 17 bytes: the 18th is the G of the next request
}

TEST(HttpMessage, ResponsesToHeadHaveNoBody)
{
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n";
    Side requests{};
    requests.stat = kHttp;
    requests.methods = kHead;
    const auto after_head = [&](const StreamView& h, Side* side) { return read(h, requests, side); };
    EXPECT_EQ(feed_whole<Side>(head, after_head).stat, kHttp);
    const Side two = feed_whole<Side>(head + head, after_head);
    EXPECT_EQ(two.stat, kHttp);
    EXPECT_EQ(two.responses, 2);
    EXPECT_TRUE(same_in_segments<Side>(head + head, after_head));
    EXPECT_EQ(whole(head).stat, kHttp | kHeadEnded);
    requests.methods = 0x02;
    EXPECT_EQ(
        feed_whole<Side>("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\nHTTP/1.1 500 body\r\n", after_head).responses,
        1);
}

TEST(HttpMessage, StatusesWithoutBody)
{
    const Side side = whole("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"
                            "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(side.stat, kHttp);
    EXPECT_EQ(codes(side), (std::vector<unsigned>{100, 304, 204}));
}

TEST(HttpMessage, AnotherProtocolFollows)
{
    EXPECT_EQ(whole("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05Hello").stat,
              kHttp | kUpgraded);
    const std::string tunnel =
        std::string("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n") + "\x16\x03\x01";
    const Side side = whole(tunnel);
    EXPECT_EQ(side.stat, kHttp | kUpgraded);
    EXPECT_EQ(side.methods, kConnect);
    EXPECT_EQ(texts(side, kUrl), Texts{"example.com:443"});
    EXPECT_EQ(whole("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").stat, kHttp | kUpgraded);
}

TEST(HttpMessage, OtherProtocolsLeaveNothing)
{
    const std::string_view others[] = {"SSH-2.0-OpenSSH_9.2\r\n", "220 ready\r\n",
                                       "\x16\x03\x01\x02",        "OPTIONS sip:a@example.com SIP/2.0\r\n",
                                       "OPTIONS * RTSP/1.0\r\n",  "GET\r\n",
                                       "get / HTTP/1.1\r\n",      "MAIL FROM:<a@example.com>\r\n",
                                       "HTTP/1.1 2000 OK\r\n",    "GE",
                                       "GET / FTP/1.1\r\n"};
    for (const std::string_view text : others) {
        SCOPED_TRACE(text);
        EXPECT_TRUE(same_results(whole(text), Side{}));
    }
    Side side{};
    const ExactBytes bytes("220 ");
    EXPECT_FALSE(read_alone(StreamView{bytes.span()}, &side)); // known at once
    const ExactBytes unclear("GE");
    EXPECT_TRUE(read_alone(StreamView{unclear.span()}, &side));
    EXPECT_TRUE(same_results(side, Side{}));
}

TEST(HttpMessage, GapInAHeaderCostsItsLines)
{
    std::string text(kRequest);
    text += "GET /second HTTP/1.1\r\nHost: second.example.com\r\n\r\n";
    const std::size_t agent = text.find("curl");
    std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(agent), 4, '\0');
    const fx_stream_gap gap = {agent, 4};
    const Side side = feed_whole<Side>(text, read_alone, {&gap, 1});
    EXPECT_EQ(side.stat, kHttp | kGap);
    EXPECT_EQ(texts(side, kUserAgent), Texts{});
    EXPECT_EQ(texts(side, kHost), (Texts{"www.example.com", "second.example.com"}));
    EXPECT_EQ(texts(side, kUrl), (Texts{"/hello.txt", "/second"}));
}

TEST(HttpMessage, GapAtTheStartIsHttpWhenTheOtherDirectionIs)
{
    std::string text = std::string(kResponse) + std::string(kResponse);
    std::fill_n(text.begin(), 20, '\0');
    const fx_stream_gap gap = {0, 20};
    Side requests{};
    const auto beside = [&](const StreamView& h, Side* side) { return read(h, requests, side); };
    EXPECT_TRUE(same_results(feed_whole<Side>(text, beside, {&gap, 1}), Side{}));
    requests.stat = kHttp;
    const Side side = feed_whole<Side>(text, beside, {&gap, 1});
    EXPECT_EQ(side.stat, kHttp | kGap);
    EXPECT_EQ(side.responses, 1);
}

TEST(HttpMessage, BlanksInFrontOfATarget)
{
    EXPECT_EQ(texts(whole("GET   /x HTTP/1.1\r\n\r\n"), kUrl), Texts{"/x"});
    EXPECT_EQ(whole("GET  HTTP/1.1\r\n\r\n").stat, 0);
}

TEST(HttpMessage, GapInABodyCostsNothing)
{
    std::string text = std::string(kResponse) + std::string(kResponse);
    const std::size_t body = text.find("World");
    std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(body), 5, '\0');
    const fx_stream_gap gap = {body, 5};
    const Side side = feed_whole<Side>(text, read_alone, {&gap, 1});
    EXPECT_EQ(side.stat, kHttp);
    EXPECT_EQ(side.responses, 2);
}

TEST(HttpMessage, FirstLineThatIsCutIsProvenByMethodAndTarget)
{
    const Side side = whole("GET /a/long/pa");
    EXPECT_EQ(side.stat, kHttp | kHeadEnded | kTextCut);
    EXPECT_EQ(texts(side, kUrl), Texts{"/a/long/pa"});
}

TEST(HttpMessage, CapsAreMarked)
{
    const std::string long_path(300, 'x');
    const Side side = whole("GET /" + long_path + " HTTP/1.1\r\n\r\n");
    EXPECT_EQ(side.stat, kHttp | kTextCut);
    EXPECT_EQ(texts(side, kUrl), Texts{"/" + long_path.substr(0, 254)});
    std::string many;
    for (int i = 0; i < 21; i++)
        many += "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
    const Side listed = whole(many);
    EXPECT_EQ(listed.stat, kHttp | kListCut);
    EXPECT_EQ(listed.requests, 21);
    EXPECT_EQ(texts(listed, kUrl).size(), 20U);
}

TEST(HttpMessage, BodyBeyondTheHeadEndsReadingAtOnce)
{
    Side side{};
    const ExactBytes bytes("HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n\x7f"
                           "ELF....");
    EXPECT_FALSE(read_alone(StreamView{bytes.span()}, &side));
    EXPECT_EQ(side.stat, kHttp | kHeadEnded);
    EXPECT_EQ(side.anomalies, kElf);
}

TEST(HttpMessage, DamagedInputIsRead)
{
    feed_damaged<Side>(kRequest, read_alone);
    feed_damaged<Side>(std::string(kChunkedResponse) + std::string(kResponse), read_alone);
    EXPECT_EQ(whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n").anomalies, kParseError);
    EXPECT_EQ(whole("GET / HTTP/1.1\r\nno field\r\nHost:\r\n\r\n").anomalies, kParseError | kEmptyField);
}

} // namespace
