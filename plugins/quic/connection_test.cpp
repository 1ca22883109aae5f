// SPDX-License-Identifier: BSD-2-Clause
#include "quic/connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include <openssl/evp.h>

#include "quic/frames.h"
#include "quic/rfc_packets.h"
#include "tls/hello_builder.h"

namespace flowxdp::quic {
namespace {

using namespace flowxdp::quic::test;
using namespace flowxdp::tls::test;

const ByteVector kId = from_hex("8394c8f03e515708"), kServerId = from_hex("f067a5502a4262b5");
constexpr std::int64_t kIn2026 = 1'772'582'400;

template <std::size_t N>
std::string hex(const std::array<std::uint8_t, N>& bytes)
{
    return to_hex(bytes.data(), N);
}

// RFC 9001 A.1
TEST(InitialCrypto, KeysOfVersion1)
{
    const auto keys = InitialCrypto().keys(kVersion1, kId);
    ASSERT_TRUE(keys);
    EXPECT_EQ(hex(keys->client.key), "1f369613dd76d5467730efcbe3b1a22d");
    EXPECT_EQ(hex(keys->client.iv), "fa044b2f42a3fd3b46fb255c");
    EXPECT_EQ(hex(keys->client.header_key), "9f50449e04a0e810283a1e9933adedd2");
    EXPECT_EQ(hex(keys->server.key), "cf3a5331653c364c88f0f379b6067e37");
    EXPECT_EQ(hex(keys->server.iv), "0ac1493ca1905853b0bba03e");
    EXPECT_EQ(hex(keys->server.header_key), "c206b8d9b9f0f37644430b490eeaa314");
}

// RFC 9369 A.1
TEST(InitialCrypto, KeysOfVersion2)
{
    const auto keys = InitialCrypto().keys(kVersion2, kId);
    ASSERT_TRUE(keys);
    EXPECT_EQ(hex(keys->client.key), "8b1a0bc121284290a29e0971b5cd045d");
    EXPECT_EQ(hex(keys->client.iv), "91f73e2351d8fa91660e909f");
    EXPECT_EQ(hex(keys->client.header_key), "45b95e15235d6f45a6b19cbcb0294ba9");
    EXPECT_EQ(hex(keys->server.key), "82db637861d55e1d011f19ea71d5d2a7");
    EXPECT_EQ(hex(keys->server.iv), "dd13c276499c0249d3310652");
    EXPECT_EQ(hex(keys->server.header_key), "edf6d05c83121201b436e16877593c3a");
    EXPECT_FALSE(InitialCrypto().keys(0x1a2a3a4a, kId));
    EXPECT_FALSE(InitialCrypto().keys(kVersion1, {}));
}

// A.2 and A.3 of both RFCs
TEST(InitialCrypto, OpensThePacketsOfTheRfcs)
{
    struct Case {
        std::uint32_t version;
        const char *client, *server;
        int client_type, server_type;
    };
    for (const Case& c : {Case{kVersion1, kClientInitialV1, kServerInitialV1, 0xc3, 0xc1},
                          Case{kVersion2, kClientInitialV2, kServerInitialV2, 0xd3, 0xd1}}) {
        InitialCrypto crypto;
        const auto keys = crypto.keys(c.version, kId);
        const ByteVector client = from_hex(c.client), server = from_hex(c.server);
        auto header = parse_long_header(client);
        ASSERT_TRUE(header);
        EXPECT_EQ(header->type, PacketType::kInitial);
        EXPECT_EQ(header->version, c.version);
        EXPECT_EQ(header->length, 1200u);
        EXPECT_FALSE(header->cut);
        auto opened = crypto.open(keys->client, *header, client);
        ASSERT_TRUE(opened);
        EXPECT_EQ(opened->first_byte, c.client_type);
        EXPECT_EQ(opened->number, 2u);
        ByteVector frames = from_hex(kClientFrames);
        frames.resize(1162);
        EXPECT_TRUE(std::equal(opened->payload.begin(), opened->payload.end(), frames.begin(), frames.end()));
        header = parse_long_header(server);
        opened = crypto.open(keys->server, *header, server);
        ASSERT_TRUE(opened);
        EXPECT_EQ(opened->first_byte, c.server_type);
        EXPECT_EQ(opened->number, 1u);
        EXPECT_EQ(to_hex(opened->payload.data(), opened->payload.size()), kServerFrames);
        EXPECT_FALSE(crypto.open(keys->client, *header, server)) << "the other side's keys";
        for (const std::size_t i : {0u, 5u, 20u, 134u}) {
            ByteVector changed = server;
            changed[i] ^= 1;
            const auto other = parse_long_header(changed);
            EXPECT_FALSE(other && crypto.open(keys->server, *other, changed)) << i;
        }
    }
}

// A.4 of both RFCs
TEST(InitialCrypto, ProvesTheRetryOfTheRfcs)
{
    InitialCrypto crypto;
    for (const char* digits : {kRetryV1, kRetryV2}) {
        ByteVector packet = from_hex(digits);
        const auto header = parse_long_header(packet);
        ASSERT_TRUE(header);
        EXPECT_EQ(header->type, PacketType::kRetry);
        EXPECT_TRUE(crypto.retry_is_proved(kId, *header, packet));
        EXPECT_FALSE(crypto.retry_is_proved(kServerId, *header, packet));
        packet[20] ^= 1;
        EXPECT_FALSE(crypto.retry_is_proved(kId, *header, packet));
    }
}

// RFC 9000 A.1
TEST(QuicPacket, Varints)
{
    const auto value = [](const char* digits) {
        const ByteVector bytes = from_hex(digits);
        Bytes left = bytes;
        return take_varint(&left);
    };
    EXPECT_EQ(value("c2197c5eff14e88c"), 151'288'809'941'952'652u);
    EXPECT_EQ(value("9d7f3e7d"), 494'878'333u);
    EXPECT_EQ(value("7bbd"), 15'293u);
    EXPECT_EQ(value("25"), 37u);
    EXPECT_EQ(value("4025"), 37u);
    EXPECT_EQ(value("9d7f3e"), std::nullopt);
    EXPECT_EQ(value(""), std::nullopt);
}

// Seals Initial packets as RFC 9001 5.3 and 5.4 say, with packet numbers of four bytes.
ByteVector sealed(std::uint32_t version, const PacketKeys& keys, const ByteVector& destination,
                  const ByteVector& source, std::uint32_t packet_number, const ByteVector& frames,
                  const ByteVector& token = {}, std::uint8_t quic_bit = 0x40)
{
    ByteVector packet = ByteVector{static_cast<std::uint8_t>((version == kVersion2 ? 0x93 : 0x83) | quic_bit)} +
                        number(version, 4) + vector_of(1, destination) + vector_of(1, source) + vector_of(1, token) +
                        number(0x4000 | (4 + frames.size() + 16), 2);
    const std::size_t number_at = packet.size();
    packet = packet + number(packet_number, 4);
    std::array<std::uint8_t, 12> iv = keys.iv;
    for (std::size_t i = 0; i < 4; i++)
        iv[8 + i] ^= packet[number_at + i];
    ByteVector body(frames.size() + 16);
    int size = 0;
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                  EVP_CIPHER_CTX_free);
    EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, keys.key.data(), iv.data());
    EVP_EncryptUpdate(context.get(), nullptr, &size, packet.data(), static_cast<int>(packet.size()));
    EVP_EncryptUpdate(context.get(), body.data(), &size, frames.data(), static_cast<int>(frames.size()));
    EVP_EncryptFinal_ex(context.get(), body.data() + size, &size);
    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, 16, body.data() + frames.size());
    packet = packet + body;
    std::uint8_t mask[16];
    EVP_EncryptInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, keys.header_key.data(), nullptr);
    EVP_EncryptUpdate(context.get(), mask, &size, packet.data() + number_at + 4, 16);
    packet[0] ^= mask[0] & 0x0f;
    for (std::size_t i = 0; i < 4; i++)
        packet[number_at + i] ^= mask[1 + i];
    return packet;
}

