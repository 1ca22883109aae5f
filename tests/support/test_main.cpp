// SPDX-License-Identifier: BSD-2-Clause
// main() of every GoogleTest program. Its target has the precompiled headers that they share.
#include <gtest/gtest.h>

int main(int count, char** words)
{
    testing::InitGoogleTest(&count, words);
    return RUN_ALL_TESTS();
}
