// SPDX-License-Identifier: BSD-2-Clause
// The promises of socket_sender.h against receivers that stall, die and return. Everything waits for conditions.
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "core/unique_fd.h"
#include "sink/stream/socket_sender.h"
#include "support/receiver.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

using namespace test;
using std::chrono::milliseconds;
using std::chrono::seconds;

SenderOptions options(const std::string& target)
{
    SenderOptions o;
    Result<Endpoint> endpoint = parse_endpoint(target, "", 1);
    EXPECT_TRUE(endpoint.ok());
    o.endpoint = endpoint.take();
    o.backoff_min = milliseconds(1);
    o.backoff_max = milliseconds(10);
    return o;
}

std::string numbered(int i)
{
    return fmt::format("message {}\n", i);
}
std::string target_of(std::uint16_t port)
{
    return fmt::format("tcp://127.0.0.1:{}", port);
}

TEST(Endpoint, TargetsAndTheirMistakes)
{
    const auto ok = [](const std::string& text) {
        const auto e = parse_endpoint(text, "tcp://127.0.0.1:6666", 6666);
        EXPECT_TRUE(e.ok()) << text;
        return e.ok() ? e.value() : Endpoint{};
    };
    EXPECT_EQ(ok("").port, "6666");
    EXPECT_EQ(ok("udp://localhost").port, "6666");
    EXPECT_EQ(ok("udp://localhost:1").kind, Endpoint::Kind::kUdp);
    EXPECT_EQ(ok("tcp://[::1]:5555").host, "::1");
    EXPECT_EQ(ok("tcp://[::1]:5555").port, "5555");
    EXPECT_EQ(ok("unix:/run/x").path, "/run/x");
    EXPECT_EQ(ok("unix:///run/x").path, "/run/x");
    for (const char* text : {"host:1", "tcp://", "tcp://:1", "tcp://a:0", "tcp://a:65536", "tcp://a:x",
                             "tcp://a:", "tcp://::1:5", "tcp://[::1", "tcp://[::1]5", "unix:", "sctp://a:1"}) {
        const auto e = parse_endpoint(text, "", 1);
        EXPECT_FALSE(e.ok()) << text;
        if (!e.ok()) {
            EXPECT_NE(e.error().message.find("write tcp://HOST:PORT"), std::string::npos);
        }
    }
    EXPECT_FALSE(parse_endpoint(std::string("unix:").append(108, 'x'), "", 1).ok());
}

TEST(SocketSender, AReceiverThatIsThereGetsPreambleAndMessages)
{
    Receiver receiver;
    SinkCounts counts;
    SocketSender sender(options(receiver.target()), &counts);
    sender.set_preamble({"hello\n"});
    sender.connect_within(seconds(10));
    EXPECT_TRUE(sender.connected());
    EXPECT_TRUE(sender.send(numbered(1), 3).ok());
    EXPECT_TRUE(sender.drain().ok());
    ASSERT_TRUE(eventually([&] { return receiver.ended(); }, [&] { receiver.read(); }));
    EXPECT_EQ(receiver.all(), "hello\nmessage 1\n");
    EXPECT_EQ(counts.sent, 3u);
    EXPECT_EQ(counts.dropped, 0u);
}

TEST(SocketSender, AnAbsentReceiverIsSaidOnceAndGetsEverythingWhenItComes)
{
    const std::uint16_t port = free_port();
    SinkCounts counts;
    SocketSender sender(options(target_of(port)), &counts);
    sender.set_preamble({"hello\n"});
    sender.connect_within(seconds(10));
    std::vector<std::string> errors;
    for (int i = 0; i < 3; i++)
        if (Result<void> sent = sender.send(numbered(i), 1); !sent.ok())
            errors.push_back(sent.error().message);
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_EQ(errors[0], target_of(port) + ": cannot connect: Connection refused; trying again");
    EXPECT_FALSE(sender.connected());
    Receiver receiver(port);
    ASSERT_TRUE(eventually([&] { return receiver.all() == "hello\nmessage 0\nmessage 1\nmessage 2\n"; },
                           [&] {
                               EXPECT_TRUE(sender.pump(milliseconds(5)).ok());
                               receiver.read();
                           }));
    EXPECT_TRUE(sender.drain().ok());
    EXPECT_EQ(counts.sent, 3u);
    EXPECT_GT(counts.retried, 0u);
}