ByteVector crypto_frame(std::size_t offset, const ByteVector& data)
{
    return ByteVector{6} + number(0x4000 | offset, 2) + number(0x4000 | data.size(), 2) + data;
}
ByteVector part(const ByteVector& bytes, std::size_t begin, std::size_t end)
{
    return {bytes.begin() + static_cast<std::ptrdiff_t>(begin),
            bytes.begin() + static_cast<std::ptrdiff_t>(std::min(end, bytes.size()))};
}

class Connection : public testing::Test {
  protected:
    void read(unsigned direction, const ByteVector& datagram)
    {
        reader.read(direction, datagram, datagram.size(), kIn2026, facts.get());
    }
    std::string name() const { return {facts->client_hello.server_name, facts->client_hello.server_name_length}; }
    std::string ja4() const
    {
        return facts->client_hello.has_ja4 ? std::string(facts->client_hello.ja4.data(), tls::kJa4Size) : "none";
    }
    bool untouched() const
    {
        static const ConnectionFacts kNone{};
        return std::memcmp(facts.get(), &kNone, sizeof kNone) == 0;
    }

    InitialCrypto crypto;
    ConnectionReader reader;
    std::unique_ptr<ConnectionFacts> facts = std::make_unique<ConnectionFacts>();
};

// The hello of the RFCs. JA4 was made by hand with sha256sum, JA3 and JA3S with md5sum.
TEST_F(Connection, OfTheRfcs)
{
    for (const bool second : {false, true}) {
        *facts = {};
        read(0, from_hex(second ? kClientInitialV2 : kClientInitialV1));
        EXPECT_EQ(facts->client, 1);
        EXPECT_EQ(facts->side[0].stat, kQuic | kOpened);
        EXPECT_EQ(facts->side[0].version, second ? kVersion2 : kVersion1);
        EXPECT_EQ(facts->side[0].packet_types, 1);
        EXPECT_TRUE(facts->side[0].destination.is(kId));
        EXPECT_EQ(name(), "example.com");
        EXPECT_EQ(ja4(), "q13d0211an_62ed6f6ca7ad_4d634acda6c0");
        EXPECT_EQ(hex(facts->client_hello.ja3), "41bc9ae914d6cb3bd0bd0a5453ab7d7f");
        read(1, from_hex(second ? kServerInitialV2 : kServerInitialV1));
        EXPECT_EQ(facts->side[1].stat, kQuic | kOpened);
        EXPECT_TRUE(facts->side[1].source.is(kServerId));
        EXPECT_EQ(facts->server_cipher, 0x1301);
        EXPECT_EQ(facts->server_version, 0x0304);
        EXPECT_EQ(hex(facts->ja3s), "eb1d94daa7e0344597e756a1fb6e7054");
    }
}

