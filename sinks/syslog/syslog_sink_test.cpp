// SPDX-License-Identifier: BSD-2-Clause
// Expected bytes: RFC 5424, 6 (with its example PRI 134 = local0.info), RFC 6587, 3.4.1.
#include <gtest/gtest.h>

#include <sys/un.h>

#include <thread>

#include <fmt/format.h>

#include "support/receiver.h"
#include "support/row_builder.h"
#include "support/sink_module.h"
#include "support/temp_folder.h"
#include "syslog_message.h"

namespace flowxdp {
namespace {

using namespace test;

std::shared_ptr<const Schema> small_schema()
{
    return make_schema({column("flowInd", FX_U64), column("name", FX_STRING)});
}

RowBuilder small_rows(std::uint64_t from, std::uint64_t to)
{
    RowBuilder rows(small_schema());
    for (std::uint64_t i = from; i < to; i++)
        rows.row(1500000000123456789, i).put<std::uint64_t>("flowInd", i).text("name", "\xc3\xa9\n");
    return rows;
}

SinkContext context()
{
    SinkContext c;
    c.flow_schema = small_schema();
    c.boot = 0x0123456789abcdef;
    return c;
}

// 1500000000 is 2017-07-14T02:40:00Z.
std::string message(std::uint64_t i)
{
    return fmt::format("<134>1 2017-07-14T02:40:00.123456Z sensor-1 flowxdp {} flow - "
                       "{{\"sensor\":666,\"boot\":\"0x0123456789abcdef\",\"flowInd\":{},\"name\":\"\xc3\xa9\\n\"}}",
                       getpid(), i);
}

TEST(SyslogHeader, IsTheRfcs)
{
    std::string out;
    SyslogHeader(20, 5, "mymachine.example.com", "evntslog", 42).append(1065910455003000000, "ID47", &out);
    EXPECT_EQ(out, "<165>1 2003-10-11T22:14:15.003000Z mymachine.example.com evntslog 42 ID47 - ");
}

TEST(SyslogHeader, WhatAFieldCannotHoldIsReplaced)
{
    std::string out;
    SyslogHeader(0, 0, "", std::string(60, 'x'), 1).append(-1, "flow", &out);
    EXPECT_EQ(out, "<0>1 1969-12-31T23:59:59.999999Z - " + std::string(48, 'x') + " 1 flow - ");
    out.clear();
    SyslogHeader(23, 7, "a b\xff", "\n", 1).append(0, "flow", &out);
    EXPECT_EQ(out, "<191>1 1970-01-01T00:00:00.000000Z a?b? ? 1 flow - ");
}

TEST(SyslogSink, AStreamCountsOctets)
{
    Receiver receiver;
    const auto sink = make_module_sink("syslog:" + receiver.target() + ",host=sensor-1");
    ASSERT_TRUE(sink->open(context()).ok());
    std::thread reader([&] { EXPECT_TRUE(eventually([&] { return receiver.ended(); }, [&] { receiver.read(); })); });
    EXPECT_TRUE(sink->write(small_rows(1, 3).batch()).ok());
    EXPECT_TRUE(sink->flush(true).ok());
    reader.join();
    EXPECT_EQ(receiver.all(), fmt::format("{} {}{} {}", message(1).size(), message(1), message(2).size(), message(2)));
    EXPECT_EQ(sink->counts().sent, 2u);
}

TEST(SyslogSink, ADatagramIsAMessage)
{
    DatagramReceiver receiver;
    const auto sink = make_module_sink("syslog:" + receiver.target() + ",host=sensor-1");
    ASSERT_TRUE(sink->open(context()).ok());
    EXPECT_TRUE(sink->write(small_rows(7, 9).batch()).ok());
    EXPECT_TRUE(sink->flush(true).ok());
    EXPECT_TRUE(eventually([&] { return receiver.datagrams().size() == 2; }, [&] { receiver.read(); }));
    EXPECT_EQ(receiver.datagrams(), (std::vector{message(7), message(8)}));
}

TEST(SyslogSink, CeeIsSaid)
{
    DatagramReceiver receiver;
    const auto sink =
        make_module_sink("syslog:" + receiver.target() + ",host=sensor-1,cee=1,facility=3,severity=7,app=x");
    ASSERT_TRUE(sink->open(context()).ok());
    EXPECT_TRUE(sink->write(small_rows(1, 2).batch()).ok());
    EXPECT_TRUE(sink->flush(true).ok());
    EXPECT_TRUE(eventually([&] { return receiver.datagrams().size() == 1; }, [&] { receiver.read(); }));
    EXPECT_TRUE(receiver.datagrams()[0].starts_with("<31>1 2017-07-14T02:40:00.123456Z sensor-1 x "));
    EXPECT_NE(receiver.datagrams()[0].find(" flow - @cee: {\"sensor\""), std::string::npos);
}

class UnixReceiver {
  public:
    explicit UnixReceiver(const std::string& path)
        : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    void read()
    {
        std::string bytes(65536, '\0');
        for (ssize_t n; (n = ::recv(fd_.get(), bytes.data(), bytes.size(), 0)) > 0;)
            datagrams_.push_back(bytes.substr(0, static_cast<std::size_t>(n)));
    }
    [[nodiscard]] const std::vector<std::string>& datagrams() const { return datagrams_; }

  private:
    UniqueFd fd_;
    std::vector<std::string> datagrams_;
};

// The receiver is slow, ends and begins anew by the same name: nothing that came after is lost.
TEST(SyslogSink, AUnixReceiverMayComeBack)
{
    const TempFolder folder;
    const std::string path = folder.path() / "log";
    const auto sink = make_module_sink("syslog:unix:" + path + ",host=sensor-1");
    ASSERT_TRUE(sink->open(context()).ok());
    const Result<void> absent = sink->write(small_rows(0, 1).batch());
    EXPECT_FALSE(sink->flush(false).ok() && absent.ok()) << "nobody is there";
    std::optional<UnixReceiver> receiver(std::in_place, path);
    EXPECT_TRUE(eventually([&] { return !receiver->datagrams().empty(); },
                           [&] {
                               (void)sink->flush(false);
                               receiver->read();
                           }));
    receiver.reset();
    std::filesystem::remove(path);
    (void)sink->write(small_rows(1, 500).batch()); // more than a socket's queue takes
    receiver.emplace(path);
    EXPECT_TRUE(eventually([&] { return receiver->datagrams().size() == 499; },
                           [&] {
                               (void)sink->flush(false);
                               receiver->read();
                           }));
    ASSERT_EQ(receiver->datagrams().size(), 499u);
    EXPECT_EQ(receiver->datagrams().front(), message(1));
    EXPECT_EQ(receiver->datagrams().back(), message(499));
    EXPECT_TRUE(sink->flush(true).ok());
    EXPECT_EQ(sink->counts().sent, 500u);
    EXPECT_EQ(sink->counts().dropped, 0u);
}

TEST(SyslogSink, OtherTargetsAreRefused)
{
    for (const char* target : {"tls://h:1", "h:1", "udp://", "unix:"})
        EXPECT_FALSE(make_module_sink(SinkSpec{"syslog", target, {}}).ok()) << target;
}

} // namespace
} // namespace flowxdp