TEST(SocketSender, ACommitEndsWhenTheReceiversHostHasAcknowledged)
{
    Receiver receiver;
    SinkCounts counts;
    SocketSender sender(options(receiver.target()), &counts);
    sender.connect_within(seconds(10));
    ASSERT_TRUE(sender.send(numbered(1), 3).ok());
    EXPECT_TRUE(sender.commit().ok());
    EXPECT_EQ(counts.sent, 3u);
    EXPECT_EQ(sender.waiting_rows(), 0u);
}

TEST(SocketSender, ACommitWaitsForAnAbsentReceiverAsLongAsItIsPatientAndKeepsTheRows)
{
    const std::uint16_t port = free_port();
    SinkCounts counts;
    SenderOptions o = options(target_of(port));
    o.patience = milliseconds(50);
    SocketSender sender(o, &counts);
    (void)sender.send(numbered(1), 2); // says that nobody is there
    const auto begun = SocketSender::Clock::now();
    EXPECT_FALSE(sender.commit().ok());
    EXPECT_GE(SocketSender::Clock::now() - begun, milliseconds(50));
    EXPECT_EQ(sender.waiting_rows(), 2u);
    EXPECT_EQ(counts.sent + counts.dropped, 0u);
    EXPECT_TRUE(sender.commit().ok()) << "said once, and nobody waits again";
    Receiver receiver(port);
    ASSERT_TRUE(eventually([&] { return sender.waiting_rows() == 0; },
                           [&] {
                               EXPECT_TRUE(sender.pump(milliseconds(5)).ok());
                               receiver.read();
                           }));
    EXPECT_EQ(counts.sent, 2u);
}

TEST(SocketSender, AReceiverThatDiesAndReturnsMissesNoMessage)
{
    Receiver receiver;
    SinkCounts counts;
    SocketSender sender(options(receiver.target()), &counts);
    sender.set_preamble({"hello\n"});
    int next = 0;
    std::vector<std::string> errors;
    auto work = [&] {
        if (Result<void> pumped = sender.pump(milliseconds(5)); !pumped.ok())
            errors.push_back(pumped.error().message);
        receiver.read();
    };
    for (int death = 0; death < 3; death++) {
        for (int i = 0; i < 50; i++)
            if (Result<void> sent = sender.send(numbered(next++), 1); !sent.ok())
                errors.push_back(sent.error().message);
        const std::string last = numbered(next - 1);
        ASSERT_TRUE(eventually([&] { return receiver.all().ends_with(last); }, work));
        receiver.hang_up();
        // The next message goes into a connection whose other end is gone: the kernel takes it and it is lost there.
    }
    for (int i = 0; i < 50; i++)
        if (Result<void> sent = sender.send(numbered(next++), 1); !sent.ok())
            errors.push_back(sent.error().message);
    ASSERT_TRUE(eventually([&] { return receiver.all().ends_with(numbered(next - 1)); }, work));
    EXPECT_TRUE(sender.drain().ok());
    const std::string all = receiver.all();
    for (int i = 0; i < next; i++)
        EXPECT_NE(all.find(fmt::format("\nmessage {}\n", i)), std::string::npos) << i;
    EXPECT_EQ(receiver.streams().size(), 4u);
    for (const std::string& stream : receiver.streams()) {
        EXPECT_TRUE(stream.starts_with("hello\nmessage "))
            << "each connection begins with the preamble and a whole message";
        EXPECT_TRUE(stream.ends_with("\n"));
    }
    EXPECT_EQ(errors.size(), 3u);
    EXPECT_EQ(counts.sent, 200u);
    EXPECT_EQ(counts.dropped, 0u);
}