TEST_F(Connection, ServerIsNotReadableWithoutTheClient)
{
    read(0, from_hex(kServerInitialV1));
    EXPECT_EQ(facts->side[0].stat, kQuic | kNotOpened);
    EXPECT_EQ(facts->client, 0);
}

// RFC 9287: a server clears the bit that every packet has otherwise.
TEST_F(Connection, PacketsWithoutTheQuicBit)
{
    const auto keys = crypto.keys(kVersion1, kId);
    ASSERT_TRUE(keys);
    const ByteVector plain = from_hex(kServerInitialV1);
    const auto opened = crypto.open(keys->server, *parse_long_header(plain), plain);
    ASSERT_TRUE(opened);
    const ByteVector frames(opened->payload.begin(), opened->payload.end());
    const ByteVector greased = sealed(kVersion1, keys->server, {}, kServerId, 1, frames, {}, 0);
    read(1, greased);
    EXPECT_TRUE(untouched());
    read(0, from_hex(kClientInitialV1));
    read(1, greased);
    EXPECT_EQ(facts->side[1].stat, kQuic | kOpened);
    EXPECT_TRUE(facts->side[1].source.is(kServerId));
    EXPECT_EQ(facts->server_cipher, 0x1301);
}

// The client sends its hello again, to the id that the server chose. The server's keys are made of that one.
TEST_F(Connection, RetryThatWasNotCaptured)
{
    read(0, from_hex(kClientInitialV1));
    const auto first = crypto.keys(kVersion1, kId);
    ASSERT_TRUE(first);
    const ByteVector plain = from_hex(kServerInitialV1);
    const auto opened = crypto.open(first->server, *parse_long_header(plain), plain);
    ASSERT_TRUE(opened);
    const ByteVector frames(opened->payload.begin(), opened->payload.end());
    const auto keys = crypto.keys(kVersion1, kServerId);
    ASSERT_TRUE(keys);
    read(0, sealed(kVersion1, keys->client, kServerId, {}, 1, ByteVector(1200, 0)));
    read(1, sealed(kVersion1, keys->server, {}, kServerId, 1, frames));
    EXPECT_EQ(facts->side[1].stat, kQuic | kOpened);
    EXPECT_EQ(facts->server_cipher, 0x1301);
    EXPECT_EQ(name(), "example.com");
}

