// SPDX-License-Identifier: BSD-2-Clause
#include "exporter.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace flowxdp::ipfix {

namespace {

// Tranalyzer2's numbers for IPv4 and IPv6, then ours. Biflow kinds follow the one-way ones; 262 on are options.
constexpr std::uint16_t kFirstTemplate = 256;
constexpr std::uint64_t kUptimeWrapNs = (std::uint64_t{1} << 32) * 1'000'000;

FlowLayoutSettings layout_settings(const ExporterSettings& s, std::size_t message_limit)
{
    return {s.protocol,        s.time_unit,  s.pen,
            s.one_octet_flags, s.v9_flow_id, MessageBuilder::largest_record(s.protocol, message_limit)};
}

} // namespace

Exporter::Exporter(ExporterSettings settings, std::shared_ptr<const Schema> schema, Transport* transport,
                   SinkCounts* counts)
    : settings_(std::move(settings)), schema_(std::move(schema)), transport_(transport), counts_(counts),
      limit_(transport->message_limit()), options_(settings_.protocol, settings_.domain, settings_.pen),
      interfaces_(settings_.interface_names, settings_.run_interfaces),
      builder_(settings_.protocol, settings_.domain, limit_)
{
    for (int biflow = 0; biflow <= static_cast<int>(settings_.biflow); biflow++)
        for (std::size_t kind = 0; kind < kFlowKinds; kind++)
            layouts_.emplace_back(static_cast<FlowKind>(kind), biflow != 0,
                                  static_cast<std::uint16_t>(kFirstTemplate + layouts_.size()), *schema_,
                                  layout_settings(settings_, limit_));
    if (const auto index = schema_->find("srcIP"); index && schema_->columns()[*index].type == FX_IP)
        source_address_ = &schema_->columns()[*index];
    transport_->set_preamble([this](bool begins) { return preamble(begins); });
}

Result<void> Exporter::check() const
{
    if (source_address_ == nullptr || !schema_->find("dstIP"))
        return Error{transport_->name() +
                     ": no plugin fills the columns srcIP and dstIP: enable one that has them ('flowxdp plugins')"};
    const std::size_t room = MessageBuilder::largest_record(settings_.protocol, limit_);
    std::size_t needed = 0;
    std::vector<std::uint8_t> octets;
    for (const FlowLayout& l : layouts_) {
        octets.clear();
        append_template(l.shape(), settings_.protocol, &octets);
        needed = std::max({needed, octets.size(), l.shape().record_length()});
    }
    // An interface record with the longest name; the options templates are shorter.
    needed = std::max(needed, options_.interface_record(0, std::string(255, 'x')).size());
    if (needed > room)
        return Error{transport_->name() + ": messages of " + std::to_string(limit_) +
                     " octets are too small: the largest template or record takes " + std::to_string(needed) +
                     "; raise mtu by " + std::to_string(needed - room + 3)};
    return {};
}

const FlowLayout& Exporter::layout(FlowKind kind, bool biflow) const
{
    return layouts_[static_cast<std::size_t>(kind) + (biflow ? kFlowKinds : 0)];
}

FlowKind Exporter::kind_of(const RowView& row) const
{
    const std::uint8_t version = row.present(*source_address_) ? row.bytes(*source_address_)[16] : 0;
    return version == 4 ? FlowKind::kIpv4 : version == 6 ? FlowKind::kIpv6 : FlowKind::kLayer2;
}

// v9: milliseconds since the exporter's first clock, modulo 2^32 (49.7 days). unixSecs has the date, and no element
// that we send counts from here.
std::uint32_t Exporter::uptime_ms() const
{
    return static_cast<std::uint32_t>((clock_ns_ - start_ns_) / 1'000'000);
}

Message Exporter::take(MessageBuilder* builder)
{
    odd_export_times_ += clock_ns_ < 0 || clock_ns_ / kNsPerSecond > std::numeric_limits<std::uint32_t>::max();
    return builder->take(clock_ns_, uptime_ms());
}

