// SPDX-License-Identifier: BSD-2-Clause
// exporter.h - makes messages of rows: which template, when a message is sent, when templates and options are repeated.
//
// The packet clock is the only time, so the same rows make the same messages, however fast they are read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "flow_layout.h"
#include "interface_names.h"
#include "message.h"
#include "options_data.h"
#include "transport.h"

namespace flowxdp::ipfix {

struct ExporterSettings {
    Protocol protocol = Protocol::kIpfix;
    std::uint32_t domain = 666;
    TimeUnit time_unit = TimeUnit::kMilliseconds;
    std::uint32_t pen = kDocumentationPen;
    bool one_octet_flags = false; // tcpControlBits
    bool biflow = false;
    bool layer2 = true;
    std::uint32_t records4 = 200; // of IPv4 and of L2, each, in one message
    std::uint32_t records6 = 100;
    std::int64_t template_ns = 30'000'000'000; // datagrams: templates again after this much packet clock
    std::uint32_t template_messages = 20;      // or after this many messages
    std::int64_t hold_ns = 1'000'000'000;      // longest wait of a record for its message to fill
    std::map<std::uint32_t, std::string> interface_names;
    InterfaceNames::NameOf run_interfaces; // names that the run knows
    SensorOrigin origin;
    bool v9_flow_id = false; // flowId in v9, too
};

class Exporter {
  public:
    // The exporter shares schema; transport and counts must outlive it. check() says whether schema and transport fit.
    Exporter(ExporterSettings settings, std::shared_ptr<const Schema> schema, Transport* transport, SinkCounts* counts);
    Exporter(const Exporter&) = delete;
    Exporter& operator=(const Exporter&) = delete;

    // Error: a column without which there are no flow records is missing, or a record exceeds the transport's messages.
    [[nodiscard]] Result<void> check() const;
    // Flow rows, A before its B.
    Result<void> add(const Rows& rows);
    // The packet clock, ns since the epoch: sends what has waited long enough, repeats templates. Never goes back.
    Result<void> advance(std::int64_t clock_ns);
    // Sends the records gathered so far.
    Result<void> flush();
    // The last records, then the final statistics.
    Result<void> finish();
    [[nodiscard]] bool empty() const { return builder_.empty(); }
    // What the format could not represent exactly: each kind in words, with its count.
    [[nodiscard]] std::vector<std::string> inexact() const;
    // The clock that v9's sysUptime counts from; 0 before the first row.
    [[nodiscard]] std::int64_t start_ns() const { return start_ns_; }
    // After a crash: the killed daemon's start_ns(). session_goes_on: its session continues, with its templates and
    // records.
    void go_on(std::int64_t start_ns, bool session_goes_on);

    // Templates, options templates and options records as messages of their own. begins: see Preamble.
    std::vector<Message> preamble(bool begins);
    [[nodiscard]] std::uint64_t preambles() const { return preambles_; }

  private:
    [[nodiscard]] const FlowLayout& layout(FlowKind kind, bool biflow) const;
    [[nodiscard]] FlowKind kind_of(const RowView& row) const;
    [[nodiscard]] std::uint32_t uptime_ms() const;
    // The builder's message, with the clock in its header.
    Message take(MessageBuilder* builder);
    // Adds a record to builder; when it does not fit, sends the builder's message first.
    void gather(MessageBuilder* builder, std::vector<Message>* out, std::uint16_t set_id, RecordKind kind,
                const std::vector<std::uint8_t>& record);
    void see_clock(std::int64_t clock_ns);
    Result<void> add_record(const RowView& row, const RowView* reverse);
    Result<void> send_options(const Template& shape, const std::vector<std::uint8_t>& record);
    Result<void> repeat_templates();

    ExporterSettings settings_;
    std::shared_ptr<const Schema> schema_;
    Transport* transport_;
    SinkCounts* counts_;
    std::size_t limit_;
    std::vector<FlowLayout> layouts_; // one-way kinds, then biflow kinds
    OptionsData options_;
    InterfaceNames interfaces_;
    const Column* source_address_ = nullptr;
    MessageBuilder builder_;
    std::vector<std::uint8_t> record_; // kept for its capacity
    std::int64_t clock_ns_ = 0, start_ns_ = 0;
    bool has_clock_ = false;
    std::int64_t held_since_ns_ = 0;
    std::int64_t preamble_ns_ = 0;
    std::uint32_t messages_since_preamble_ = 0;
    std::uint64_t preambles_ = 0;
    InexactValues inexact_;
    std::uint64_t odd_export_times_ = 0; // of messages: before 1970, or beyond 32 bits of seconds
    std::uint64_t cut_names_ = 0;        // of interfaces
};

} // namespace flowxdp::ipfix