const ByteVector kBigHello = message(1, client_hello(0x0303, {0x1301},
                                                     server_name("quic.example.net") + alpn({"h3"}) +
                                                         extension(43, vector_of(1, u16_list({0x0304}))) +
                                                         extension(51, ByteVector(1800, 0x42))));

TEST_F(Connection, HelloOverPacketsInAnyOrder)
{
    const auto keys = crypto.keys(kVersion1, kId);
    ASSERT_GT(kBigHello.size(), 1250u);
    const std::size_t kParts[][2] = {{1200, 2000}, {300, 700}, {0, 100}, {50, 310}, {690, 1250}};
    std::uint32_t packet_number = 0;
    for (const auto& [begin, end] : kParts) {
        EXPECT_FALSE(facts->client_hello_done);
        read(0, sealed(kVersion1, keys->client, kId, {}, packet_number++,
                       ByteVector{1, 0, 0} + crypto_frame(begin, part(kBigHello, begin, end)) + ByteVector{0}));
    }
    EXPECT_EQ(facts->client_hello_done, 1);
    EXPECT_EQ(name(), "quic.example.net");
    EXPECT_EQ(ja4().substr(0, 10), "q13d0104h3");
    EXPECT_EQ(facts->side[0].stat, kQuic | kOpened);
}

TEST_F(Connection, CoalescedPacketsAndPadding)
{
    const auto keys = crypto.keys(kVersion1, kId);
    const ByteVector first = sealed(kVersion1, keys->client, kId, {}, 0, crypto_frame(0, part(kBigHello, 0, 900)));
    const ByteVector second =
        sealed(kVersion1, keys->client, kId, {}, 1, crypto_frame(900, part(kBigHello, 900, 2000)));
    const ByteVector handshake = from_hex("e00000000108") + kId + from_hex("0005") + ByteVector(5);
    read(0, first + second + handshake + ByteVector(30));
    EXPECT_EQ(name(), "quic.example.net");
    EXPECT_EQ(facts->side[0].packet_types, 0x05);
    EXPECT_EQ(facts->side[0].stat, kQuic | kOpened | kHandshakePacket);
}

TEST_F(Connection, RetryChangesTheKeys)
{
    read(0, from_hex(kClientInitialV1));
    *facts = {};
    // Of the first packet the front of a hello alone, so that the second one has to be opened with new keys.
    const auto keys = crypto.keys(kVersion1, kId);
    read(0, sealed(kVersion1, keys->client, kId, {}, 0, crypto_frame(0, part(kBigHello, 0, 900))));
    read(1, from_hex(kRetryV1));
    EXPECT_EQ(facts->side[1].stat, kQuic | kRetry | kRetryProved);
    EXPECT_TRUE(facts->side[1].original_destination.is(kId));
    const auto again = crypto.keys(kVersion1, kServerId);
    read(0,
         sealed(kVersion1, again->client, kServerId, {}, 1, crypto_frame(0, part(kBigHello, 0, 1100)), text("token")));
    read(0, sealed(kVersion1, again->client, kServerId, {}, 2, crypto_frame(1100, part(kBigHello, 1100, 2000)),
                   text("token")));
    EXPECT_EQ(name(), "quic.example.net");
    EXPECT_EQ(facts->side[0].stat, kQuic | kOpened | kDestinationChanged);
    read(1, sealed(kVersion1, again->server, {}, kServerId, 0,
                   crypto_frame(0, message(2, server_hello(0x0303, 0x1303, extension(43, number(0x0304, 2)))))));
    EXPECT_EQ(facts->server_cipher, 0x1303);
}

