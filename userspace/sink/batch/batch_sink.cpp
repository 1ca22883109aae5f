// SPDX-License-Identifier: BSD-2-Clause
#include "sink/batch/batch_sink.h"

namespace flowxdp {

BatchOptions batch_options_of(const BatchSinkOptions& options, const OptionValues& values)
{
    using std::chrono::seconds;
    BatchOptions batch;
    batch.batch_rows = values[options.batch];
    batch.batch_bytes = 8u << 20;
    batch.linger = std::chrono::milliseconds(values[options.linger]);
    batch.queue_bytes = std::size_t{values[options.keep]} << 20;
    batch.patience = seconds(values[options.patience]);
    batch.drain = seconds(values[options.drain]);
    return batch;
}

Result<void> BatchSink::open_destination(const SinkContext& context, const Schema& schema, bool packets)
{
    auto server = make_server(context, schema, packets);
    if (!server.ok())
        return server.error();
    Destination& destination = destinations_[packets];
    destination.server = server.take();
    if (destination.server) {
        destination.sender.emplace(options_, destination.server.get(), &counts_);
        destination.sender->listen_to(context.end_began);
    }
    return {};
}

Result<void> BatchSink::open(const SinkContext& context)
{
    if (auto opened = open_destination(context, *context.flow_schema, false); !opened.ok())
        return opened;
    if (context.packet_schema)
        if (auto opened = open_destination(context, *context.packet_schema, true); !opened.ok())
            return opened;
    if (!context.resume.empty()) {
        counts_.rows += context.resume.front();
        counts_.dropped += context.resume.front();
    }
    return {};
}

Result<void> BatchSink::add(const Rows& rows, bool packets)
{
    auto& sender = destinations_[packets].sender;
    if (!sender) {
        counts_.skipped += rows.size();
        return {};
    }
    Result<void> result;
    for (std::size_t i = 0; i < rows.size(); i++) {
        const RowView row = rows.row(i);
        row_.clear();
        append_row(row, packets, &row_);
        if (auto added = sender->add(row_, row.header().end_clock_ns); !added.ok())
            result = added;
    }
    return result;
}

Result<void> BatchSink::write(const Rows& rows)
{
    return add(rows, false);
}

Result<void> BatchSink::write_packets(const Rows& rows)
{
    return add(rows, true);
}

template <typename Call>
Result<void> BatchSink::each(Call call)
{
    Result<void> result;
    for (Destination& destination : destinations_)
        if (destination.sender)
            if (auto done = call(*destination.sender); !done.ok())
                result = done;
    return result;
}

Result<void> BatchSink::tick(std::int64_t)
{
    return each([](BatchSender& sender) { return sender.pump(); });
}

Result<void> BatchSink::flush(bool final)
{
    return each([final](BatchSender& sender) { return final ? sender.drain() : sender.pump(); });
}

Result<void> BatchSink::commit()
{
    return each([](BatchSender& sender) { return sender.commit(); });
}

std::vector<std::uint64_t> BatchSink::positions() const
{
    std::uint64_t rows = 0;
    for (const Destination& destination : destinations_)
        rows += destination.sender ? destination.sender->waiting_rows() : 0;
    return {rows};
}

} // namespace flowxdp
