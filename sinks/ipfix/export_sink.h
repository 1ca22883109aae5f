// SPDX-License-Identifier: BSD-2-Clause
// export_sink.h - the sink of both protocols: settings, exporter and transport together.
#pragma once

#include <chrono>
#include <memory>

#include "export_target.h"
#include "flowxdp/sink.hpp"

namespace flowxdp::ipfix {

class ExportSink : public Sink {
  public:
    explicit ExportSink(ExportTarget target) : target_(std::move(target)) {}
    // Throws std::invalid_argument with the error.
    explicit ExportSink(Result<ExportTarget> target);

    [[nodiscard]] std::vector<SinkFile> files(const SinkContext& context) const override;
    Result<void> open(const SinkContext& context) override;
    Result<void> write(const Rows& rows) override;
    Result<void> tick(std::int64_t clock_ns) override;
    Result<void> flush(bool final) override;
    Result<void> commit() override;
    [[nodiscard]] std::vector<std::uint64_t> positions() const override
    {
        if (transport_)
            transport_->note_state_taken();
        return positions_;
    }
    [[nodiscard]] std::vector<std::string> report() const override;

  private:
    void note_held();

    ExportTarget target_;
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<Exporter> exporter_; // after the transport, which it uses: destroyed first
    // Real time, used by idle flushes only: since when records have waited for their message to fill.
    std::chrono::steady_clock::time_point held_since_{};
    bool held_ = false;
    std::vector<std::uint64_t> positions_; // of the last commit
};

} // namespace flowxdp::ipfix
