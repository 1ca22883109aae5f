// SPDX-License-Identifier: BSD-2-Clause
// Answers are those of nats-server 2.9.10, and of the schema io.nats.jetstream.api.v1.pub_ack_response. A server takes
// rows in nats_server_test.py.
#include <gtest/gtest.h>

#include "nats_target.h"
#include "publish_ack.h"
#include "support/sink_module.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

using namespace test;

TEST(NatsTarget, ServersAndSubject)
{
    const auto target = parse_nats_target("nats://n1:4222;n2;[2001:db8::1]:4222/net.flows");
    ASSERT_TRUE(target.ok());
    EXPECT_EQ(target->servers, (std::vector<std::string>{"nats://n1:4222", "nats://n2", "nats://[2001:db8::1]:4222"}));
    EXPECT_EQ(target->subject, "net.flows");
}

TEST(NatsTarget, NonsenseIsRefused)
{
    for (const char* target : {"", "h/s", "nats://", "nats://h", "nats://h/", "nats:///s", "nats://a;;b/s",
                               "nats://h/a b", "nats://h/a.*", "nats://h/>", "nats://h/.a", "nats://h/a..b"})
        EXPECT_FALSE(parse_nats_target(target).ok()) << target;
}

TEST(NatsSink, ASecretInTheTargetIsRefusedAndNotShown)
{
    for (const char* target : {"nats://u:secret@h/s", "nats://secret@h/s", "nats://h;u:secret@g/s"}) {
        const auto made = make_module_sink(SinkSpec{"nats", target, {}});
        ASSERT_FALSE(made.ok()) << target;
        EXPECT_EQ(made.error().message.find("secret"), std::string::npos) << made.error().message;
    }
    EXPECT_TRUE(make_module_sink(SinkSpec{"nats", "nats://h/s", {}}).ok());
    EXPECT_FALSE(make_module_sink(SinkSpec{"nats", "nats://h/s", {{"stream", "a.b"}}}).ok());
    EXPECT_FALSE(make_module_sink(SinkSpec{"nats", "nats://h/s", {{"packet_subject", "a b"}}}).ok());
    EXPECT_FALSE(make_module_sink(SinkSpec{"nats", "nats://h/s", {{"password_file", "/nowhere"}}}).ok());
}

TEST(PublishAck, StoredOrADuplicate)
{
    const PublishAck stored = parse_publish_ack(R"({"stream":"FLOWS", "seq":17})");
    EXPECT_TRUE(stored.stored);
    EXPECT_FALSE(stored.duplicate);
    const PublishAck again = parse_publish_ack(R"({"stream":"FLOWS","domain":"hub","seq":17,"duplicate": true})");
    EXPECT_TRUE(again.stored);
    EXPECT_TRUE(again.duplicate);
}

TEST(PublishAck, AnErrorHasItsNumberAndItsWords)
{
    const PublishAck ack = parse_publish_ack(
        R"({"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},)"
        R"("stream":"FLOWS","seq":0})");
    EXPECT_FALSE(ack.stored);
    EXPECT_EQ(ack.error_code, 10054);
    EXPECT_EQ(ack.error, "message size exceeds maximum allowed");
}

TEST(PublishAck, WhatIsNoAcknowledgementStoresNothing)
{
    for (const char* text : {"", "{}", "null", R"({"stream":"FLOWS"})", R"({"seq":1})", R"({"stream":1,"seq":1})",
                             R"({"stream":"F","seq":-1})", R"({"error":{}})", R"("stream" "seq")", "\xff\x00{"}) {
        const PublishAck ack = parse_publish_ack(text);
        EXPECT_FALSE(ack.stored) << text;
        EXPECT_FALSE(ack.error.empty()) << text;
    }
    // Cut anywhere, it never claims more than it says.
    const std::string whole =
        R"({"error":{"code":503,"err_code":10077,"description":"no space"},"stream":"F","seq":0})";
    for (std::size_t n = 0; n < whole.size(); n++)
        EXPECT_FALSE(parse_publish_ack(std::string_view(whole).substr(0, n)).stored) << n;
}

} // namespace
} // namespace flowxdp
