// SPDX-License-Identifier: BSD-2-Clause
// export_sink.h - the sink both protocols share: settings, exporter and transport, put together.
#pragma once

#include <chrono>
#include <memory>

#include "export_target.h"
#include "sink/sink.h"

namespace flowxdp::ipfix {

class ExportSink final : public Sink {
  public:
    explicit ExportSink(ExportTarget target) : target_(std::move(target)) {}

    [[nodiscard]] std::vector<std::string> required_columns() const override { return flow_record_columns(); }
    Result<void> open(const SinkContext& context) override;
    Result<void> write(const RowBatch& rows) override;
    Result<void> tick(std::int64_t clock_ns) override;
    Result<void> flush(bool final) override;
    [[nodiscard]] std::vector<std::string> report() const override;

    static Result<std::unique_ptr<Sink>> create(const SinkSpec& spec, Protocol protocol);

  private:
    void note_held();

    ExportTarget target_;
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<Exporter> exporter_; // after the transport: it goes first
    // Real time, for idle flushes alone: since when records wait for their message to fill.
    std::chrono::steady_clock::time_point held_since_{};
    bool held_ = false;
};

} // namespace flowxdp::ipfix
