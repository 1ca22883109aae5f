// SPDX-License-Identifier: BSD-2-Clause
// label_text.h - makes text from databases fit for a column.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flowxdp::geo {

constexpr std::size_t kOrganisationMax = 30; // characters, T2's limit

// Valid UTF-8 without control characters, at most max_characters code points: bad bytes become '?', control characters
// (tabs and newlines would break a text row) a space; white space at both ends is removed.
std::string clean_text(std::string_view text, std::size_t max_characters);

// Two ASCII letters in lower case; empty for anything else and for "ZZ", which databases use for "unknown".
std::string country_label(std::string_view text);

} // namespace flowxdp::geo
