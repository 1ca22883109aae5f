// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>

#include "monitor/listen_address.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

TEST(ListenAddress, IsNumericWithAPort)
{
    const auto v4 = read_listen_address("127.0.0.1:9669");
    ASSERT_TRUE(v4.ok());
    EXPECT_EQ(v4.value().host, "127.0.0.1");
    EXPECT_EQ(v4.value().port, 9669);
    EXPECT_TRUE(v4.value().loopback);
    EXPECT_EQ(v4.value().text(), "127.0.0.1:9669");
    const auto v6 = read_listen_address("[::1]:0");
    ASSERT_TRUE(v6.ok());
    EXPECT_EQ(v6.value().host, "::1");
    EXPECT_TRUE(v6.value().loopback);
    EXPECT_EQ(v6.value().text(), "[::1]:0");
}

TEST(ListenAddress, OnlyLoopbackIsLoopback)
{
    for (const char* text : {"127.255.0.1:1", "localhost:1", "[::1]:1"})
        EXPECT_TRUE(read_listen_address(text).value().loopback) << text;
    for (const char* text :
         {"0.0.0.0:1", "128.0.0.1:1", "10.0.0.1:1", "[::]:1", "[2001:db8::1]:1", "[::ffff:127.0.0.1]:1"})
        EXPECT_FALSE(read_listen_address(text).value().loopback) << text;
}

TEST(ListenAddress, NothingElseIsOne)
{
    for (const char* text :
         {"", ":", "9669", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "127.0.0.1:-1", "::1:9669",
          "[::1]", "[::1:9669", "example.org:80", "127.1:80", "[]:1", "127.0.0.1:80:90", "[127.0.0.1]:80"})
        EXPECT_FALSE(read_listen_address(text).ok()) << text;
}

class ListenToken : public testing::Test {
  protected:
    Result<std::string> read(const std::string& text, mode_t mode = 0600)
    {
        const std::string path = (folder_.path() / "token").string();
        std::ofstream(path) << text;
        ::chmod(path.c_str(), mode);
        return read_listen_token(path);
    }
    test::TempFolder folder_;
};

TEST_F(ListenToken, IsTheWordInTheFile)
{
    EXPECT_EQ(read("  0123456789abcdef\n").value(), "0123456789abcdef");
}

TEST_F(ListenToken, ShortLongAndStrangeOnesAreRefused)
{
    EXPECT_FALSE(read("0123456789abcde\n").ok());
    EXPECT_FALSE(read(std::string(1025, 'x')).ok());
    EXPECT_FALSE(read("0123456789 abcdef").ok());
    EXPECT_FALSE(read("0123456789abcdef\nmore").ok());
    EXPECT_FALSE(read("").ok());
    EXPECT_FALSE(read_listen_token(folder_.path() / "none").ok());
}

TEST_F(ListenToken, WhatEverybodyReadsIsNoSecret)
{
    EXPECT_TRUE(read("0123456789abcdef", 0640).ok());
    EXPECT_FALSE(read("0123456789abcdef", 0644).ok());
}

} // namespace
} // namespace flowxdp