TEST(SocketSender, AReceiverThatOnlyShutsItsSendingHalfKeepsItsConnection)
{
    Receiver receiver;
    SinkCounts counts;
    SocketSender sender(options(receiver.target()), &counts);
    sender.connect_within(seconds(10));
    receiver.read();
    ASSERT_TRUE(receiver.connected());
    receiver.shut_sending_half();
    std::string expected;
    for (int i = 0; i < 20; i++) {
        EXPECT_TRUE(sender.send(numbered(i), 1).ok());
        expected += numbered(i);
        ASSERT_TRUE(eventually([&] { return receiver.all() == expected; },
                               [&] {
                                   EXPECT_TRUE(sender.pump(milliseconds(1)).ok());
                                   receiver.read();
                               }));
    }
    EXPECT_TRUE(sender.drain().ok());
    EXPECT_EQ(receiver.streams().size(), 1u);
    EXPECT_EQ(counts.sent, 20u);
}

TEST(SocketSender, AStalledReceiverFillsTheQueueAndTheRestIsDroppedAndCounted)
{
    Receiver receiver(0, 4096);
    SinkCounts counts;
    SenderOptions o = options(receiver.target());
    o.queue_bytes = 1u << 20;
    o.patience = milliseconds(0);
    SocketSender sender(o, &counts);
    sender.connect_within(seconds(10));
    receiver.read();
    const std::string big(60000, 'x');
    unsigned sent = 0;
    std::string expected;
    while (counts.dropped < 5) {
        const std::string message = fmt::format("{}{}\n", sent++, big);
        const std::uint64_t dropped = counts.dropped;
        const Result<void> queued = sender.send(message, 1);
        if (counts.dropped == dropped)
            expected += message;
        EXPECT_LE(sender.queued_bytes(), o.queue_bytes);
    }
    // Partial writes and back-pressure: the receiver takes odd pieces, and every message is whole and in order.
    ASSERT_TRUE(eventually([&] { return counts.sent + counts.dropped == sent; },
                           [&] {
                               EXPECT_TRUE(sender.pump(milliseconds(0)).ok());
                               receiver.read(100001);
                           }));
    EXPECT_TRUE(sender.drain().ok());
    ASSERT_TRUE(eventually([&] { return receiver.ended(); }, [&] { receiver.read(); }));
    EXPECT_TRUE(receiver.all() == expected);
    EXPECT_EQ(counts.retried, 0u);
}

TEST(SocketSender, BlockPolicyWaitsForASlowReceiverAndLosesNothing)
{
    Receiver receiver(0, 4096);
    SinkCounts counts;
    SenderOptions o = options(receiver.target());
    o.queue_bytes = 100000;
    SocketSender sender(o, &counts);
    sender.connect_within(seconds(10));
    std::atomic<bool> done{false};
    std::thread reader([&] {
        while (!done)
            receiver.read(30001);
    });
    const std::string big(50000, 'y');
    std::string expected;
    for (int i = 0; i < 100; i++) {
        EXPECT_TRUE(sender.send(std::to_string(i) + big, 1).ok());
        expected += std::to_string(i) + big;
    }
    EXPECT_TRUE(sender.drain().ok());
    EXPECT_EQ(counts.sent, 100u);
    done = true;
    reader.join();
    ASSERT_TRUE(eventually([&] { return receiver.ended(); }, [&] { receiver.read(); }));
    EXPECT_TRUE(receiver.all() == expected);
}

TEST(SocketSender, PatienceEndsWaitingAndProgressBringsItBack)
{
    Receiver receiver(0, 4096);
    SinkCounts counts;
    SenderOptions o = options(receiver.target());
    o.queue_bytes = 100000;
    o.patience = milliseconds(20);
    SocketSender sender(o, &counts);
    sender.connect_within(seconds(10));
    receiver.read();
    const std::string big(90000, 'z');
    std::string error;
    std::uint64_t rows = 0;
    while (counts.dropped < 3) {
        if (Result<void> sent = sender.send(big, 1); !sent.ok())
            error = sent.error().message;
        rows++;
    }
    EXPECT_EQ(error,
              receiver.target() + ": nothing could be sent for 20 ms: rows are dropped until the receiver reads again");
    ASSERT_TRUE(eventually([&] { return sender.queued_bytes() == 0; },
                           [&] {
                               EXPECT_TRUE(sender.pump(milliseconds(0)).ok());
                               receiver.read();
                           }));
    EXPECT_TRUE(sender.send("end", 1).ok());
    rows++;
    ASSERT_TRUE(eventually([&] { return receiver.all().ends_with("end"); }, [&] { receiver.read(); }));
    EXPECT_TRUE(sender.drain().ok());
    EXPECT_EQ(counts.sent + counts.dropped, rows);
}

