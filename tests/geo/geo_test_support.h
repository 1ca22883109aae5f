// SPDX-License-Identifier: BSD-2-Clause
// geo_test_support.h - files and addresses for the geo tests.
#pragma once

#include <stdlib.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "geo/address.h"
#include "geo/geo.h"
#include "support/temp_folder.h"

namespace flowxdp::geo {

using test::TempFolder;

inline std::vector<std::uint8_t> read_bytes(const std::string& path)
{
    return test::read_file<std::vector<std::uint8_t>>(path);
}

// "us Dell, Inc."
inline std::string label_text(GeoDatabase& database, const std::string& text)
{
    const auto address = parse_address(text);
    if (!address)
        return "not an address: " + text;
    const Label label = database.look_up(mapped_bytes(*address), address->version);
    return std::string(label.country) + " " + std::string(label.organisation);
}

inline std::string source_path(const std::string& name)
{
    const char* root = std::getenv("FLOWXDP_SOURCE_DIR"); // set by flowxdp_add_test
    return std::string(root != nullptr ? root : ".") + "/" + name;
}

} // namespace flowxdp::geo
