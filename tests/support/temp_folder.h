// SPDX-License-Identifier: BSD-2-Clause
// temp_folder.h - a folder that goes away with the test; files written and read back.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace flowxdp::test {

// Replaces or extends a file. content: a string or a vector of bytes.
template <typename Content>
void write_file(const std::string& path, const Content& content, bool append = false)
{
    std::ofstream out(path, std::ios::binary | (append ? std::ios::app : std::ios::trunc));
    out.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
    out.close();
    if (!out)
        throw std::runtime_error("cannot write " + path);
}

// Content: std::string or a vector of bytes.
template <typename Content = std::string>
Content read_file(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error("no file " + path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class TempFolder {
  public:
    TempFolder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "flowxdp.XXXXXX").string();
        if (!::mkdtemp(name.data()))
            throw std::runtime_error("cannot make a folder " + name);
        path_ = name;
    }
    ~TempFolder()
    {
        if (kept_)
            return;
        std::error_code ignored; // a leftover folder is no reason to fail
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }
    // Writes a file and returns its path.
    template <typename Content = std::vector<std::uint8_t>>
    std::string write(const std::string& name, const Content& content, bool append = false) const
    {
        write_file(*this / name, content, append);
        return *this / name;
    }
    // What a failed test leaves for who looks into it.
    void keep() { kept_ = true; }

  private:
    std::filesystem::path path_;
    bool kept_ = false;
};

} // namespace flowxdp::test