TEST(SocketSender, TheFinalDrainIsBounded)
{
    SinkCounts counts;
    SenderOptions o = options(target_of(free_port()));
    o.drain = milliseconds(30);
    SocketSender sender(o, &counts);
    const Result<void> first = sender.send(numbered(1), 7);
    const Result<void> drained = sender.drain();
    ASSERT_FALSE(drained.ok());
    EXPECT_TRUE(drained.error().message.starts_with(o.endpoint.text +
                                                    ": 7 rows could not be delivered within 30 ms and are "
                                                    "dropped: cannot connect: Connection refused ("))
        << drained.error().message;
    EXPECT_EQ(counts.dropped, 7u);
    EXPECT_EQ(counts.sent, 0u);
    EXPECT_TRUE(sender.drain().ok()) << "nothing is left";
}

// An hour's patience would hold up the test.
TEST(SocketSender, OnceTheRunEndsTheTimeOfTheEndCounts)
{
    SinkCounts counts;
    SenderOptions o = options(target_of(free_port()));
    o.queue_bytes = 1000;
    o.patience = seconds(3600);
    o.drain = milliseconds(30);
    SocketSender sender(o, &counts);
    std::optional<SocketSender::Clock::time_point> end;
    sender.listen_to([&] { return end; });
    const std::string big(900, 'z');
    (void)sender.send(big, 1);
    end = SocketSender::Clock::now();
    std::string error;
    for (int i = 0; i < 9; i++)
        if (Result<void> sent = sender.send(big, 1); !sent.ok())
            error = sent.error().message;
    EXPECT_NE(error.find("nothing could be sent for 30 ms: rows are dropped"), std::string::npos) << error;
    EXPECT_EQ(counts.dropped, 9u);
    (void)sender.commit();
    EXPECT_FALSE(sender.drain().ok());
    EXPECT_EQ(counts.dropped, 10u);
}

TEST(SocketSender, SmallMessagesCountWithWhatIsKeptBesideThem)
{
    SinkCounts counts;
    SenderOptions o = options(target_of(free_port()));
    o.queue_bytes = 10000;
    o.patience = milliseconds(0);
    SocketSender sender(o, &counts);
    for (int i = 0; i < 1000; i++)
        (void)sender.send("x", 1);
    EXPECT_LE(sender.waiting_rows(), 10000 / (sizeof(std::string) + 1));
    EXPECT_EQ(sender.waiting_rows() + counts.dropped, 1000u);
}

TEST(SocketSender, UnixSocketsToo)
{
    const TempFolder folder;
    SinkCounts counts;
    SocketSender sender(options(fmt::format("unix:{}", folder / "s")), &counts);
    sender.set_preamble({"hello\n"});
    EXPECT_FALSE(sender.send(numbered(0), 1).ok()) << "no such file yet";
    {
        Receiver receiver(folder / "s");
        ASSERT_TRUE(eventually([&] { return receiver.all() == "hello\nmessage 0\n" && counts.sent == 1; },
                               [&] {
                                   EXPECT_TRUE(sender.pump(milliseconds(5)).ok());
                                   receiver.read();
                               }));
    }
    std::filesystem::remove(folder / "s");
    Receiver receiver(folder / "s");
    const Result<void> sent = sender.send(numbered(1), 1);
    ASSERT_TRUE(eventually([&] { return receiver.all() == "hello\nmessage 1\n"; },
                           [&] {
                               const Result<void> pumped = sender.pump(milliseconds(5));
                               receiver.read();
                           }));
    EXPECT_TRUE(sender.drain().ok());
    EXPECT_EQ(counts.sent, 2u);
}

