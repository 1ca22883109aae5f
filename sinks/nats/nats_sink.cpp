// SPDX-License-Identifier: BSD-2-Clause
// nats_sink.cpp - rows as JSON messages into a NATS JetStream stream. README.md has the format.
#include <memory>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include "core/secret.h"
#include "flowxdp/sink.hpp"
#include "nats_target.h"
#include "row/json_text.h"
#include "sink/batch/batch_sink.h"
#include "sink/row_origin.h"
#include "stream_publisher.h"

namespace flowxdp {
namespace {

struct Options : BatchSinkOptions {
    Text stream{this, "stream", "", "stream that takes the rows, made when it is missing; empty: whichever does"};
    Number<std::uint32_t> replicas{this, "replicas", "1", "servers that keep a stream that is made", 1, 5};
    Text packet_subject{this, "packet_subject", "", "subject of packet rows; empty: they are skipped"};
    Text creds{this, "creds", "", "file with a user's JWT and key"};
    Text user{this, "user", "", "user of the server; empty: NATS_USER, or none"};
    Text password_file{this, "password_file", "", "file with the password; empty: NATS_PASSWORD"};
    Text ca{this, "ca", "", "file with certificates for tls://; empty: the system's"};
    Duration step{this, "step", "10s", "how long the server may take for connecting, and for the next acknowledgement",
                  100,  3600000};
};
constexpr Options kOptions;

// Throws std::invalid_argument, without a secret in its sentence.
NatsLogin login_of(const OptionValues& values)
{
    NatsLogin login;
    login.credentials = values[kOptions.creds];
    login.user = user_name(values[kOptions.user], "NATS_USER");
    login.authorities = values[kOptions.ca];
    auto password = read_secret(std::string(values[kOptions.password_file]), "NATS_PASSWORD");
    if (!password.ok())
        throw std::invalid_argument("password_file: " + password.error().message);
    login.password = password.take();
    return login;
}

class NatsSink final : public BatchSink {
  public:
    NatsSink(const std::string& target, const OptionValues& values)
        : BatchSink(batch_options_of(kOptions, values)), stream_(values[kOptions.stream]),
          replicas_(values[kOptions.replicas]), packet_subject_(values[kOptions.packet_subject]),
          login_(login_of(values)), step_(values[kOptions.step])
    {
        auto parsed = parse_nats_target(target);
        if (!parsed.ok())
            throw std::invalid_argument("target: " + parsed.error().message);
        target_ = parsed.take();
        if (!packet_subject_.empty())
            if (auto checked = check_nats_subject(packet_subject_); !checked.ok())
                throw std::invalid_argument("packet_subject: " + checked.error().message);
        if (stream_.find_first_of(" \t\r\n.*>/\\") != std::string::npos)
            throw std::invalid_argument("stream: a name has no blanks and none of . * > / \\");
    }

    [[nodiscard]] std::vector<std::string> report() const override
    {
        if (const std::uint64_t repeated = duplicates_)
            return {fmt::format("{} rows were in the stream already (after a lost acknowledgement some come twice)",
                                repeated)};
        return {};
    }

  protected:
    Result<std::unique_ptr<BatchServer>> make_server(const SinkContext& context, const Schema& schema,
                                                     bool packets) override
    {
        if (packets && packet_subject_.empty())
            return std::unique_ptr<BatchServer>();
        Table& table = tables_[packets];
        table.printer.emplace(schema);
        if (auto found = packets ? pkt_no_.find(schema) : find_columns(schema, flow_ind_, dir_); !found.ok())
            return found.error();
        origin_.emplace(context);
        id_ = fmt::format("{}:{:016x}:", context.sensor_id, context.boot);
        const std::string& subject = packets ? packet_subject_ : target_.subject;
        // A stream is made for the flow rows' subject; packet rows need one that is there.
        const NatsStream stream = {packets ? "" : stream_, subject, !packets && !stream_.empty(), replicas_};
        return std::unique_ptr<BatchServer>(
            std::make_unique<StreamPublisher>(target_.servers, login_, stream, step_, &duplicates_));
    }
    // "ID TAB OBJECT LF": neither a tab nor a line's end is in an id or in the object.
    void append_row(const RowView& row, bool packets, std::string* out) override
    {
        *out += id_;
        if (packets)
            *out += fmt::format("p{}", row.get(pkt_no_));
        else
            *out += fmt::format("{}:{}", row.get(flow_ind_), row.get(dir_));
        out->push_back('\t');
        const std::size_t at = out->size();
        tables_[packets].printer->append(row, out);
        origin_->put_members(at, out);
    }

  private:
    struct Table {
        std::optional<JsonRowPrinter> printer;
    };

    std::string stream_;
    std::int64_t replicas_;
    std::string packet_subject_;
    NatsLogin login_;
    std::chrono::milliseconds step_;
    NatsTarget target_;
    Table tables_[2]; // of flow rows, of packet rows
    ReadColumn<ColumnSet::U64> flow_ind_{"flowInd"}, pkt_no_{"pktNo"};
    ReadColumn<ColumnSet::Char> dir_{"dir"};
    std::optional<RowOrigin> origin_;
    std::string id_;
    std::atomic<std::uint64_t> duplicates_{0}; // report() may be called from another thread
};

constexpr SinkDescription kDescription = {
    .name = "nats",
    .version = "1.0.0",
    .help = "rows as JSON messages into a NATS JetStream stream",
    .target_help = "nats://HOST:PORT/SUBJECT or tls://HOST:PORT/SUBJECT; several servers with ';' between them",
    .options = kOptions.all(),
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::NatsSink, flowxdp::kDescription)
