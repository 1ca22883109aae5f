// SPDX-License-Identifier: BSD-2-Clause
#include "row/schema.h"

namespace flowxdp {

std::string type_name(const Column& column)
{
    const char* name = "";
    switch (column.type) {
    case FX_U8:
        name = "U8";
        break;
    case FX_U16:
        name = "U16";
        break;
    case FX_U32:
        name = "U32";
        break;
    case FX_U64:
        name = "U64";
        break;
    case FX_I64:
        name = "I64";
        break;
    case FX_H8:
        name = "H8";
        break;
    case FX_H16:
        name = "H16";
        break;
    case FX_H32:
        name = "H32";
        break;
    case FX_H64:
        name = "H64";
        break;
    case FX_FLOAT:
        name = "F";
        break;
    case FX_TIME:
    case FX_DURATION:
        name = "U64.U32";
        break;
    case FX_MAC:
        name = "MAC";
        break;
    case FX_IP:
        name = "IPX";
        break;
    case FX_STRING:
    case FX_PAYLOAD:
        name = "S";
        break;
    case FX_WORD:
        name = "SC";
        break;
    case FX_CHAR:
        name = "C";
        break;
    case FX_MAC_PAIR:
        name = "MAC_MAC_U32";
        break;
    }
    return std::string(name) + (column.list ? ":R" : "");
}

} // namespace flowxdp
