// SPDX-License-Identifier: BSD-2-Clause
// The dissector of ssh: banners and key exchange (RFC 4253), HASSH.
#include "ssh_message.h"

#include <gtest/gtest.h>

#include <string>

#include "support/stream_feed.h"

namespace {

using namespace flowxdp;
using namespace flowxdp::ssh;
using namespace flowxdp::test;

constexpr Side kNobody{};

bool read_alone(const StreamView& head, Side* side)
{
    return read(head, kNobody, side);
}
bool read_second(const StreamView& head, Side* side)
{
    static const Side first = feed_whole<Side>("SSH-2.0-first\r\n", read_alone);
    return read(head, first, side);
}

std::string number(std::size_t n)
{
    return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8), static_cast<char>(n)};
}
std::string string(const std::string& text)
{
    return number(text.size()) + text;
}
// RFC 4253 6: at least four bytes of padding, all of it a multiple of eight.
std::string packet(const std::string& payload)
{
    const std::size_t padding = 4 + (8 - (5 + payload.size() + 4) % 8) % 8;
    return number(1 + payload.size() + padding) + static_cast<char>(padding) + payload + std::string(padding, 'p');
}
std::string kex_init(const std::string& kex, const std::string& key, const std::string& cipher_cs,
                     const std::string& cipher_sc, const std::string& mac_cs, const std::string& mac_sc)
{
    return packet("\x14" + std::string(16, 'c') + string(kex) + string(key) + string(cipher_cs) + string(cipher_sc) +
                  string(mac_cs) + string(mac_sc) + string("none,zlib") + string("none") + string("") + string("") +
                  std::string(5, '\0'));
}
std::string hexadecimal(const std::uint8_t* bytes, std::size_t count)
{
    std::string text;
    for (std::size_t i = 0; i < count; i++) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", bytes[i]);
        text += two;
    }
    return text;
}

const std::string kClient = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n" +
                            kex_init("curve25519-sha256,ecdh-sha2-nistp256,ext-info-c", "ssh-ed25519,ssh-rsa",
                                     "aes128-ctr,aes256-ctr", "aes256-ctr", "hmac-sha2-256", "hmac-sha1") +
                            packet("\x1e" + string(std::string(32, 'e'))) + packet("\x15") + "\xf0\xf1\xf2 encrypted";
const std::string kServer = "SSH-2.0-dropbear\r\n" +
                            kex_init("ecdh-sha2-nistp256,curve25519-sha256", "ssh-rsa", "aes256-ctr,aes128-ctr",
                                     "aes256-ctr", "hmac-sha2-256", "hmac-sha1") +
                            packet("\x1f" + string(string("ssh-rsa") + "key") + string("e") + string("signature")) +
                            packet("\x15");

TEST(SshMessage, BannerAlgorithmsAndHassh)
{
    const Side side = feed_whole<Side>(kClient, read_second);
    EXPECT_EQ(side.stat, kSsh | kKexInit | kNewKeys);
    EXPECT_EQ(side.banner_text(), "SSH-2.0-OpenSSH_9.2p1 Debian-2");
    EXPECT_EQ(side.list(kKex), "curve25519-sha256,ecdh-sha2-nistp256,ext-info-c");
    EXPECT_EQ(side.list(kHostKey), "ssh-ed25519,ssh-rsa");
    EXPECT_EQ(side.list(kCipherCs), "aes128-ctr,aes256-ctr");
    EXPECT_EQ(side.list(kCipherSc), "aes256-ctr");
    EXPECT_EQ(side.list(kCompressionCs), "none,zlib");
    EXPECT_EQ(side.list(kCompressionSc), "none");
    // printf %s 'kex;cipher;mac;compression' | md5sum
    EXPECT_EQ(hexadecimal(side.hassh, 16), "291f191b1551e7c12e4a6428cbbab3e0");
    EXPECT_EQ(hexadecimal(side.hassh_server, 16), "d0489167de59c4157b6844c69dc5eec0");
}

TEST(SshMessage, HostKeyOfTheServer)
{
    const Side side = feed_whole<Side>(kServer, read_alone);
    EXPECT_EQ(side.stat, kSsh | kFirstBanner | kKexInit | kNewKeys);
    EXPECT_EQ(side.key_type_text(), "ssh-rsa");
    // printf '\0\0\0\007ssh-rsakey' | md5sum, sha256sum
    EXPECT_EQ(hexadecimal(side.key_md5, 16), "ff33d7c6c5e384623f1c07174f8456fe");
    EXPECT_EQ(hexadecimal(side.key_sha256, 32), "1d08e050ffa7d69c87bac134b8426622c4103432caa4bab0c6e9229c98b62150");
}

