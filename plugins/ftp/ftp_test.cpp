// SPDX-License-Identifier: BSD-2-Clause
// The dissector of ftp: commands and replies of RFC 959 and 2428.
#include "ftp_message.h"

#include <gtest/gtest.h>

#include <string>

#include "support/stream_feed.h"

namespace {

using namespace flowxdp;
using namespace flowxdp::ftp;
using namespace flowxdp::test;

using Texts = std::vector<std::string>;

bool read_hidden(const StreamView& head, Side* side)
{
    return read(head, false, side);
}
bool read_open(const StreamView& head, Side* side)
{
    return read(head, true, side);
}
Side whole(std::string_view text)
{
    return feed_whole<Side>(text, read_hidden);
}
Texts texts(const Side& side, Text kind)
{
    Texts out;
    side.texts.each(kind, [&](std::string_view text) { out.emplace_back(text); });
    return out;
}
Texts commands(const Side& side)
{
    Texts out;
    for (unsigned i = 0; i < side.order.count; i++)
        out.emplace_back(kCommands[side.order.values[i]]);
    return out;
}
std::vector<unsigned> codes(const Side& side)
{
    return {side.codes.values, side.codes.values + side.codes.count};
}

constexpr std::string_view kClient = "USER anonymous\r\nPASS guest@example.com\r\nPORT 192,0,2,10,4,1\r\ncwd pub\r\n"
                                     "RETR a file.txt\r\nEPRT |1|132.235.1.2|6275|\r\n"
                                     "EPRT |2|1080::8:800:200C:417A|5282|\r\nRETR a file.txt\r\nQUIT\r\n";
constexpr std::string_view kServer =
    "220-Welcome\r\n220-to\r\n 331 no code\r\n220 example.com\r\n331 Password\r\n230 In\r\n"
    "227 Entering Passive Mode (198,51,100,20,200,10).\r\n"
    "229 Entering Extended Passive Mode (|||6446|)\r\n150 Opening\r\n226 Done\r\n"
    "226 Done\r\n221 Bye\r\n";

TEST(FtpMessage, CommandsOfAClient)
{
    const Side side = whole(kClient);
    EXPECT_EQ(side.stat, kFtp | kActive);
    EXPECT_EQ(commands(side), (Texts{"USER", "PASS", "PORT", "CWD", "RETR", "EPRT", "QUIT"}));
    // T2's bits 9, 12, 29, 32, 35, 38, 51
    EXPECT_EQ(side.commands, 0x0008004920001200ULL | 0x0ULL);
    EXPECT_EQ(texts(side, kUser), Texts{"anonymous"});
    EXPECT_EQ(texts(side, kPassword), Texts{});
    EXPECT_EQ(side.passwords, 1);
    EXPECT_EQ(texts(side, kParameter),
              (Texts{"192,0,2,10,4,1", "pub", "a file.txt", "|1|132.235.1.2|6275|", "|2|1080::8:800:200C:417A|5282|"}));
    EXPECT_EQ(side.parameters, 5);
}

TEST(FtpMessage, PasswordsOnlyWhenAskedFor)
{
    const Side side = feed_whole<Side>(kClient, read_open);
    EXPECT_EQ(texts(side, kPassword), Texts{"guest@example.com"});
    const Side hidden = whole(kClient);
    const std::string_view memory(reinterpret_cast<const char*>(&hidden), sizeof hidden);
    EXPECT_EQ(memory.find("guest"), std::string_view::npos);
}

TEST(FtpMessage, RepliesAndAnnouncedConnections)
{
    const Side side = whole(kServer);
    EXPECT_EQ(side.stat, kFtp | kPassive);
    EXPECT_EQ(codes(side), (std::vector<unsigned>{220, 331, 230, 227, 229, 150, 226, 221}));
    ASSERT_EQ(side.endpoint_count, 2);
    const std::uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 20};
    EXPECT_EQ(std::memcmp(side.endpoints[0].address, address, 16), 0);
    EXPECT_EQ(side.endpoints[0].ip_version, 4);
    EXPECT_EQ(side.endpoints[0].port, 200 * 256 + 10);
    EXPECT_EQ(side.endpoints[1].ip_version, 0);
    EXPECT_EQ(side.endpoints[1].port, 6446);
}

