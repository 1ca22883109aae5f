// SPDX-License-Identifier: BSD-2-Clause
#include "stream_publisher.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/ssl.h>

#include "core/printable.h"
#include "publish_ack.h"

namespace flowxdp {
namespace {

// Messages that wait for their acknowledgement at one time. More would fill the server's queues, which it answers with
// errors.
constexpr std::size_t kWindow = 2000;

// err_code of JetStream for a message that is larger than its stream takes: JSStreamMessageExceedsMaximumErr.
constexpr int kMessageTooLarge = 10054;

using Message = std::unique_ptr<natsMsg, void (*)(natsMsg*)>;

} // namespace

std::shared_ptr<NatsLibrary> NatsLibrary::use()
{
    static std::mutex mutex;
    static std::weak_ptr<NatsLibrary> library;
    const std::lock_guard lock(mutex);
    std::shared_ptr<NatsLibrary> used = library.lock();
    if (!used) {
        used.reset(new NatsLibrary());
        library = used;
    }
    return used;
}

// libnats 3.4 frees OpenSSL's list of compression methods when it leaves memory after a TLS connection, and OpenSSL 3
// frees it again when the process ends. TLS has no use for compression: the list is taken out before.
NatsLibrary::~NatsLibrary()
{
    nats_CloseAndWait(0);
    sk_SSL_COMP_free(SSL_COMP_set0_compression_methods(nullptr));
}

StreamPublisher::StreamPublisher(std::vector<std::string> servers, NatsLogin login, NatsStream stream,
                                 std::chrono::milliseconds step, std::atomic<std::uint64_t>* duplicates)
    : servers_(std::move(servers)), login_(std::move(login)), stream_(std::move(stream)), longest_step_(step),
      step_(step), duplicates_(duplicates)
{
}

std::string StreamPublisher::failed(const char* what, natsStatus status) const
{
    return fmt::format("{}: {}: {}", fmt::join(servers_, ";"), what, natsStatus_GetText(status));
}

void StreamPublisher::close()
{
    answers_.reset();
    connection_.reset();
}

Attempt StreamPublisher::connect()
{
    natsOptions* made = nullptr;
    if (const natsStatus status = natsOptions_Create(&made); status != NATS_OK)
        return {Delivery::kAway, failed("no memory for a connection", status)};
    const std::unique_ptr<natsOptions, void (*)(natsOptions*)> options(made, natsOptions_Destroy);
    std::vector<const char*> servers;
    for (const std::string& server : servers_)
        servers.push_back(server.c_str());
    natsStatus status = NATS_OK;
    const auto set = [&](natsStatus next) { status = status == NATS_OK ? next : status; };
    set(natsOptions_SetServers(made, servers.data(), static_cast<int>(servers.size())));
    set(natsOptions_SetName(made, "flowxdp"));
    set(natsOptions_SetTimeout(made, step_.count()));
    set(natsOptions_SetWriteDeadline(made, step_.count()));
    // The sender asks again after its own back-off, with another connection.
    set(natsOptions_SetAllowReconnect(made, false));
    if (!login_.credentials.empty())
        set(natsOptions_SetUserCredentialsFromFiles(made, login_.credentials.c_str(), nullptr));
    else if (!login_.user.empty())
        set(natsOptions_SetUserInfo(made, login_.user.c_str(), login_.password.c_str()));
    if (!login_.authorities.empty())
        set(natsOptions_LoadCATrustedCertificates(made, login_.authorities.c_str()));
    if (status != NATS_OK)
        return {Delivery::kAway, failed("cannot read creds or ca, or another option", status)};
    natsConnection* connection = nullptr;
    if (status = natsConnection_Connect(&connection, made); status != NATS_OK)
        return {Delivery::kAway, failed("cannot connect", status)};
    connection_.reset(connection);
    natsInbox* inbox = nullptr;
    status = natsInbox_Create(&inbox);
    if (status == NATS_OK) {
        inbox_ = inbox;
        natsInbox_Destroy(inbox);
        natsSubscription* answers = nullptr;
        status = natsConnection_SubscribeSync(&answers, connection, (inbox_ + ".*").c_str());
        answers_.reset(answers);
    }
    if (status != NATS_OK)
        return {Delivery::kLater, failed("cannot subscribe to acknowledgements", status)};
    return stream_.make ? find_stream() : Attempt{Delivery::kDone};
}

// Makes the stream when it is missing.
Attempt StreamPublisher::find_stream()
{
    jsCtx* context = nullptr;
    if (const natsStatus status = natsConnection_JetStream(&context, connection_.get(), nullptr); status != NATS_OK)
        return {Delivery::kLater, failed("no JetStream", status)};
    const std::unique_ptr<jsCtx, void (*)(jsCtx*)> destroy(context, jsCtx_Destroy);
    jsOptions options;
    jsOptions_Init(&options);
    options.Wait = step_.count();
    jsStreamInfo* info = nullptr;
    jsErrCode code{};
    natsStatus status = js_GetStreamInfo(&info, context, stream_.name.c_str(), &options, &code);
    if (status == NATS_NOT_FOUND) {
        jsStreamConfig config;
        jsStreamConfig_Init(&config);
        const char* subjects[] = {stream_.subject.c_str()};
        config.Name = stream_.name.c_str();
        config.Subjects = subjects;
        config.SubjectsLen = 1;
        config.Storage = js_FileStorage;
        config.Replicas = stream_.replicas;
        status = js_AddStream(&info, context, &config, &options, &code);
        if (status != NATS_OK)
            return {Delivery::kLater, failed(fmt::format("cannot make stream '{}' (JetStream's error {})", stream_.name,
                                                         static_cast<int>(code))
                                                 .c_str(),
                                             status)};
    }
    if (info)
        jsStreamInfo_Destroy(info);
    if (status != NATS_OK)
        return {Delivery::kLater, failed(fmt::format("cannot look for stream '{}' (JetStream's error {})", stream_.name,
                                                     static_cast<int>(code))
                                             .c_str(),
                                         status)};
    return {Delivery::kDone};
}

natsStatus StreamPublisher::publish(std::string_view line, std::size_t number)
{
    const std::size_t tab = line.find('\t');
    const std::string id(line.substr(0, tab)), reply = fmt::format("{}.{}", inbox_, number);
    const std::string_view text = line.substr(tab + 1);
    natsMsg* made = nullptr;
    natsStatus status =
        natsMsg_Create(&made, stream_.subject.c_str(), reply.c_str(), text.data(), static_cast<int>(text.size()));
    const Message message(made, natsMsg_Destroy);
    if (status == NATS_OK)
        status = natsMsgHeader_Set(made, "Nats-Msg-Id", id.c_str());
    if (status == NATS_OK && !stream_.name.empty())
        status = natsMsgHeader_Set(made, "Nats-Expected-Stream", stream_.name.c_str());
    if (status == NATS_OK)
        status = natsConnection_PublishMsg(connection_.get(), made);
    return status;
}

// False: none came.
bool StreamPublisher::take_answer(Answers* answers)
{
    natsMsg* taken = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&taken, answers_.get(), step_.count());
    const Message message(taken, natsMsg_Destroy);
    PublishAck ack;
    if (status == NATS_NO_RESPONDERS) // libnats makes a status of this answer
        ack.error =
            fmt::format("no stream takes the subject '{}': make one, or name it with stream=NAME", stream_.subject);
    else if (status == NATS_OK)
        ack = parse_publish_ack({natsMsg_GetData(taken), static_cast<std::size_t>(natsMsg_GetDataLength(taken))});
    else
        return false;
    if (ack.stored) {
        answers->stored++;
        *duplicates_ += ack.duplicate;
        return true;
    }
    answers->refused |= ack.error_code == kMessageTooLarge;
    if (answers->failed++ == 0)
        answers->error = fmt::format("{}: {}", fmt::join(servers_, ";"), ack.error);
    return true;
}