TEST(SshMessage, AlgorithmsThatBothAgreeOn)
{
    const Side client = feed_whole<Side>(kClient, read_alone), server = feed_whole<Side>(kServer, read_second);
    EXPECT_EQ(chosen(client, server, kKex), "curve25519-sha256");
    EXPECT_EQ(chosen(client, server, kHostKey), "ssh-rsa");
    EXPECT_EQ(chosen(client, server, kCipherCs), "aes128-ctr");
    EXPECT_EQ(chosen(client, server, kMacSc), "hmac-sha1");
    EXPECT_EQ(chosen(client, kNobody, kKex), "");
    EXPECT_TRUE(is_client(client, server, false));
    EXPECT_FALSE(is_client(server, client, true));
    EXPECT_TRUE(is_client(kNobody, kNobody, true));
}

TEST(SshMessage, MessagesMeanWhatTheKeyExchangeSays)
{
    Side side{};
    side.messages = 0x03; // 30 and 31
    EXPECT_EQ(stat_with_messages(side, "curve25519-sha256"), kEcdhInit | kEcdhReply);
    EXPECT_EQ(stat_with_messages(side, "diffie-hellman-group14-sha256"), kDhInit | kDhReply);
    EXPECT_EQ(stat_with_messages(side, "diffie-hellman-group-exchange-sha256"), kGexRequest | kGexGroup);
    side.messages = 0x1c; // 32 to 34
    EXPECT_EQ(stat_with_messages(side, "diffie-hellman-group-exchange-sha256"), kGexInit | kGexReply | kGexRequest);
}

TEST(SshMessage, SegmentsDoNotMatter)
{
    EXPECT_TRUE(same_in_segments<Side>(kClient, read_alone));
    EXPECT_TRUE(same_in_segments<Side>(kServer, read_alone));
}

TEST(SshMessage, OddBanners)
{
    EXPECT_EQ(feed_whole<Side>("SSH-2.0-x\n", read_second).stat, kSsh | kOddBanner);
    EXPECT_EQ(feed_whole<Side>("SSH-2.0-x", read_second).stat, kSsh | kOddBanner);
    const std::string zero("SSH-2.0-x\0y\r\n", 13);
    EXPECT_EQ(feed_whole<Side>(zero, read_second).stat, kSsh | kOddBanner);
    const Side cut = feed_whole<Side>("SSH-2.0-" + std::string(200, 'x') + "\r\n", read_second);
    EXPECT_EQ(cut.stat, kSsh | kTextCut);
    EXPECT_EQ(cut.banner_text(), "SSH-2.0-" + std::string(118, 'x'));
    EXPECT_EQ(feed_whole<Side>("SSH-1.5-old\n\x01\x02\x03\x04\x05", read_second).stat, kSsh | kOddBanner);
}

TEST(SshMessage, OtherProtocolsLeaveNothing)
{
    for (const std::string_view text : {"SSL-", "SSH", "220 ready\r\n", "GET / HTTP/1.1\r\n", ""}) {
        SCOPED_TRACE(text);
        EXPECT_TRUE(same_results(feed_whole<Side>(text, read_alone), Side{}));
    }
}

TEST(SshMessage, ListsHaveACap)
{
    std::string names = "a1";
    while (names.size() < 1500)
        names += ",algorithm" + std::to_string(names.size());
    const Side side = feed_whole<Side>("SSH-2.0-x\r\n" + kex_init(names, "k", "c", "c", "m", "m"), read_alone);
    EXPECT_EQ(side.stat, kSsh | kFirstBanner | kKexInit | kListCut);
    EXPECT_EQ(side.list(kKex), names.substr(0, side.list(kKex).size()));
    EXPECT_EQ(names[side.list(kKex).size()], ',');
    EXPECT_EQ(side.lists_cut & 1, 1);
    EXPECT_EQ(chosen(side, side, kKex), ""); // nobody knows what the cut list had
}

TEST(SshMessage, DamagedInputIsRead)
{
    feed_damaged<Side>(kClient, read_alone);
    feed_damaged<Side>(kServer, read_alone);
    EXPECT_EQ(feed_whole<Side>("SSH-2.0-x\r\n\xff\xff\xff\xff\xff", read_second).stat, kSsh | kMalformed);
    EXPECT_EQ(feed_whole<Side>("SSH-2.0-x\r\n" + packet("\x14short"), read_second).stat, kSsh | kKexInit | kMalformed);
}

} // namespace
