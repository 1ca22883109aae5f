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

namespace flowxdp::geo {

// A folder of its own, gone with the object.
class TemporaryFolder {
  public:
    TemporaryFolder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "flowxdp-geo-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("mkdtemp: " + name);
        path_ = name;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
    [[nodiscard]] const std::string& path() const { return path_; }

    template <typename Bytes>
    std::string write(const std::string& name, const Bytes& content) const
    {
        std::ofstream out(file(name), std::ios::binary);
        out.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
        return file(name);
    }

  private:
    std::string path_;
};

inline std::vector<std::uint8_t> read_bytes(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
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
