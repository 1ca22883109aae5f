// SPDX-License-Identifier: BSD-2-Clause
// template.h - templates and options templates as values, and their octets on the wire.
#pragma once

#include <cstdint>
#include <vector>

#include "information_element.h"

namespace flowxdp::ipfix {

constexpr std::uint16_t kVariableLength = 65535; // RFC 7011 7: the record carries the length

struct TemplateField {
    std::uint16_t element = 0;
    std::uint16_t length = 0; // octets in the record, or kVariableLength
    std::uint32_t pen = 0;    // 0 = IANA. NetFlow v9 has no room for any other
};

struct Template {
    std::uint16_t id = 0; // 256..65535
    // Leading fields that are scope; 0 = a template of flow records, else an options template.
    std::uint16_t scope_count = 0;
    std::vector<TemplateField> fields;

    [[nodiscard]] bool is_options() const { return scope_count != 0; }
    // Octets of a record; a variable-length field counts as its one length octet.
    [[nodiscard]] std::size_t record_length() const;
};

// Set (v9: FlowSet) of the template record: v9 0 and 1 (RFC 3954 5.2, 6.1), IPFIX 2 and 3 (RFC 7011 3.3.2).
std::uint16_t template_set_id(Protocol protocol, bool options);

// Appends the template record: RFC 3954 5.2 and 6.1, RFC 7011 3.4.1 and 3.4.2.
// Precondition: under v9 every pen is 0 and no field is variable.
void append_template(const Template& shape, Protocol protocol, std::vector<std::uint8_t>* out);

} // namespace flowxdp::ipfix
