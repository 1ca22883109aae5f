// SPDX-License-Identifier: BSD-2-Clause
// query_functions.h - what a question may use beside SQL's own functions.
//
//   bitsanyset(value, mask), bitsallset(value, mask)   numbers or "0x..." texts
//   flow(list), packet(list)      "35;40-44": flowInd, pktNo in the list; numbers, ranges, with ; or ,
//   host(net), port(list)         one of the row's two addresses is in a network; one of its ports in a list
//   ipinnet(address, net)         "10.0.0.0/8", "2001:db8::/32", a single address
//   listhas(list, element)        an element of a list with ';' between
//   decode(column, value)         the meanings of the bits that are set, with "; " between
//   utc(seconds)                  2002-05-23 16:35:01.691172
//
// NULL in, NULL out.
#pragma once

#include <string>

#include "core/result.h"
#include "query/column_catalog.h"

struct sqlite3;

namespace flowxdp::query {

// catalog: of decode; must outlive the connection.
Result<void> add_functions(sqlite3* database, const ColumnCatalog& catalog);

// Functions of one argument that look at columns of the row get them: flow('35') -> flow("flowInd", '35').
std::string with_columns(const std::string& sql);

} // namespace flowxdp::query
