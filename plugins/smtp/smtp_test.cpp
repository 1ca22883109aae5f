// SPDX-License-Identifier: BSD-2-Clause
// The dissector of smtp: the scenarios of RFC 5321, AUTH of RFC 4954.
#include "smtp_message.h"

#include <gtest/gtest.h>

#include <string>

#include "support/stream_feed.h"

namespace {

using namespace flowxdp;
using namespace flowxdp::smtp;
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

// RFC 5321 D.1, with a mail that has commands in it, and a second one.
constexpr std::string_view kClient =
    "EHLO bar.com\r\nMAIL FROM:<Smith@bar.com>\r\nRCPT TO:<Jones@foo.com>\r\n"
    "RCPT TO:<Green@foo.com>\r\nRCPT TO:<Brown@foo.com>\r\nDATA\r\n"
    "Subject: x\r\n\r\nBlah blah blah...\r\nMAIL FROM:<none@example.com>\r\n..etc.\r\n.\r\n"
    "MAIL FROM:<> SIZE=5\r\nRCPT TO:Jones@foo.com\r\nQUIT\r\n";
constexpr std::string_view kReplies =
    "220 foo.com Simple Mail Transfer Service Ready\r\n250-foo.com greets bar.com\r\n"
    "250-8BITMIME\r\n250 HELP\r\n250 OK\r\n250 OK\r\n550 No such user here\r\n250 OK\r\n"
    "354 Start mail input; end with <CRLF>.<CRLF>\r\n250 OK\r\n221 foo.com closing\r\n";

TEST(SmtpMessage, EnvelopeOfRfc5321)
{
    const Side side = whole(kClient);
    EXPECT_EQ(side.stat, kSmtp);
    EXPECT_EQ(commands(side), (Texts{"EHLO", "MAIL", "RCPT", "DATA", "QUIT"}));
    EXPECT_EQ(side.commands, 0x201e); // T2's bits 1, 2, 3, 4, 13
    EXPECT_EQ(texts(side, kServer), Texts{"bar.com"});
    EXPECT_EQ(texts(side, kFrom), (Texts{"Smith@bar.com", ""}));
    EXPECT_EQ(texts(side, kTo), (Texts{"Jones@foo.com", "Green@foo.com", "Brown@foo.com"}));
    EXPECT_EQ(side.senders, 2);
    EXPECT_EQ(side.receivers, 3);
}

TEST(SmtpMessage, RepliesOfRfc5321)
{
    const Side side = whole(kReplies);
    EXPECT_EQ(side.stat, kSmtp);
    EXPECT_EQ(codes(side), (std::vector<unsigned>{220, 250, 550, 354, 221}));
    EXPECT_EQ(texts(side, kServer), Texts{"foo.com"});
}

TEST(SmtpMessage, SegmentsDoNotMatter)
{
    EXPECT_TRUE(same_in_segments<Side>(kClient, read_hidden));
    EXPECT_TRUE(same_in_segments<Side>(kReplies, read_hidden));
}

TEST(SmtpMessage, RefusedDataIsFollowedByCommands)
{
    const Side side = whole("HELO a\r\nDATA\r\nRSET\r\nMAIL FROM:<a@example.com>\r\n");
    EXPECT_EQ(commands(side), (Texts{"HELO", "DATA", "RSET", "MAIL"}));
    EXPECT_EQ(texts(side, kFrom), Texts{"a@example.com"});
}

TEST(SmtpMessage, UsersOfAuth)
{
    // RFC 4954 4.1 and 6; LOGIN asks for both in base64.
    for (const std::string_view text :
         {"EHLO a\r\nAUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=\r\n", "EHLO a\r\nAUTH PLAIN\r\ndGVzdAB0ZXN0ADEyMzQ=\r\n",
          "EHLO a\r\nAUTH LOGIN\r\ndGVzdA==\r\nMTIzNA==\r\n", "EHLO a\r\nauth login dGVzdA==\r\nMTIzNA==\r\n"}) {
        SCOPED_TRACE(text);
        const Side hidden = whole(text);
        EXPECT_EQ(hidden.stat, kSmtp);
        EXPECT_EQ(texts(hidden, kUser), Texts{"test"});
        EXPECT_EQ(texts(hidden, kPassword), Texts{});
        EXPECT_EQ(texts(feed_whole<Side>(text, read_open), kPassword), Texts{"1234"});
    }
    EXPECT_EQ(whole("AUTH LOGIN\r\ndGVzdA==\r\n").stat, kSmtp | kAuthPending);
    const Side cancelled = whole("AUTH LOGIN\r\n*\r\nMAIL FROM:<a@example.com>\r\n");
    EXPECT_EQ(cancelled.stat, kSmtp);
    EXPECT_EQ(texts(cancelled, kUser), Texts{});
    const Side refused = whole("AUTH CRAM-MD5\r\nZm9v\r\nQUIT\r\n");
    EXPECT_EQ(commands(refused), (Texts{"AUTH", "QUIT"}));
}

TEST(SmtpMessage, EncryptionEndsReading)
{
    const Side client = whole("EHLO a\r\nSTARTTLS\r\n\x16\x03\x01\n\nMAIL FROM:<x>\r\n");
    EXPECT_EQ(client.stat, kSmtp | kEncrypted);
    EXPECT_EQ(commands(client), (Texts{"EHLO", "STARTTLS"}));
    const Side server = whole("220 a.example.com\r\n250 ok\r\n220 go ahead\r\n\x16\x03\x03\n\n");
    EXPECT_EQ(server.stat, kSmtp | kEncrypted);
    EXPECT_EQ(texts(server, kServer), Texts{"a.example.com"});
}

TEST(SmtpMessage, ChunksAreSkipped)
{
    const Side side = whole("EHLO a\r\nBDAT 6 LAST\r\nQUIT\r\nRSET\r\n"); // RFC 3030
    EXPECT_EQ(commands(side), (Texts{"EHLO", "BDAT", "RSET"}));
    EXPECT_EQ(whole("EHLO a\r\nBDAT 60000\r\nx").stat, kSmtp | kHeadEnded);
}

TEST(SmtpMessage, GapCostsItsLine)
{
    std::string text(kClient);
    const std::size_t at = text.find("Green");
    std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(at), 3, '\0');
    const fx_stream_gap gap = {at, 3};
    const Side side = feed_whole<Side>(text, read_hidden, {&gap, 1});
    EXPECT_EQ(side.stat, kSmtp | kGap);
    EXPECT_EQ(texts(side, kTo), (Texts{"Jones@foo.com", "Brown@foo.com"}));
}

TEST(SmtpMessage, WhatIsNoSmtpLeavesNothing)
{
    EXPECT_TRUE(same_results(whole("GET / HTTP/1.1\r\n\r\n"), Side{}));
    EXPECT_EQ(whole("HELO a\r\nHTTP\r\n").stat, kSmtp | kNotSmtp);
}

TEST(SmtpMessage, CapsAreMarked)
{
    std::string text = "MAIL FROM:<a@example.com>\r\n";
    for (int i = 0; i < 21; i++)
        text += "RCPT TO:<" + std::to_string(i) + ">\r\n";
    const Side side = whole(text);
    EXPECT_EQ(side.stat, kSmtp | kOverflow);
    EXPECT_EQ(side.receivers, 20);
    EXPECT_EQ(whole("DATA\r\nSubject: x\r\n").stat, kSmtp | kInMail);
}

TEST(SmtpMessage, DamagedInputIsRead)
{
    feed_damaged<Side>(kClient, read_open);
    feed_damaged<Side>(kReplies, read_hidden);
    feed_damaged<Side>("AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=\r\nAUTH LOGIN\r\ndGVzdA==\r\nMTIzNA==\r\n", read_open);
}

} // namespace
