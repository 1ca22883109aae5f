// SPDX-License-Identifier: BSD-2-Clause
// The values that the specification publishes (community-id-spec, baseline).
#include <gtest/gtest.h>

#include <arpa/inet.h>

#include <array>
#include <string>

#include "community_id/community_id_hash.h"

namespace flowxdp {
namespace {

using Address = std::array<std::uint8_t, 16>;

Address address(const std::string& text)
{
    Address a = {};
    if (text.find(':') != std::string::npos) {
        EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), a.data()), 1);
    } else {
        a[10] = a[11] = 0xff;
        EXPECT_EQ(inet_pton(AF_INET, text.c_str(), a.data() + 12), 1);
    }
    return a;
}

struct Value {
    std::uint8_t proto;
    const char *src, *dst;
    std::uint16_t src_port, dst_port;
    const char *seed0, *seed1;
};
// clang-format off
constexpr Value kValues[] = {
    {6, "1.2.3.4", "5.6.7.8", 1122, 3344, "1:wCb3OG7yAFWelaUydu0D+125CLM=", "1:HhA1B+6CoLbiKPEs5nhNYN4XWfk="},
    {6, "5.6.7.8", "1.2.3.4", 3344, 1122, "1:wCb3OG7yAFWelaUydu0D+125CLM=", "1:HhA1B+6CoLbiKPEs5nhNYN4XWfk="},
    {17, "1.2.3.4", "5.6.7.8", 1122, 3344, "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg=", "1:OShq+iKDAMVouh/4bMxB9Sz4amw="},
    {17, "5.6.7.8", "1.2.3.4", 3344, 1122, "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg=", "1:OShq+iKDAMVouh/4bMxB9Sz4amw="},
    {132, "1.2.3.4", "5.6.7.8", 1122, 3344, "1:EKt4MsxuyaE6mL+hmrEkQ9csDD8=", "1:uitchpn5MMGAQKBJh7bIr/bAr7s="},
    {1, "1.2.3.4", "5.6.7.8", 8, 0, "1:crodRHL2FEsHjbv3UkRrfbs4bZ0=", "1:9pr4ZGTICiuZoIh90RRYE2RyXpU="},
    {1, "5.6.7.8", "1.2.3.4", 0, 0, "1:crodRHL2FEsHjbv3UkRrfbs4bZ0=", "1:9pr4ZGTICiuZoIh90RRYE2RyXpU="},
    {1, "1.2.3.4", "5.6.7.8", 11, 0, "1:f/YiSyWqczrTgfUCZlBUnvHRcPk=", "1:1DD7cWGC/Yg91YGsQeni8du3pIA="},
    {58, "fe80:1:203:405:607:809:a0b:c0d", "fe80:1011:1213:1415:1617:1819:1a1b:1c1d", 128, 0,
     "1:0bf7hyMJUwt3fMED7z8LIfRpBeo=", "1:IO27GQzPuCtNnwFvjWALMHu5tJE="},
    {58, "fe80:1011:1213:1415:1617:1819:1a1b:1c1d", "fe80:1:203:405:607:809:a0b:c0d", 129, 0,
     "1:0bf7hyMJUwt3fMED7z8LIfRpBeo=", "1:IO27GQzPuCtNnwFvjWALMHu5tJE="},
    {58, "fe80:1:203:405:607:809:a0b:c0d", "fe80:1011:1213:1415:1617:1819:1a1b:1c1d", 146, 0,
     "1:fYC8+pz24E+EhANP1EZhpX0Dw10=", "1:Cv4IKJe56BNkF0MBW2YxQ3Nwc3s="},
    {46, "1.2.3.4", "5.6.7.8", 0, 0, "1:ikv3kmf89luf73WPz1jOs49S768=", "1:/buhqeOmaRCopOZFy9HnoJd5XW8="},
    {46, "5.6.7.8", "1.2.3.4", 0, 0, "1:ikv3kmf89luf73WPz1jOs49S768=", "1:/buhqeOmaRCopOZFy9HnoJd5XW8="},
    {46, "fe80:1:203:405:607:809:a0b:c0d", "fe80:1011:1213:1415:1617:1819:1a1b:1c1d", 0, 0,
     "1:wQ/2mwrnXP4lmJcHdGL5ePjR+e0=", "1:j6EyyfBzL4vWKHFXgUqb5Az3OxM="},
    // neighbor solicitation and advertisement; type 3 and 1 have no answer; a ping
    {58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY="},
    {58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY="},
    {58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 135, 0, "1:zavyT/cezQr1fmImYCwYnMXbgck=", "1:2hSqmsDZ2kdcY9kbiUzOEBic0iM="},
    {58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0, "1:2ObVBgIn28oZvibYZhZMBgh7WdQ=", "1:lVEtCZpYu84Xqaa++3lXFyuu2n4="},
    {58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4, "1:hLZd0XGWojozrvxqE0dWB1iM6R0=", "1:W8MHwXpWzpoSTD+cGcaJr4u0ys8="},
    {58, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 0, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=", "1:L7Ka0ZMYu+J3bL4ulW2PrqyXNo8="},
    {1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA="},
    {132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=", "1:5w3ZRjeKBzqT3zsaEECDGjUbYeg="},
    {6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=", "1:eJYTW6AOzFLlSUoESovMjnu7rMw="},
    {46, "10.1.12.1", "10.1.12.2", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=", "1:rYir8gphR31noO9iDRQmF/BteEI="},
};
// clang-format on

TEST(CommunityIdHash, PublishedValues)
{
    const CommunityIdHash seed0(0), seed1(1);
    for (const Value& v : kValues) {
        SCOPED_TRACE(std::string(v.src) + " " + v.dst + " " + std::to_string(v.src_port));
        const Address src = address(v.src), dst = address(v.dst);
        const std::uint8_t version = std::string(v.src).find(':') == std::string::npos ? 4 : 6;
        const CommunityTuple tuple = {src.data(), dst.data(), v.src_port, v.dst_port, version, v.proto};
        EXPECT_EQ(seed0.id(tuple), v.seed0);
        EXPECT_EQ(seed1.id(tuple), v.seed1);
    }
}

TEST(CommunityIdHash, PortsDecideBetweenEqualAddresses)
{
    const CommunityIdHash hash(0);
    const Address a = address("192.0.2.1");
    EXPECT_EQ(hash.id({a.data(), a.data(), 80, 40000, 4, 6}), hash.id({a.data(), a.data(), 40000, 80, 4, 6}));
    EXPECT_NE(hash.id({a.data(), a.data(), 80, 40000, 4, 6}), hash.id({a.data(), a.data(), 81, 40000, 4, 6}));
}

TEST(CommunityIdHash, CounterpartsAreMutual)
{
    for (const std::uint8_t proto : {CommunityIdHash::kIcmp, CommunityIdHash::kIcmpV6})
        for (unsigned type = 0; type < 256; type++) {
            const auto other = CommunityIdHash::counterpart(proto, static_cast<std::uint8_t>(type));
            if (other) {
                EXPECT_EQ(CommunityIdHash::counterpart(proto, *other), type);
            }
        }
    EXPECT_FALSE(CommunityIdHash::counterpart(CommunityIdHash::kIcmp, 128));
    EXPECT_FALSE(CommunityIdHash::counterpart(CommunityIdHash::kIcmpV6, 8));
}

} // namespace
} // namespace flowxdp
