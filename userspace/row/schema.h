// SPDX-License-Identifier: BSD-2-Clause
// schema.h - the columns of a run (flowxdp/row_view.hpp) and what Tranalyzer2 calls their types.
#pragma once

#include <string>

#include "flowxdp/row_view.hpp"

namespace flowxdp {

// T2's name of a column's type for the headers file, e.g. "U64", "MAC:R", "SC:R".
std::string type_name(const Column& column);

} // namespace flowxdp