TEST_F(Connection, ForgedRetryChangesNothing)
{
    const auto keys = crypto.keys(kVersion1, kId);
    read(0, sealed(kVersion1, keys->client, kId, {}, 0, crypto_frame(0, part(kBigHello, 0, 900))));
    ByteVector retry = from_hex(kRetryV1);
    retry.back() ^= 1;
    read(1, retry);
    EXPECT_EQ(facts->side[1].stat, kQuic | kRetry);
    read(0, sealed(kVersion1, keys->client, kId, {}, 1, crypto_frame(900, part(kBigHello, 900, 2000))));
    EXPECT_EQ(name(), "quic.example.net");
}

TEST_F(Connection, VersionNegotiation)
{
    const ByteVector client_id = from_hex("0102030405060708");
    const ByteVector first = from_hex("c01a2a3a4a08") + kId + vector_of(1, client_id) + ByteVector(1200);
    const ByteVector answer = from_hex("800000000008") + client_id + vector_of(1, kId) + from_hex("000000016b3343cf");
    read(1, answer);
    EXPECT_TRUE(untouched()) << "it answers nothing";
    read(0, first);
    EXPECT_EQ(facts->side[0].stat, kQuic | kNotOpened);
    EXPECT_EQ(facts->side[0].version, 0x1a2a3a4au);
    read(1, answer);
    EXPECT_EQ(facts->side[1].stat, kQuic | kVersionNegotiation);
    EXPECT_EQ(facts->side[1].versions.offered, 2);
    EXPECT_EQ(facts->side[1].versions.values[1], kVersion2);
    EXPECT_EQ(facts->side[1].version, 0u);
    // The client begins anew with a version of both.
    const auto keys = crypto.keys(kVersion1, kId);
    read(0, sealed(kVersion1, keys->client, kId, client_id, 0, crypto_frame(0, part(kBigHello, 0, 1000))));
    read(0, sealed(kVersion1, keys->client, kId, client_id, 1, crypto_frame(1000, part(kBigHello, 1000, 2000))));
    EXPECT_EQ(name(), "quic.example.net");
    EXPECT_EQ(facts->side[0].stat, kQuic | kNotOpened | kOpened | kVersionChanged);
}

// RFC 9368: the client begins with version 1, the server answers with version 2.
TEST_F(Connection, ServerThatUpgradesTheVersion)
{
    read(0, from_hex(kClientInitialV1));
    read(1, from_hex(kServerInitialV2));
    EXPECT_EQ(facts->server_cipher, 0x1301);
    EXPECT_EQ(facts->side[1].version, kVersion2);
}

TEST_F(Connection, OtherTrafficLeavesTheFactsUntouched)
{
    for (const char* digits :
         {"80000000000000000000000000", "", "c0", "c000000001", "c00000000115", "c0000000010800", "4001020304050607",
          "c0deadbeef0000", "0001000021120000", "8000000001000000", "c01a2a3a4a0801020304050607080000"}) {
        read(0, from_hex(digits));
        EXPECT_TRUE(untouched()) << digits;
    }
}