// The kernel gives a receiver's unread memory back when it closes, which looks as if it had been read. Each round asks
// for acknowledgements while another thread closes; the seed is the round.
TEST(SocketSender, AUnixReceiverThatClosesWithoutReadingHasReadNothing)
{
    const TempFolder folder;
    const std::string path = folder / "receiver";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    for (int round = 0; round < 200; round++) {
        SinkCounts counts;
        SenderOptions o = options("unix:" + path);
        o.backoff_min = o.backoff_max = seconds(3600); // no second connection
        SocketSender sender(o, &counts);
        sender.connect_within(seconds(10));
        ASSERT_TRUE(sender.connected());
        UniqueFd receiver(::accept(listener.get(), nullptr, nullptr));
        ASSERT_TRUE(sender.send(numbered(round), 1).ok());
        ASSERT_TRUE(sender.nothing_to_send());
        std::atomic<bool> pumping{false};
        std::thread closes([&] {
            while (!pumping)
                ;
            for (std::atomic<int> spin{round % 500}; spin > 0; spin--)
                ;
            receiver.reset();
        });
        while (sender.connected() && counts.sent == 0) {
            (void)sender.pump(milliseconds(0)); // that the connection is lost is what the loop waits for
            pumping = true;
        }
        closes.join();
        ASSERT_EQ(counts.sent, 0u) << "round " << round;
        EXPECT_EQ(sender.waiting_rows(), 1u);
    }
}

TEST(SocketSender, DiscardTakesBackWhatIsNotBegun)
{
    SinkCounts counts;
    SocketSender sender(options(target_of(free_port())), &counts);
    const Result<void> first = sender.send("a", 2);
    const Result<void> second = sender.send("b", 3);
    EXPECT_EQ(sender.discard_unsent(), 5u);
    EXPECT_EQ(sender.queued_bytes(), 0u);
    EXPECT_TRUE(sender.drain().ok());
    EXPECT_EQ(counts.dropped, 0u);
}

TEST(SocketSender, DatagramsGoOutWholeAndAnAbsentReceiverStopsNothing)
{
    std::uint16_t port = 0;
    {
        const DatagramReceiver gone;
        port = gone.port();
    }
    SinkCounts counts;
    SenderOptions o = options(fmt::format("udp://127.0.0.1:{}", port));
    SocketSender sender(o, &counts);
    sender.set_preamble({"hello"});
    unsigned errors = 0;
    for (int i = 0; i < 5; i++)
        errors += sender.send("lost", 1).ok() ? 0 : 1;
    EXPECT_EQ(errors, 1u) << "refused, said once";
    DatagramReceiver receiver(port);
    EXPECT_TRUE(sender.send("one", 1).ok());
    EXPECT_TRUE(sender.send("two", 1).ok());
    ASSERT_TRUE(eventually([&] { return receiver.datagrams().size() == 2; }, [&] { receiver.read(); }));
    EXPECT_EQ(receiver.datagrams()[1], "two");
    const Result<void> large = sender.send(std::string(70000, 'x'), 1);
    ASSERT_FALSE(large.ok());
    EXPECT_EQ(large.error().message, o.endpoint.text + ": a row of 70000 bytes does not fit a datagram and is dropped");
    EXPECT_EQ(counts.dropped, 1u);
    EXPECT_EQ(counts.sent, 7u);
    EXPECT_TRUE(sender.drain().ok());
}

TEST(SocketSender, DatagramPreambleIsRepeated)
{
    DatagramReceiver receiver;
    SinkCounts counts;
    SenderOptions o = options(receiver.target());
    o.preamble_interval = milliseconds(1);
    SocketSender sender(o, &counts);
    sender.set_preamble({"hello"});
    ASSERT_TRUE(eventually([&] { return receiver.datagrams().size() >= 3; },
                           [&] {
                               EXPECT_TRUE(sender.pump(milliseconds(0)).ok());
                               receiver.read();
                           }));
    EXPECT_EQ(receiver.datagrams()[2], "hello");
    EXPECT_TRUE(sender.drain().ok());
}

TEST(SocketSender, AHostThatIsNotFoundIsRetried)
{
    SinkCounts counts;
    SenderOptions o = options("tcp://host.invalid:1");
    o.drain = milliseconds(1);
    SocketSender sender(o, &counts);
    const Result<void> sent = sender.send("x", 1);
    ASSERT_FALSE(sent.ok());
    EXPECT_TRUE(sent.error().message.starts_with("tcp://host.invalid:1: cannot find host 'host.invalid': "));
    EXPECT_FALSE(sender.drain().ok());
    EXPECT_EQ(counts.dropped, 1u);
}

} // namespace
} // namespace flowxdp
