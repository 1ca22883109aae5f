// SPDX-License-Identifier: BSD-2-Clause
// tunnel_option_test.cpp - what --tunnel says becomes the ports that the parser looks at.
#include "cli/tunnel_option.h"

#include <gtest/gtest.h>

#include <cstring>

#include "cli/options.h"

namespace flowxdp {
namespace {

using Values = std::vector<std::string>;

std::string text_of(const Values& values)
{
    const auto config = tunnel_config_of(values);
    return config.ok() ? tunnel_text(config.value()) : "error: " + config.error().message;
}

constexpr const char* kDefault = "vxlan=4789,4790,8472 geneve=6081 gtp=2152,2123,3386 l2tp=1701 teredo=3544 ayiya=5072 "
                                 "capwap=5247 lwapp=12222 mpls=6635 ip";

TEST(TunnelOption, NothingSaidIsTheDefault)
{
    const tunnel_config own = tunnel_config_default();
    const auto config = tunnel_config_of({});

    ASSERT_TRUE(config.ok());
    EXPECT_EQ(std::memcmp(&config.value(), &own, sizeof own), 0);
    EXPECT_EQ(text_of({}), kDefault);
}

TEST(TunnelOption, NoneIsNoTunnelAndWhatFollowsIsAdded)
{
    EXPECT_EQ(text_of({"none"}), "none");
    EXPECT_EQ(text_of({"none", "vxlan=4789,8472"}), "vxlan=4789,8472");
    EXPECT_EQ(text_of({"none", "gtp", "ip"}), "gtp=2152,2123,3386 ip");
    EXPECT_EQ(text_of({"vxlan=1", "none"}), "none");
}

TEST(TunnelOption, AKindsPortsReplaceItsOwn)
{
    EXPECT_EQ(
        text_of({"vxlan=4789,8472", "teredo=none"}),
        "vxlan=4789,8472 geneve=6081 gtp=2152,2123,3386 l2tp=1701 ayiya=5072 capwap=5247 lwapp=12222 mpls=6635 ip");
    EXPECT_EQ(text_of({"none", "vxlan=1", "vxlan=2"}), "vxlan=2");
    EXPECT_EQ(text_of({"none", "geneve", "vxlan=6081"}).substr(0, 6), "error:");
    EXPECT_EQ(text_of({"vxlan=6081"}).substr(0, 16), "vxlan=6081 gtp=2"); // taken from a default
}

TEST(TunnelOption, ItsTextSaysItAgain)
{
    for (const Values& values : {Values{}, Values{"none"}, Values{"ip=none"}, Values{"vxlan=1,2,3", "mpls=none"}}) {
        Values again = {"none"};
        std::string text = text_of(values);
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find(' ', at), text.size());
            again.push_back(text.substr(at, end - at));
            at = end + 1;
        }
        const auto first = tunnel_config_of(values), second = tunnel_config_of(again);
        ASSERT_TRUE(first.ok() && second.ok());
        EXPECT_EQ(std::memcmp(&first.value(), &second.value(), sizeof(tunnel_config)), 0) << text;
    }
}

TEST(TunnelOption, WhatCannotBeIsRefused)
{
    for (const char* value : {"", "vxlna=4789", "vxlan=", "vxlan=0", "vxlan=65536", "vxlan=-1", "vxlan=4789,",
                              "vxlan=,1", "vxlan=47 89", "vxlan=4789x", "=4789", "ip=47", "NONE", "none=1"})
        EXPECT_FALSE(tunnel_config_of({value}).ok()) << value;
    Values values = {"none", "vxlan=1"};
    for (int port = 2; port < 34; port++)
        values.back() += "," + std::to_string(port);
    EXPECT_FALSE(tunnel_config_of(values).ok());
    EXPECT_NE(tunnel_config_of({"vxlna=4789"}).error().message.find("geneve"), std::string::npos);
}

TEST(TunnelOption, OfTheCommandLine)
{
    std::string words[] = {"flowxdp", "replay", "--tunnel", "none", "a.pcap", "--tunnel", "vxlan=4789", "udp"};
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    Options options;
    int code = 0;

    ASSERT_TRUE(parse_options(static_cast<int>(argv.size()) - 1, argv.data(), &options, &code));
    EXPECT_EQ(options.replay.run.tunnels.values, (Values{"none", "vxlan=4789"}));
    EXPECT_EQ(options.replay.run.filter, "udp");
    words[6] = "vxlan=0";
    argv[6] = words[6].data();
    Options refused;
    EXPECT_FALSE(parse_options(static_cast<int>(argv.size()) - 1, argv.data(), &refused, &code));
    EXPECT_EQ(code, 2);
}

} // namespace
} // namespace flowxdp
