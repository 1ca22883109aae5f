// SPDX-License-Identifier: BSD-2-Clause
// header_stack.h - a header stack's run-length codes (header.h) as hdrDesc text: "eth:vlan:mpls{2}:ipv4:tcp".
#pragma once

#include <string>

#include <fmt/format.h>

#include "flowxdp/header.h"

namespace flowxdp {

inline const char* header_name(unsigned id)
{
    static constexpr const char* kNames[] = {"",
#define X(id, name) name,
                                             FX_HEADER(X)
#undef X
    };
    return id < HEADER_COUNT ? kNames[id] : "";
}

inline void append_header_stack(const std::uint8_t* codes, std::string* out)
{
    bool first = true;
    for (unsigned i = 0; i < HEADER_STACK_BYTES && codes[i]; i++) {
        const unsigned code = codes[i];
        if (code & 0x80) {
            *out += fmt::format("{{{}}}", code & 0x7f);
            continue;
        }
        if (!first)
            out->push_back(':');
        first = false;
        *out += header_name(code);
        if ((code == HEADER_UNKNOWN_ETHERTYPE || code == HEADER_UNKNOWN_PROTO) && i + 2 < HEADER_STACK_BYTES) {
            const unsigned number = codes[i + 1] << 8 | codes[i + 2];
            *out += code == HEADER_UNKNOWN_PROTO ? fmt::format("({})", number) : fmt::format("(0x{:04x})", number);
            i += 2;
        }
    }
}

} // namespace flowxdp
