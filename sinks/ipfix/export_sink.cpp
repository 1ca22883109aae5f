// SPDX-License-Identifier: BSD-2-Clause
#include "export_sink.h"

#include <fmt/format.h>

namespace flowxdp::ipfix {

namespace {

constexpr std::chrono::milliseconds kIdleHold{750}; // with the 250 ms between idle flushes: within a second

Result<void> first_error(Result<void> a, Result<void> b)
{
    return a.ok() ? std::move(b) : std::move(a);
}

} // namespace

Result<std::unique_ptr<Sink>> ExportSink::create(const SinkSpec& spec, Protocol protocol)
{
    auto target = ExportTarget::parse(spec, protocol);
    if (!target)
        return target.error();
    return std::unique_ptr<Sink>(std::make_unique<ExportSink>(target.take()));
}

Result<void> ExportSink::open(const SinkContext& context)
{
    if (!target_.has_domain)
        target_.settings.domain = context.sensor_id;
    target_.settings.run_interfaces = context.interfaces;
    if (target_.transport == TransportKind::kFile && target_.path == "-" && context.rows_to_stdout)
        return Error{"sink ipfix: stdout already carries the rows: write file:PATH, or -w PREFIX"};
    transport_ = target_.make_transport(&counts_);
    if (Result<void> opened = transport_->open(); !opened)
        return opened;
    exporter_ = std::make_unique<Exporter>(target_.settings, context.flow_schema, transport_.get(), &counts_);
    return exporter_->check();
}

void ExportSink::note_held()
{
    if (!exporter_->empty() && !held_)
        held_since_ = std::chrono::steady_clock::now();
    held_ = !exporter_->empty();
}

Result<void> ExportSink::write(const RowBatch& rows)
{
    Result<void> result = exporter_->add(rows);
    note_held();
    return result;
}

Result<void> ExportSink::tick(std::int64_t clock_ns)
{
    Result<void> result = exporter_->advance(clock_ns);
    note_held();
    return first_error(std::move(result), transport_->poll());
}

Result<void> ExportSink::flush(bool final)
{
    if (final) {
        Result<void> result = exporter_->finish();
        return first_error(std::move(result), transport_->finish());
    }
    // A file has no reader who waits, and keeps the same messages however slowly it is written.
    Result<void> result;
    if (held_ && target_.transport != TransportKind::kFile &&
        std::chrono::steady_clock::now() - held_since_ >= kIdleHold) {
        result = exporter_->flush();
        note_held();
    }
    return first_error(std::move(result), transport_->poll());
}

std::vector<std::string> ExportSink::report() const
{
    if (!transport_)
        return {};
    const ExportTotals& totals = transport_->totals();
    std::vector<std::string> lines = {
        fmt::format("{}: {} messages, {} flow records, {} octets, templates sent {} times", transport_->name(),
                    totals.messages, totals.flow_records, totals.octets, exporter_->preambles())};
    if (totals.not_sent_flows != 0)
        lines.push_back(fmt::format("{}: {} flow records were given up", transport_->name(), totals.not_sent_flows));
    if (std::string remark = transport_->remark(); !remark.empty())
        lines.push_back(std::move(remark));
    return lines;
}

} // namespace flowxdp::ipfix
