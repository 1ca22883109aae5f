// SPDX-License-Identifier: BSD-2-Clause
// flow_layout.h - one kind of flow record: which elements, in which order, from which columns.
//
// The layout is built from the columns of the run. An element without a column is left out of the template, so a
// collector never sees a zero that was not measured.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "flowxdp/row_view.hpp"
#include "template.h"

namespace flowxdp::ipfix {

enum class FlowKind : std::uint8_t { kIpv4, kIpv6, kLayer2 };
constexpr std::size_t kFlowKinds = 3;

// Columns that flow records use when the run has them; a null pointer ends the list.
constexpr std::size_t kMostFlowRecordColumns = 32;
extern const std::array<const char*, kMostFlowRecordColumns> kFlowRecordColumns;

struct FlowLayoutSettings {
    Protocol protocol = Protocol::kIpfix;
    TimeUnit time_unit = TimeUnit::kMilliseconds;
    std::uint32_t pen = kDocumentationPen;
    bool one_octet_flags = false; // tcpControlBits
    bool v9_flow_id = false;
    std::size_t largest_record = 0xffff; // octets of a record at most: texts are cut to fit
};

// Values that a field could not hold, of all records so far.
struct InexactValues {
    std::uint64_t early_times = 0;  // before 1970: sent as 1970
    std::uint64_t late_times = 0;   // us, ns: from 2036-02-07 on, when the NTP format wraps
    std::uint64_t large_values = 0; // sent as the field's largest
    std::uint64_t cut_flags = 0;    // TCP flags above the low eight, left out
    std::uint64_t cut_texts = 0;    // too long for their message: their beginning was sent
};

// How a field gets its octets.
enum class FieldSource : std::uint8_t {
    kUnsigned,      // a number cell, saturated to the field's width
    kSigned,        // the same, in two's complement
    kFloat,         // float64, or float32 where the field has four octets (RFC 7011 6.1.3, 6.1.4)
    kText,          // a string, valid UTF-8 (6.1.6), variable length
    kOctets,        // payload, variable length
    kMac,           // not of a list
    kTime,          // ms since 1970
    kNtpMicros,     // RFC 7011 6.1.9
    kNtpNanos,      // RFC 7011 6.1.10
    kIpv4,          // last 4 of the 16 address octets
    kIpv6,          // all 16
    kFirstMac,      // of a list; zeros where the link has none
    kInnermostVlan, // last of a list; 0 = untagged
    kTcpFlags,      // the header's; as many low bits as the field has
    kIcmp,          // type and code
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
    // Appends a record: shape().record_length() octets and its texts. reverse: B's row, biflow layouts only, else null.
    void append(const RowView& row, const RowView* reverse, std::vector<std::uint8_t>* out,
                InexactValues* inexact) const;

  private:
    struct Field {
        FieldSource source;
        bool reverse;
        std::uint16_t length; // kVariableLength: of a text
        const Column* column; // null: the row header has it
        const Column* second; // of kIcmp: the code
    };
    void write_field(const Field& field, const RowView& row, const RowHeader& header, std::uint8_t* at,
                     InexactValues* inexact) const;

    void add_elements_of_columns(bool biflow, const Schema& schema, const FlowLayoutSettings& settings);
    // The text of a row's cell, cut to text_room_.
    [[nodiscard]] std::string_view text_of(const Field& field, const RowView& row, InexactValues* inexact) const;
    void append_with_texts(const RowView& row, const RowView* reverse, std::vector<std::uint8_t>* out,
                           InexactValues* inexact) const;

    FlowKind kind_;
    Template shape_;
    std::vector<Field> fields_;
    std::size_t record_octets_ = 0;
    bool has_texts_ = false;
    std::size_t text_room_ = 0; // octets of one text at most
};

// ns since the epoch as a 64-bit NTP time stamp: seconds since 1900 modulo 2^32, then 1/2^32 s. Rounded up, so that
// both truncating and rounding readers give the same nanosecond (microsecond: the low 11 bits are zero) back.
std::uint64_t ntp_nanoseconds(std::int64_t ns);
std::uint64_t ntp_microseconds(std::int64_t ns);

} // namespace flowxdp::ipfix
