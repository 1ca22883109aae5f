// SPDX-License-Identifier: BSD-2-Clause
// batch_sink.h - what sinks have in common that send batches of rows to a server: their options, a sender for flow rows
// and one for packet rows.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "flowxdp/sink.hpp"
#include "sink/batch/batch_sender.h"

namespace flowxdp {

// Options of every such sink.
struct BatchSinkOptions : OptionSet {
    Number<std::uint32_t> batch{this, "batch", "10000", "rows that are sent, and confirmed, at once", 1, 1000000};
    Duration linger{this, "linger", "1s", "after this time a batch with fewer rows is sent", 0, 3600000};
    Number<std::uint32_t> keep{this, "keep", "64", "MiB of rows kept for a server that is slow or absent", 1, 65536};
    Number<std::uint32_t> patience{
        this, "patience", "30", "s without a confirmed batch after which waiting rows are dropped", 0, 86400};
    Number<std::uint32_t> drain{
        this, "drain", "10", "s without a confirmed batch after which the end of the run gives up", 0, 86400};
};
BatchOptions batch_options_of(const BatchSinkOptions& options, const OptionValues& values);

class BatchSink : public Sink {
  public:
    explicit BatchSink(BatchOptions options) : options_(options) {}

    Result<void> open(const SinkContext& context) override;
    Result<void> write(const Rows& rows) override;
    Result<void> write_packets(const Rows& rows) override;
    Result<void> tick(std::int64_t clock_ns) override;
    Result<void> flush(bool final) override;
    Result<void> commit() override;
    // The rows that are not confirmed. A daemon that was killed had stopped waiting for the server while these were in
    // its memory: its successor counts them as dropped.
    [[nodiscard]] std::vector<std::uint64_t> positions() const override;

  protected:
    // The server of flow rows or of packet rows. Null: rows of this kind have no place and are skipped.
    virtual Result<std::unique_ptr<BatchServer>> make_server(const SinkContext& context, const Schema& schema,
                                                             bool packets) = 0;
    // Appends the row as the server reads it.
    virtual void append_row(const RowView& row, bool packets, std::string* out) = 0;

  private:
    struct Destination {
        std::unique_ptr<BatchServer> server;
        std::optional<BatchSender> sender;
    };
    Result<void> open_destination(const SinkContext& context, const Schema& schema, bool packets);
    Result<void> add(const Rows& rows, bool packets);
    template <typename Call>
    Result<void> each(Call call);

    BatchOptions options_;
    Destination destinations_[2]; // of flow rows, of packet rows
    std::string row_;
};

} // namespace flowxdp
