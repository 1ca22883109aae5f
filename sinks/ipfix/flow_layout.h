// SPDX-License-Identifier: BSD-2-Clause
// flow_layout.h - one kind of flow record: which elements, in which order, out of which columns.
//
// The layout is built from the columns a run has: an element whose column nobody fills is left out of the template, so
// a collector never sees a zero that was not measured.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "row/row_batch.h"
#include "template.h"

namespace flowxdp::ipfix {

enum class FlowKind : std::uint8_t { kIpv4, kIpv6, kLayer2 };
constexpr std::size_t kFlowKinds = 3;

// Columns every flow record takes its elements from when the run has them.
std::vector<std::string> flow_record_columns();

struct FlowLayoutSettings {
    Protocol protocol = Protocol::kIpfix;
    TimeUnit time_unit = TimeUnit::kMilliseconds;
    std::uint32_t pen = kDocumentationPen;
};

// How a field gets its octets.
enum class FieldSource : std::uint8_t {
    kUnsigned,      // a number cell, saturated to the field's width
    kTime,          // ms since 1970
    kNtpMicros,     // RFC 7011 6.1.9
    kNtpNanos,      // RFC 7011 6.1.10
    kIpv4,          // last 4 of the 16 address octets
    kIpv6,          // all 16
    kFirstMac,      // of a list; zeros where the link has none
    kInnermostVlan, // last of a list; 0 = untagged
    kTcpFlags,      // low 8 bits, the header's
    kIpVersion,     // by kind
    kDirection,     // of the letter: 0 = A, 1 = B
    kBiflowInitiator,
    kEndReason,
    kInterface,
    kFlowId,
};

class FlowLayout {
  public:
    // biflow: A's row and B's row make one record, B's counts as reverse elements (RFC 5103); IPFIX only.
    // schema must outlive the layout.
    FlowLayout(FlowKind kind, bool biflow, std::uint16_t template_id, const Schema& schema,
               const FlowLayoutSettings& settings);

    [[nodiscard]] const Template& shape() const { return shape_; }
    // Appends shape().record_length() octets. reverse: B's row, biflow layouts only, else null.
    void append(const RowView& row, const RowView* reverse, std::vector<std::uint8_t>* out) const;

  private:
    struct Field {
        FieldSource source;
        bool reverse;
        std::uint16_t length;
        const Column* column; // null: the row header has it
    };
    void write_field(const Field& field, const RowView& row, const RowHeader& header, std::uint8_t* at) const;

    FlowKind kind_;
    Template shape_;
    std::vector<Field> fields_;
    std::size_t record_octets_ = 0;
};

// ns since the epoch as a 64-bit NTP time stamp: seconds since 1900 modulo 2^32, then 1/2^32 s. Rounded up, so that
// both truncating and rounding readers give the same nanosecond (microsecond: the low 11 bits are zero) back.
std::uint64_t ntp_nanoseconds(std::int64_t ns);
std::uint64_t ntp_microseconds(std::int64_t ns);

} // namespace flowxdp::ipfix