TEST_F(Connection, SnappedPacket)
{
    const ByteVector packet = from_hex(kClientInitialV1);
    for (std::size_t size = 0; size < packet.size(); size += size < 40 ? 1 : 97) {
        *facts = {};
        reader.read(0, part(packet, 0, size), packet.size(), kIn2026, facts.get());
        // Version, ids and their lengths have 15 bytes.
        EXPECT_EQ(facts->side[0].stat, size < 15 ? 0 : kQuic | kSnapped) << size;
    }
    *facts = {};
    read(0, part(packet, 0, 600));
    EXPECT_EQ(facts->side[0].stat, kQuic | kMalformed) << "its length claims more than its datagram has";
}

TEST_F(Connection, HelloThatIsLongerThanWhatIsKept)
{
    const auto keys = crypto.keys(kVersion1, kId);
    const ByteVector hello =
        message(1, client_hello(0x0303, {0x1301}, server_name("long.example") + extension(51, ByteVector(5000, 0x42))));
    for (std::uint32_t i = 0; i < 5; i++)
        read(0, sealed(kVersion1, keys->client, kId, {}, i,
                       crypto_frame(i * 1000, part(hello, i * 1000, i * 1000 + 1000))));
    EXPECT_EQ(facts->side[0].stat, kQuic | kOpened | kHelloCut);
    EXPECT_EQ(name(), "long.example");
    EXPECT_EQ(ja4(), "none");
    EXPECT_EQ(facts->client_hello_done, 1);
}

TEST_F(Connection, HelloThatIsUnfinishedWhenTheFlowEnds)
{
    const auto keys = crypto.keys(kVersion1, kId);
    read(0, sealed(kVersion1, keys->client, kId, {}, 0, crypto_frame(0, part(kBigHello, 0, 1000))));
    EXPECT_EQ(name(), "");
    take_unfinished_hello(kIn2026, facts.get());
    EXPECT_EQ(facts->side[0].stat, kQuic | kOpened | kHelloCut);
    EXPECT_EQ(name(), "quic.example.net");
    EXPECT_EQ(ja4(), "none");
}

TEST(CryptoStream, FirstCopyWinsAndWhatIsBeyondIsMarked)
{
    auto stream = std::make_unique<CryptoStream>();
    stream->add(2, ByteVector{3, 4});
    EXPECT_EQ(stream->in_order, 0);
    stream->add(0, ByteVector{1, 2, 9});
    EXPECT_EQ(stream->in_order, 4);
    EXPECT_EQ(to_hex(stream->front().data(), 4), "01020304");
    EXPECT_EQ(stream->cut, 0);
    stream->add(CryptoStream::kMost - 1, ByteVector{5, 6});
    EXPECT_EQ(stream->bytes[CryptoStream::kMost - 1], 5);
    EXPECT_EQ(stream->cut, 1);
    stream->add(0x3fffffffffffffff, ByteVector{5});
    stream->add(4, ByteVector(CryptoStream::kMost));
    EXPECT_EQ(stream->in_order, CryptoStream::kMost);
}

TEST(Frames, OnlyThoseOfInitialPackets)
{
    const auto result = [](const char* digits) {
        bool closed = false;
        const ByteVector bytes = from_hex(digits);
        const FrameResult r = read_frames(bytes, nullptr, &closed);
        return std::string(r == FrameResult::kGood ? "good" : "malformed") + (closed ? " closed" : "");
    };
    EXPECT_EQ(result("000001"), "good");
    EXPECT_EQ(result("020000000a"), "good");
    EXPECT_EQ(result("02050001010203"), "good") << "one range more";
    EXPECT_EQ(result("03000000000a0b0c"), "good");
    EXPECT_EQ(result("02000040ff"), "malformed") << "255 ranges that are not there";
    EXPECT_EQ(result("1c01280000"), "good closed");
    EXPECT_EQ(result("1c0a0005aabb"), "malformed closed");
    EXPECT_EQ(result("060005aa"), "malformed");
    EXPECT_EQ(result("08"), "malformed") << "STREAM";
    EXPECT_EQ(result("1d0000"), "malformed") << "an application's CONNECTION_CLOSE";
    EXPECT_EQ(result("c0"), "malformed");
}

} // namespace
} // namespace flowxdp::quic
