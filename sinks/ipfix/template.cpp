// SPDX-License-Identifier: BSD-2-Clause
#include "template.h"

#include "octet_writer.h"

namespace flowxdp::ipfix {

namespace {

constexpr std::uint16_t kEnterpriseBit = 0x8000;

void append_field(const TemplateField& field, OctetWriter* writer)
{
    writer->u16(field.pen != 0 ? field.element | kEnterpriseBit : field.element);
    writer->u16(field.length);
    if (field.pen != 0)
        writer->u32(field.pen);
}

} // namespace

std::size_t Template::record_length() const
{
    std::size_t length = 0;
    for (const TemplateField& field : fields)
        length += field.length == kVariableLength ? 1 : field.length;
    return length;
}

std::uint16_t template_set_id(Protocol protocol, bool options)
{
    if (protocol == Protocol::kNetflow9)
        return options ? 1 : 0;
    return options ? 3 : 2;
}

void append_template(const Template& shape, Protocol protocol, std::vector<std::uint8_t>* out)
{
    OctetWriter writer(out);
    writer.u16(shape.id);
    if (shape.is_options() && protocol == Protocol::kNetflow9) {
        // v9 gives the octets of the scope and of the option field specifiers.
        writer.u16(shape.scope_count * 4u);
        writer.u16((shape.fields.size() - shape.scope_count) * 4);
    } else {
        writer.u16(shape.fields.size());
        if (shape.is_options())
            writer.u16(shape.scope_count);
    }
    for (const TemplateField& field : shape.fields)
        append_field(field, &writer);
}

} // namespace flowxdp::ipfix