std::vector<std::string> Exporter::inexact() const
{
    std::vector<std::string> said;
    const auto say = [&said](std::uint64_t count, const char* what) {
        if (count != 0)
            said.push_back(std::to_string(count) + " " + what);
    };
    say(inexact_.early_times, "times before 1970 sent as 1970");
    say(inexact_.late_times, "times after 2036-02-07 that the NTP format cannot tell from earlier ones");
    say(inexact_.large_values, "values too large for their field, sent as its largest");
    say(inexact_.cut_flags, "records without the TCP flags above the low eight");
    say(inexact_.cut_texts, "texts too long for their message, cut");
    say(odd_export_times_, "messages whose header cannot say the time (before 1970 or after 2106-02-07)");
    say(cut_names_, "interface names cut");
    if (settings_.protocol == Protocol::kNetflow9 && has_clock_ && clock_ns_ > start_ns_)
        say(static_cast<std::uint64_t>(clock_ns_ - start_ns_) / kUptimeWrapNs, "wraps of sysUptime");
    return said;
}

void Exporter::go_on(std::int64_t start_ns, bool session_goes_on)
{
    start_ns_ = start_ns;
    preambles_ += session_goes_on;
}

void Exporter::see_clock(std::int64_t clock_ns)
{
    if (!std::exchange(has_clock_, true)) {
        clock_ns_ = preamble_ns_ = clock_ns;
        if (start_ns_ == 0)
            start_ns_ = clock_ns;
    }
    clock_ns_ = std::max(clock_ns_, clock_ns);
}

Result<void> Exporter::add(const Rows& rows)
{
    Result<void> result;
    for (std::size_t i = 0; i < rows.size(); i++) {
        const RowView row = rows.row(i);
        const RowHeader header = row.header();
        if (Result<void> moved = advance(header.end_clock_ns); !moved)
            result = std::move(moved);
        Result<void> added;
        if (settings_.biflow && header.pair_follows != 0 && i + 1 < rows.size() &&
            rows.row(i + 1).header().pair_second != 0) {
            const RowView reverse = rows.row(++i);
            added = add_record(row, &reverse);
        } else {
            added = add_record(row, nullptr);
        }
        if (!added)
            result = std::move(added);
    }
    return result;
}

Result<void> Exporter::add_record(const RowView& row, const RowView* reverse)
{
    const FlowKind kind = kind_of(row);
    const std::uint32_t row_count = reverse != nullptr ? 2 : 1;
    if (kind == FlowKind::kLayer2 && !settings_.layer2) {
        counts_->skipped += row_count;
        return {};
    }
    Result<void> result;
    for (const RowView* r : {&row, reverse})
        if (r != nullptr && interfaces_.learn(r->header().if_id)) {
            const std::uint32_t id = r->header().if_id;
            const std::string& name = interfaces_.known().at(id);
            cut_names_ += options_.cuts_name(name);
            if (preambles_ != 0)
                result = send_options(options_.interfaces(), options_.interface_record(id, name));
        }
    const FlowLayout& l = layout(kind, reverse != nullptr);
    const std::uint16_t set = l.shape().id;
    record_.clear();
    l.append(row, reverse, &record_, &inexact_);
    const std::uint32_t most = kind == FlowKind::kIpv6 ? settings_.records6 : settings_.records4;
    if (!builder_.fits(set, record_.size()) || builder_.records_of(set) >= most)
        if (Result<void> flushed = flush(); !flushed)
            result = std::move(flushed);
    if (builder_.empty())
        held_since_ns_ = clock_ns_;
    builder_.add(set, RecordKind::kFlow, record_, row_count);
    return result;
}

Result<void> Exporter::advance(std::int64_t clock_ns)
{
    see_clock(clock_ns);
    Result<void> result;
    if (!builder_.empty() && clock_ns_ - held_since_ns_ >= settings_.hold_ns)
        result = flush();
    if (clock_ns_ - preamble_ns_ >= settings_.template_ns)
        if (Result<void> repeated = repeat_templates(); !repeated)
            result = std::move(repeated);
    return result;
}

