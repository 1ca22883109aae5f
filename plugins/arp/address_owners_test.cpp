// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include "arp/address_owners.h"

namespace flowxdp {
namespace {

constexpr MacAddress kFirst = {2, 0, 0, 0, 0, 1}, kSecond = {2, 0, 0, 0, 0, 2};
constexpr Ipv4Address kIp = {192, 0, 2, 1};

TEST(AddressOwners, AnotherClaimNamesWhoHadTheAddress)
{
    AddressOwners owners;
    EXPECT_FALSE(owners.claim(kIp, 0, 0, kFirst));
    EXPECT_FALSE(owners.claim(kIp, 0, 0, kFirst));
    EXPECT_EQ(owners.claim(kIp, 0, 0, kSecond), kFirst);
    EXPECT_FALSE(owners.claim(kIp, 0, 0, kSecond)) << "it has it now";
    EXPECT_EQ(owners.claim(kIp, 0, 0, kFirst), kSecond);
}

TEST(AddressOwners, VlansAndSensorsHaveAddressesOfTheirOwn)
{
    AddressOwners owners;
    owners.claim(kIp, 0, 0, kFirst);
    EXPECT_FALSE(owners.claim(kIp, 5, 0, kSecond));
    EXPECT_FALSE(owners.claim(kIp, 0, 1, kSecond));
    EXPECT_EQ(owners.claim(kIp, 5, 0, kFirst), kSecond);
}

} // namespace
} // namespace flowxdp