Attempt StreamPublisher::deliver(const RowSlice& slice, std::chrono::milliseconds at_most)
{
    step_ = std::min(longest_step_, at_most);
    if (connection_ && natsConnection_IsClosed(connection_.get()))
        close();
    if (!connection_)
        if (Attempt attempt = connect(); attempt.delivery != Delivery::kDone) {
            close();
            return attempt;
        }
    Answers answers;
    std::size_t published = 0;
    std::string_view rest = slice.bytes;
    const auto waiting = [&] { return published - answers.stored - answers.failed; };
    while (!rest.empty() || waiting()) {
        if (!rest.empty() && waiting() < kWindow && !answers.failed) {
            const std::size_t end = rest.find('\n');
            const natsStatus status = publish(rest.substr(0, end), published);
            rest.remove_prefix(end + 1);
            if (status == NATS_MAX_PAYLOAD) { // the server's max_payload: nothing was sent
                answers.refused = true;
                answers.error = failed("a row is larger than the server takes", status);
                answers.failed++;
            } else if (status != NATS_OK) {
                close();
                return {Delivery::kLater, failed("cannot send", status)};
            }
            published++;
            continue;
        }
        if (!waiting())
            break; // a failure: the rest is sent with the next attempt
        if (take_answer(&answers))
            continue;
        // Acknowledgements that come later are another connection's.
        const bool lost = natsConnection_IsClosed(connection_.get());
        close();
        return {Delivery::kLater,
                fmt::format("{}: {} of {} messages were not acknowledged {}", fmt::join(servers_, ";"), waiting(),
                            published,
                            lost ? "before the connection was lost" : fmt::format("within {} ms", step_.count()))};
    }
    if (!answers.failed)
        return {Delivery::kDone};
    return {answers.refused ? Delivery::kRefused : Delivery::kLater, answers.error};
}

} // namespace flowxdp