TEST(FtpMessage, ExtendedPortsOfRfc2428)
{
    const Side side = whole(kClient);
    ASSERT_EQ(side.endpoint_count, 3);
    EXPECT_EQ(side.endpoints[0].port, 4 * 256 + 1);
    EXPECT_EQ(side.endpoints[1].port, 6275);
    EXPECT_EQ(side.endpoints[1].address[12], 132);
    EXPECT_EQ(side.endpoints[2].ip_version, 6);
    EXPECT_EQ(side.endpoints[2].port, 5282);
    EXPECT_EQ(side.endpoints[2].address[15], 0x7a);
}

TEST(FtpMessage, SegmentsDoNotMatter)
{
    EXPECT_TRUE(same_in_segments<Side>(kClient, read_open));
    EXPECT_TRUE(same_in_segments<Side>(kServer, read_hidden));
}

TEST(FtpMessage, EncryptionEndsReading)
{
    const Side client = whole("AUTH TLS\r\n\x16\x03\x01\x02\n\n\n");
    EXPECT_EQ(client.stat, kFtp | kEncrypted);
    EXPECT_EQ(commands(client), Texts{"AUTH"});
    const Side server = whole("220 x\r\n234 Proceed\r\n\x16\x03\x03\n331 not a reply\r\n");
    EXPECT_EQ(server.stat, kFtp | kEncrypted);
    EXPECT_EQ(codes(server), (std::vector<unsigned>{220, 234}));
}

TEST(FtpMessage, GapCostsItsLine)
{
    std::string text(kClient);
    const std::size_t at = text.find("4,1\r\ncwd");
    std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(at), 6, '\0'); // the line end of PORT, too
    const fx_stream_gap gap = {at, 6};
    const Side side = feed_whole<Side>(text, read_hidden, {&gap, 1});
    EXPECT_EQ(side.stat, kFtp | kGap | kActive);
    EXPECT_EQ(commands(side), (Texts{"USER", "PASS", "RETR", "EPRT", "QUIT"}));
}

TEST(FtpMessage, WhatIsNoFtpLeavesNothing)
{
    EXPECT_TRUE(same_results(whole("GET / HTTP/1.1\r\n\r\n"), Side{}));
    EXPECT_TRUE(same_results(whole("\x16\x03\x01"), Side{}));
    EXPECT_EQ(whole("USER a\r\nHELLO b\r\n").stat, kFtp | kNotFtp);
}

TEST(FtpMessage, CapsAreMarked)
{
    std::string text;
    for (int i = 0; i < 21; i++)
        text += "CWD " + std::to_string(i) + "\r\n";
    const Side side = whole(text);
    EXPECT_EQ(side.stat, kFtp | kOverflow);
    EXPECT_EQ(side.parameters, 20);
    std::string ports = "PORT 192,0,2,1,1,0\r\n";
    for (int i = 1; i < 9; i++)
        ports += "PORT 192,0,2,1,1," + std::to_string(i) + "\r\n";
    EXPECT_EQ(whole(ports).endpoint_count, 8);
    EXPECT_EQ(whole(ports).stat, kFtp | kActive | kOverflow);
    const std::string endless = "220 x\r\n" + std::string(kHeadBytes, 'x');
    EXPECT_EQ(whole(endless.substr(0, kHeadBytes)).stat & kHeadEnded, kHeadEnded);
}

TEST(FtpMessage, DamagedInputIsRead)
{
    feed_damaged<Side>(kClient, read_open);
    feed_damaged<Side>(kServer, read_hidden);
    for (const std::string_view text : {"PORT 1,2,3\r\n", "PORT 1,2,3,4,5,256\r\n", "PORT\r\n", "EPRT ||\r\n",
                                        "EPRT |1|x|1|\r\n", "EPRT |2|::1|65536|\r\n"})
        EXPECT_EQ(whole(text).endpoint_count, 0) << text;
}

} // namespace
