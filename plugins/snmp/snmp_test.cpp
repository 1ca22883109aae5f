// SPDX-License-Identifier: BSD-2-Clause
// SNMP messages made by hand after RFC 1157, 3416, 3412 and 3414, every truncation of them, and what a direction keeps.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "snmp_flow.h"
#include "snmp_message.h"

namespace flowxdp::snmp {
namespace {

using Wire = std::vector<std::uint8_t>;

// A value with the shortest form of its length (X.690 8.1.3).
Wire value(std::uint8_t tag, const std::vector<Wire>& parts)
{
    Wire content;
    for (const Wire& part : parts)
        content.insert(content.end(), part.begin(), part.end());
    Wire out = {tag};
    if (content.size() >= 0x80) {
        out.push_back(0x82);
        out.push_back(static_cast<std::uint8_t>(content.size() >> 8));
    }
    out.push_back(static_cast<std::uint8_t>(content.size()));
    out.insert(out.end(), content.begin(), content.end());
    return out;
}
Wire number(std::uint8_t n)
{
    return {2, 1, n};
}
Wire text(std::string_view bytes)
{
    return value(4, {Wire(bytes.begin(), bytes.end())});
}
Wire sequence(const std::vector<Wire>& parts)
{
    return value(0x30, parts);
}
// sysDescr.0 = null
Wire pdu(unsigned kind, std::uint8_t error = 0)
{
    const Wire oid = {6, 8, 0x2b, 6, 1, 2, 1, 1, 1, 0};
    return value(static_cast<std::uint8_t>(0xa0 + kind),
                 {{2, 4, 1, 2, 3, 4}, number(error), number(0), sequence({sequence({oid, {5, 0}})})});
}
Wire message(std::uint8_t version, std::string_view community, const Wire& data)
{
    return sequence({number(version), text(community), data});
}
const std::string kEngine("\x80\x00\x1f\x88\x80\x01", 6);
Wire message3(std::string_view engine, std::string_view user, std::uint8_t flags, const Wire& data,
              std::uint8_t model = 3)
{
    const Wire usm =
        sequence({text(engine), number(5), {2, 2, 1, 0}, text(user), text(std::string(12, 'a')), text("12345678")});
    return sequence({number(3),
                     sequence({{2, 4, 0x7f, 0, 0, 1},
                               {2, 3, 0, 0xff, 0xe3},
                               text(std::string(1, static_cast<char>(flags))),
                               number(model)}),
                     value(4, {usm}), data});
}
Wire scoped(const Wire& data)
{
    return sequence({text(kEngine), text(""), data});
}
std::string_view view(Bytes bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(SnmpMessage, HasVersionCommunityAndType)
{
    for (unsigned kind = 0; kind < kPduKinds; kind++) {
        const Wire wire = message(kV2c, "public", pdu(kind, 2));
        const Message read = read_message(wire);
        EXPECT_EQ(static_cast<int>(read.fault), static_cast<int>(Fault::kNone));
        EXPECT_EQ(read.version, kV2c);
        EXPECT_EQ(view(read.community), "public");
        ASSERT_TRUE(read.has_pdu);
        EXPECT_EQ(read.pdu, kind);
        EXPECT_EQ(read.has_error, kind == kResponse) << "GetBulkRequest has a count there (RFC 3416 3)";
        if (read.has_error) {
            EXPECT_EQ(read.error, 2U);
        }
    }
    const Wire wire = message(kV1, std::string(300, 'c'), pdu(kTrapV1));
    EXPECT_EQ(read_message(wire).community.size(), 300U) << "a length of two bytes";
}

TEST(SnmpMessage, HasUserAndEngineOfVersion3)
{
    const Wire plain = message3(kEngine, "operator", 5, scoped(pdu(kGetRequest)));
    Message read = read_message(plain);
    EXPECT_EQ(static_cast<int>(read.fault), static_cast<int>(Fault::kNone));
    EXPECT_EQ(read.version, kV3);
    EXPECT_EQ(read.security, 5);
    EXPECT_EQ(view(read.user), "operator");
    EXPECT_EQ(view(read.engine_id), kEngine);
    EXPECT_FALSE(read.encrypted);
    ASSERT_TRUE(read.has_pdu);
    EXPECT_EQ(read.pdu, kGetRequest);

    const Wire hidden = message3(kEngine, "operator", 3, text("what nobody can read"));
    read = read_message(hidden);
    EXPECT_EQ(static_cast<int>(read.fault), static_cast<int>(Fault::kNone));
    EXPECT_TRUE(read.encrypted);
    EXPECT_FALSE(read.has_pdu);
    const Wire other = message3(kEngine, "operator", 0, scoped(pdu(kReport)), 4);
    read = read_message(other);
    EXPECT_TRUE(read.user.empty()) << "another security model has no user name here";
    EXPECT_EQ(read.pdu, kReport);
}

TEST(SnmpMessage, IsReadAsFarAsItIsThere)
{
    const Wire v2 = message(kV2c, "public", pdu(kResponse)),
               v3 = message3(kEngine, "operator", 4, scoped(pdu(kReport)));
    for (const Wire& whole : {v2, v3}) {
        for (std::size_t size = 0; size < whole.size(); size++) {
            const Wire cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            const Message read = read_message(cut);
            EXPECT_EQ(static_cast<int>(read.fault), static_cast<int>(Fault::kEnd)) << size;
            EXPECT_EQ(read.has_version, size >= 5) << size;
        }
    }
    // Head 2, version 3, community 8, then the PDU's tag and length.
    const Message read = read_message(Bytes(v2).first(2 + 3 + 8 + 2));
    EXPECT_TRUE(read.has_pdu);
    EXPECT_EQ(view(read.community), "public");
}

TEST(SnmpMessage, RefusesWhatIsNoSnmp)
{
    const auto fault = [](const Wire& wire) { return static_cast<int>(read_message(wire).fault); };
    constexpr int kSyntax = static_cast<int>(Fault::kSyntax), kEnd = static_cast<int>(Fault::kEnd);
    EXPECT_EQ(fault({}), kEnd);
    EXPECT_EQ(fault({0x31, 0}), kSyntax);
    EXPECT_EQ(fault({0x30, 0x80, 2, 1, 0, 0, 0}), kSyntax) << "an indefinite length (RFC 3417 8)";
    EXPECT_EQ(fault({0x30, 0x85, 0, 0, 0, 0, 1, 2}), kSyntax);
    EXPECT_EQ(fault({0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2, 1, 0}), kEnd);
    EXPECT_EQ(fault(message(2, "public", pdu(0))), kSyntax) << "version 2 is none of the three";
    EXPECT_EQ(fault(message(kV1, "public", {0xa9, 0})), kSyntax);
    EXPECT_EQ(fault(message(kV1, "public", {0x9f, 0})), kSyntax);
    EXPECT_EQ(fault(message(kV1, "public", {})), kEnd) << "no PDU";
    EXPECT_EQ(fault(sequence({number(1), number(1)})), kSyntax);
    EXPECT_EQ(fault(sequence({{2, 0}, text("x")})), kSyntax) << "a number without a byte";
    EXPECT_EQ(fault(message(kV2c, "x", value(0xa2, {number(1), text("no number"), number(0)}))), kSyntax);
}

TEST(SnmpDirection, CountsByType)
{
    Direction direction{};
    direction.add(message(kV2c, "public", pdu(kGetRequest)), true, false);
    direction.add(message(kV2c, "public", pdu(kGetRequest)), true, false);
    direction.add(message(kV2c, "public", pdu(kResponse, 2)), true, false);
    direction.add(message(kV2c, "public", pdu(kResponse, 200)), true, false);
    EXPECT_EQ(direction.status, kStatSnmp);
    EXPECT_EQ(direction.version, kV2c);
    EXPECT_EQ(direction.messages, 4U);
    EXPECT_EQ(direction.counts[kGetRequest], 2U);
    EXPECT_EQ(direction.counts[kResponse], 2U);
    EXPECT_EQ(direction.kinds, 0x05);
    EXPECT_EQ(direction.errors, 1U << 2 | 1U << 31) << "-56 is no error-status";
}

// Nothing of the memory holds the name unless it is asked for.
TEST(SnmpDirection, KeepsNoNameUnlessAsked)
{
    const std::string secret = "s3cr3t-w0rd";
    for (const bool in_clear : {false, true}) {
        for (const Wire& wire :
             {message(kV1, secret, pdu(kGetRequest)), message3(kEngine, secret, 0, scoped(pdu(0)))}) {
            Direction direction{};
            direction.add(wire, true, in_clear);
            const std::string_view bytes(reinterpret_cast<const char*>(&direction), sizeof direction);
            EXPECT_EQ(bytes.find(secret.substr(0, 4)) != std::string_view::npos, in_clear);
            const SecretText& name = direction.version == kV3 ? direction.user : direction.community;
            EXPECT_EQ(name.length, 11);
            EXPECT_EQ(std::string(name.text, name.kept), in_clear ? secret : "");
        }
    }
}

TEST(SnmpDirection, SaysThatNamesDifferAndThatOneIsCut)
{
    Direction direction{};
    direction.add(message(kV1, "public", pdu(kGetRequest)), true, false);
    direction.add(message(kV1, "public", pdu(kGetRequest)), true, false);
    EXPECT_EQ(direction.status, kStatSnmp);
    direction.add(message(kV1, "secret", pdu(kGetRequest)), true, false);
    EXPECT_EQ(direction.status, kStatSnmp | kStatNames);
    direction.add(message(kV2c, "public", pdu(kGetRequest)), true, false);
    EXPECT_EQ(direction.status, kStatSnmp | kStatNames | kStatVersions);
    EXPECT_EQ(direction.version, kV1);

    direction = {};
    direction.add(message(kV1, std::string(65, 'x'), pdu(kGetRequest)), true, true);
    EXPECT_EQ(direction.status, kStatSnmp | kStatText);
    EXPECT_EQ(direction.community.length, 65);
    EXPECT_EQ(direction.community.kept, 64);

    // Discovery of the engine: the first message names nobody.
    direction = {};
    direction.add(message3("", "", 4, scoped(pdu(kGetRequest))), true, false);
    direction.add(message3(kEngine, "operator", 5, scoped(pdu(kGetRequest))), true, false);
    EXPECT_EQ(direction.status, kStatSnmp);
    EXPECT_EQ(direction.user.length, 8);
    EXPECT_EQ(direction.engine_id_length, 6);
    EXPECT_EQ(direction.security, 5);
}

TEST(SnmpDirection, TellsACutMessageFromAMalformedOne)
{
    Wire wire = message(kV2c, "public", pdu(kResponse));
    wire.resize(20);
    Direction direction{};
    direction.add(wire, false, false);
    EXPECT_EQ(direction.status, kStatSnmp | kStatCut);
    direction = {};
    direction.add(wire, true, false);
    EXPECT_EQ(direction.status, kStatSnmp | kStatMalformed);
    direction = {};
    direction.add(Wire{1, 2, 3}, true, false);
    EXPECT_EQ(direction.status, kStatMalformed);
    EXPECT_EQ(direction.messages, 0U);
}

} // namespace
} // namespace flowxdp::snmp
