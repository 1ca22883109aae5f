// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include "dhcp/transactions.h"

namespace flowxdp {
namespace {

constexpr DhcpTransaction kOne = {0x1234, {2, 0, 0, 0, 0, 10}, 0}, kOther = {0x1234, {2, 0, 0, 0, 0, 11}, 0};

TEST(DhcpTransactions, QuestionAndAnswerKnowEachOther)
{
    DhcpTransactions transactions;
    transactions.add(kOne, 3);
    EXPECT_EQ(transactions.other(kOne, 3), 0u);
    transactions.add(kOne, 4);
    transactions.add(kOne, 3);
    EXPECT_EQ(transactions.other(kOne, 3), 4u);
    EXPECT_EQ(transactions.other(kOne, 4), 3u);
    transactions.add(kOne, 5); // a third one, a relay's: it knows the first
    EXPECT_EQ(transactions.other(kOne, 5), 3u);
    EXPECT_EQ(transactions.other(kOne, 3), 4u);
    EXPECT_EQ(transactions.other(kOther, 3), 0u) << "another client";
}

} // namespace
} // namespace flowxdp