Result<void> Exporter::flush()
{
    if (builder_.empty())
        return {};
    Result<void> result;
    if (transport_->datagrams() && preambles_ != 0 && messages_since_preamble_ >= settings_.template_messages)
        result = repeat_templates();
    if (Result<void> sent = transport_->send(take(&builder_)); !sent)
        result = std::move(sent);
    messages_since_preamble_++; // after the send, which may have begun a session
    return result;
}

// A stream or file has had its templates since the session's start, so only the statistics are new. When no session has
// begun yet, the statistics begin it.
Result<void> Exporter::repeat_templates()
{
    Result<void> result;
    if (!transport_->datagrams() || preambles_ == 0) {
        preamble_ns_ = clock_ns_;
        return send_options(options_.statistics(), options_.statistics_record(transport_->totals()));
    }
    for (Message& message : preamble(false))
        if (Result<void> sent = transport_->send(std::move(message)); !sent)
            result = std::move(sent);
    return result;
}

Result<void> Exporter::send_options(const Template& shape, const std::vector<std::uint8_t>& record)
{
    MessageBuilder builder(settings_.protocol, options_.message_domain(), limit_);
    builder.add(shape.id, RecordKind::kOptions, record, 0);
    return transport_->send(take(&builder));
}

Result<void> Exporter::finish()
{
    Result<void> result = flush();
    if (has_clock_)
        if (Result<void> sent = send_options(options_.statistics(), options_.statistics_record(transport_->totals()));
            !sent)
            result = std::move(sent);
    return result;
}

void Exporter::gather(MessageBuilder* builder, std::vector<Message>* out, std::uint16_t set_id, RecordKind kind,
                      const std::vector<std::uint8_t>& record)
{
    if (!builder->empty() && !builder->fits(set_id, record.size()))
        out->push_back(take(builder));
    builder->add(set_id, kind, record, 0);
}

std::vector<Message> Exporter::preamble(bool begins)
{
    preambles_++;
    preamble_ns_ = clock_ns_;
    messages_since_preamble_ = 0;
    std::vector<Message> out;
    const Protocol protocol = settings_.protocol;
    const auto template_record = [protocol](const Template& shape) {
        std::vector<std::uint8_t> record;
        append_template(shape, protocol, &record);
        return record;
    };

    MessageBuilder flows(protocol, settings_.domain, limit_);
    for (const FlowLayout& l : layouts_)
        if (settings_.layer2 || &l - layouts_.data() != static_cast<std::ptrdiff_t>(FlowKind::kLayer2))
            gather(&flows, &out, template_set_id(protocol, false), RecordKind::kTemplate, template_record(l.shape()));
    if (begins && options_.message_domain() != settings_.domain) {
        gather(&flows, &out, template_set_id(protocol, true), RecordKind::kTemplate,
               template_record(options_.sampling()));
        gather(&flows, &out, options_.sampling().id, RecordKind::kOptions, options_.sampling_record());
    }
    out.push_back(take(&flows));

    MessageBuilder options(protocol, options_.message_domain(), limit_);
    for (const Template* shape : {&options_.statistics(), &options_.sampling(), &options_.interfaces()})
        gather(&options, &out, template_set_id(protocol, true), RecordKind::kTemplate, template_record(*shape));
    if (settings_.origin.boot != 0) {
        gather(&options, &out, template_set_id(protocol, true), RecordKind::kTemplate,
               template_record(options_.sensor()));
        gather(&options, &out, options_.sensor().id, RecordKind::kOptions, options_.sensor_record(settings_.origin));
    }
    gather(&options, &out, options_.sampling().id, RecordKind::kOptions, options_.sampling_record());
    gather(&options, &out, options_.statistics().id, RecordKind::kOptions,
           options_.statistics_record(transport_->totals()));
    for (const auto& [id, name] : interfaces_.known())
        gather(&options, &out, options_.interfaces().id, RecordKind::kOptions, options_.interface_record(id, name));
    out.push_back(take(&options));
    return out;
}

} // namespace flowxdp::ipfix
