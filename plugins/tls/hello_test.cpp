// SPDX-License-Identifier: BSD-2-Clause
#include "tls/hello.h"

#include <gtest/gtest.h>

#include <string>

#include "tls/fingerprint.h"
#include "tls/hello_builder.h"
#include "tls/hello_facts.h"

namespace flowxdp::tls {
namespace {

using namespace flowxdp::tls::test;

std::string ja4_of(const ByteVector& body, char transport = kOverTcp)
{
    const auto hello = parse_client_hello(body);
    const auto fingerprint = hello ? ja4(*hello, transport) : std::nullopt;
    return fingerprint ? std::string(fingerprint->begin(), fingerprint->end()) : "none";
}

// The example of JA4's technical details, with GREASE as browsers put it in.
const std::vector<std::uint16_t> kExampleCiphers = {0x8a8a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                                                    0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};

ByteVector example_extensions(bool algorithms)
{
    const ByteVector signature_algorithms =
        extension(13, vector_of(2, u16_list({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601})));
    return extension(0xdada, {}) + extension(0x001b, {2, 0, 2}) + server_name("www.example.com") +
           extension(0x0033, {0, 0}) + alpn({"h2", "http/1.1"}) + extension(0x4469, {}) + extension(0x0017, {}) +
           extension(0x002d, {1, 1}) + (algorithms ? signature_algorithms : ByteVector()) + extension(0x0005, {1}) +
           extension(0x0023, {}) + extension(0x0012, {}) +
           extension(0x002b, vector_of(1, u16_list({0x6a6a, 0x0304, 0x0303}))) + extension(0xff01, {0}) +
           extension(0x000b, {1, 0}) + extension(0x000a, vector_of(2, u16_list({0xbaba, 0x001d, 0x0017, 0x0018}))) +
           extension(0x0015, ByteVector(20)) + extension(0x3a3a, {0});
}

TEST(Ja4, IsTheExampleOfItsTechnicalDetails)
{
    EXPECT_EQ(ja4_of(client_hello(0x0303, kExampleCiphers, example_extensions(true))),
              "t13d1516h2_8daaf6152771_e5627efa2ab1");
    EXPECT_EQ(ja4_of(client_hello(0x0303, kExampleCiphers, example_extensions(true)), kOverQuic).front(), 'q');
    const std::string without = ja4_of(client_hello(0x0303, kExampleCiphers, example_extensions(false)));
    // The document's hash of the extensions alone holds signature_algorithms; this hello has none of them.
    EXPECT_EQ(without.substr(0, 23), "t13d1515h2_8daaf6152771");
}

TEST(Ja4, EndsWithoutAnUnderscoreWhenThereAreNoSignatureAlgorithms)
{
    // The document's second hash: 000d is in the list of extensions, and no algorithm follows.
    ByteVector extensions;
    for (const int type : {0x001b, 0x0033, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01,
                           0x000b, 0x000a, 0x0015}) {
        const bool list = type == 0x000d || type == 0x000a;
        extensions =
            extensions + extension(static_cast<std::uint16_t>(type), list ? ByteVector{0, 0}
                                                                     : type == 0x002b || type == 0x000b ? ByteVector{0}
                                                                                                        : ByteVector());
    }
    EXPECT_EQ(ja4_of(client_hello(0x0303, kExampleCiphers, extensions)), "t12i151400_8daaf6152771_6d807ffa2a79");
}

TEST(Ja4, HasZerosWhereAHelloHasNothing)
{
    EXPECT_EQ(ja4_of(client_hello(0x0301, {}, {})), "t10i000000_000000000000_000000000000");
    EXPECT_EQ(ja4_of(client_hello(0x0300, {0x0a0a}, extension(0x1a1a, {}))), "ts3i000000_000000000000_000000000000");
    EXPECT_EQ(ja4_of(client_hello(0x0333, {}, server_name("a"))), "t00d000100_000000000000_000000000000");
}

TEST(Ja4, CountsUpTo99)
{
    std::vector<std::uint16_t> ciphers(120, 0x1301);
    ByteVector extensions;
    for (std::uint16_t i = 0; i < 100; i++)
        extensions = extensions + extension(static_cast<std::uint16_t>(0x5000 + i), {});
    EXPECT_EQ(ja4_of(client_hello(0x0303, ciphers, extensions)).substr(0, 10), "t12i999900");
}

// The table of the technical details.
TEST(Ja4, TakesFirstAndLastCharacterOfTheProtocolOrItsHexDigits)
{
    const auto protocol = [](std::string_view name) {
        return ja4_of(client_hello(0x0303, {0x1301}, alpn({name}))).substr(8, 2);
    };
    EXPECT_EQ(protocol("h2"), "h2");
    EXPECT_EQ(protocol("http/1.1"), "h1");
    EXPECT_EQ(protocol("x"), "xx");
    EXPECT_EQ(protocol(""), "00");
    EXPECT_EQ(protocol("\xab"), "ab");
    EXPECT_EQ(protocol("\x20"), "20");
    EXPECT_EQ(protocol("\xab\xcd"), "ad");
    EXPECT_EQ(protocol("\x20\x61"), "21");
    EXPECT_EQ(protocol("\x30\xab"), "3b");
    EXPECT_EQ(protocol("\x61\x20"), "60");
    EXPECT_EQ(protocol("\x30\x31\xab\xcd"), "3d");
    EXPECT_EQ(protocol("\x30\xab\xcd\x31"), "01");
}

// The examples of JA3's README, texts and hashes.
TEST(Ja3, IsTheExampleOfItsReadme)
{
    const ByteVector extensions =
        server_name("example.com") + extension(10, vector_of(2, u16_list({23, 24, 25}))) + extension(11, {1, 0});
    const ByteVector example =
        client_hello(769, {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4}, extensions);
    auto hello = parse_client_hello(example);
    ASSERT_TRUE(hello);
    EXPECT_EQ(ja3_text(*hello), "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
    EXPECT_EQ(to_hex(ja3(*hello)->data(), 16), "ada70206e40642a3e4461f35503241d5");
    const ByteVector bare = client_hello(769, {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}, {});
    hello = parse_client_hello(bare);
    EXPECT_EQ(ja3_text(*hello), "769,4-5-10-9-100-98-3-6-19-18-99,,,");
    EXPECT_EQ(to_hex(ja3(*hello)->data(), 16), "de350869b8c85de67a350c8d186f11e6");
}

TEST(Ja3, LeavesOutGreaseOfClientsAndKeepsAllOfAServer)
{
    const ByteVector extensions = extension(0x2a2a, {}) + extension(10, vector_of(2, u16_list({0x4a4a, 29})));
    EXPECT_EQ(ja3_text(*parse_client_hello(client_hello(0x0303, {0x0a0a, 0x1301}, extensions))), "771,4865,10,29,");
    const ByteVector answer = server_hello(769, 47,
                                           extension(65281, {0}) + extension(0, {}) + extension(11, {1, 0}) +
                                               extension(35, {}) + extension(5, {}) + extension(16, {0, 0}));
    const auto server = parse_server_hello(answer);
    EXPECT_EQ(ja3s_text(*server), "769,47,65281-0-11-35-5-16");
    EXPECT_EQ(to_hex(ja3s(*server)->data(), 16), "836ce314215654b5b1f85f97c73e506f"); // md5sum of the text
}

TEST(Hello, EveryCutIsMalformedOrNone)
{
    const ByteVector whole = client_hello(0x0303, kExampleCiphers, example_extensions(true), ByteVector(32, 7));
    for (std::size_t size = 0; size < whole.size(); size++) {
        const ByteVector cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)); // its own allocation
        const auto hello = parse_client_hello(cut);
        if (hello && size > 2 + 32 + 33 + 2 + 32 + 2) {
            EXPECT_TRUE(hello->malformed) << size;
            EXPECT_FALSE(ja4(*hello, kOverTcp)) << size;
            EXPECT_FALSE(ja3(*hello)) << size;
        }
        HelloFacts facts{};
        if (hello)
            take_client_hello(*hello, kOverTcp, 0, &facts);
    }
    EXPECT_FALSE(parse_client_hello(whole)->malformed);
    const ByteVector server = server_hello(0x0303, 0x1301, extension(43, number(0x0304, 2)) + alpn({"h2"}));
    for (std::size_t size = 0; size < server.size(); size++) {
        const auto hello =
            parse_server_hello(ByteVector(server.begin(), server.begin() + static_cast<std::ptrdiff_t>(size)));
        const bool has_more = size == 2 + 32 + 1 + 2 + 1; // there TLS 1.2 without extensions ends
        EXPECT_TRUE(!hello || hello->malformed || has_more) << size;
    }
    EXPECT_EQ(parse_server_hello(server)->version(), 0x0304);
    EXPECT_FALSE(parse_server_hello(server_hello(0x7f10, 0x1301, {}))) << "a draft's message has another shape";
}

TEST(HelloFacts, KeepsListsUpToTheirCapsAndSaysSo)
{
    std::vector<std::uint16_t> many(100);
    for (std::uint16_t i = 0; i < 100; i++)
        many[i] = i;
    ByteVector extensions = server_name(std::string(300, 'n')) + extension(10, vector_of(2, u16_list(many))) +
                            extension(13, vector_of(2, u16_list(many))) +
                            alpn({"http/1.1", std::string(60, 'p'), "h2", "imap"});
    for (std::uint16_t i = 0; i < 40; i++)
        extensions = extensions + extension(static_cast<std::uint16_t>(0x5000 + i), {});
    HelloFacts facts{};
    take_client_hello(*parse_client_hello(client_hello(0x0303, many, extensions)), kOverTcp, 1'772'582'400, &facts);
    EXPECT_EQ(facts.ciphers.offered, 100);
    EXPECT_EQ(facts.ciphers.size(), 64u);
    EXPECT_EQ(facts.extensions.offered, 44);
    EXPECT_EQ(facts.groups.size(), 16u);
    EXPECT_EQ(facts.signature_algorithms.size(), 32u);
    EXPECT_EQ(facts.server_name_length, 253);
    EXPECT_EQ(facts.protocol_names.offered, 4);
    EXPECT_EQ(facts.protocol_names.kept, 2) << "56 bytes: 1 + 8, and 1 + 46 of 60";
    EXPECT_EQ(facts.stat, kClientSide | kCipherListCut | kExtensionListCut | kGroupListCut | kOtherListCut | kTextCut |
                              kProtocolNameCut | kProtocolListCut);
    EXPECT_EQ(facts.protocols, kHttp | kHttp2 | kImap | kOtherProtocol) << "of all names, also of those not kept";
    EXPECT_TRUE(facts.has_ja4) << "a fingerprint is made of the whole lists";
}

TEST(HelloFacts, RandomSaysWhatItsFirstBytesAre)
{
    const auto flags = [](std::uint32_t time, std::uint8_t rest, std::uint8_t last) {
        ByteVector random = number(time, 4) + ByteVector(28, rest);
        random.back() = last;
        HelloFacts facts{};
        take_server_hello(*parse_server_hello(server_hello(0x0303, 1, {}, {}, random)), 1'772'582'400, &facts);
        return facts.flags;
    };
    EXPECT_EQ(flags(1'772'582'400, 1, 2), 0);
    EXPECT_EQ(flags(31'556'925, 1, 2), kFlagSmallTime);
    EXPECT_EQ(flags(1'772'582'400 + 157'784'631, 1, 2), kFlagFarTime);
    EXPECT_EQ(flags(1'772'582'400, 0, 0), kFlagRandomIsNone);
    EXPECT_EQ(flags(1'772'582'400, 0xff, 0xff), kFlagRandomIsNone);
}

} // namespace
} // namespace flowxdp::tls
