// SPDX-License-Identifier: BSD-2-Clause
#include "export_sink.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace flowxdp::ipfix {

namespace {

constexpr std::chrono::milliseconds kIdleHold{750}; // with the 250 ms between idle flushes: within a second

Result<void> first_error(Result<void> a, Result<void> b)
{
    return a.ok() ? std::move(b) : std::move(a);
}

// Words of positions(): start, place, receiver (for a file: length, identity), waiting rows, both sequences, four
// totals; then those of a file that rotates.
constexpr std::size_t kPositionWords = 9;
constexpr std::size_t kRotatingWords = kPositionWords + kSeriesWords;

std::size_t position_words(const ExportTarget& target)
{
    return target.rotation.rotates() ? kRotatingWords : kPositionWords;
}

TransportState state_from(const std::vector<std::uint64_t>& words, std::uint32_t domain)
{
    TransportState state{words[1], words[2], words[3], {words[5], words[6], words[7], words[8]}, {}, {}};
    state.sequences.go_on_at(0, static_cast<std::uint32_t>(words[4]));
    state.sequences.go_on_at(domain, static_cast<std::uint32_t>(words[4] >> 32));
    if (words.size() == kRotatingWords)
        std::copy_n(words.begin() + kPositionWords, kSeriesWords, state.series.begin());
    return state;
}

} // namespace

ExportSink::ExportSink(Result<ExportTarget> target)
{
    if (!target)
        throw std::invalid_argument(target.error().message);
    target_ = target.take();
}

std::vector<SinkFile> ExportSink::files(const SinkContext&) const
{
    if (target_.transport != TransportKind::kFile)
        return {};
    if (!target_.rotation.rotates() || target_.path == "-")
        return {{target_.path, false, PlaceWords{1, 2, 0}}};
    return {{target_.path + ".part0", true, PlaceWords{1, 2, kPositionWords + 1}}};
}

Result<void> ExportSink::open(const SinkContext& context)
{
    if (!target_.has_domain)
        target_.settings.domain = context.sensor_id;
    target_.settings.run_interfaces = context.interface_name;
    target_.settings.origin = {context.boot, context.attached_ns};
    transport_ = target_.make_transport(context.live, &counts_);
    transport_->listen_to(context.end_began);
    const bool resumed = context.resume.size() == position_words(target_);
    if (resumed)
        transport_->go_on(state_from(context.resume, target_.settings.domain));
    if (Result<void> opened = transport_->open(); !opened)
        return opened;
    exporter_ = std::make_unique<Exporter>(target_.settings, context.flow_schema, transport_.get(), &counts_);
    if (resumed)
        exporter_->go_on(static_cast<std::int64_t>(context.resume[0]), transport_->session_goes_on());
    return exporter_->check();
}

Result<void> ExportSink::commit()
{
    Result<void> result = exporter_->flush();
    note_held();
    result = first_error(std::move(result), transport_->commit());
    const TransportState state = transport_->state();
    positions_ = {static_cast<std::uint64_t>(exporter_->start_ns()),
                  state.place,
                  state.receiver,
                  state.waiting_rows,
                  std::uint64_t{state.sequences.next(target_.settings.domain)} << 32 | state.sequences.next(0),
                  state.totals.messages,
                  state.totals.octets,
                  state.totals.flow_records,
                  state.totals.not_sent_flows};
    if (target_.rotation.rotates())
        positions_.insert(positions_.end(), state.series.begin(), state.series.end());
    return result;
}

void ExportSink::note_held()
{
    if (!exporter_->empty() && !held_)
        held_since_ = std::chrono::steady_clock::now();
    held_ = !exporter_->empty();
}

Result<void> ExportSink::write(const Rows& rows)
{
    Result<void> result = exporter_->add(rows);
    note_held();
    return result;
}

Result<void> ExportSink::tick(std::int64_t clock_ns)
{
    Result<void> result = exporter_->advance(clock_ns);
    note_held();
    return first_error(std::move(result), transport_->tick(clock_ns));
}

Result<void> ExportSink::flush(bool final)
{
    if (final) {
        Result<void> result = exporter_->finish();
        return first_error(std::move(result), transport_->finish());
    }
    // Nobody waits for a file, and its messages do not depend on how slowly it is written.
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
    if (const std::vector<std::string> inexact = exporter_->inexact(); !inexact.empty())
        lines.push_back(fmt::format("{}: {}", transport_->name(), fmt::join(inexact, "; ")));
    if (std::string remark = transport_->remark(); !remark.empty())
        lines.push_back(std::move(remark));
    return lines;
}

} // namespace flowxdp::ipfix
