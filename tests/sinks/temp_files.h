// SPDX-License-Identifier: BSD-2-Clause
// temp_files.h - a folder that goes away with the test, and files read back, compressed or not.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <zlib.h>
#include <zstd.h>

namespace flowxdp::test {

class TempFolder {
  public:
    TempFolder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "flowxdp.XXXXXX").string();
        if (!::mkdtemp(name.data()))
            throw std::runtime_error("mkdtemp");
        path_ = name;
    }
    ~TempFolder()
    {
        std::error_code ignored; // a leftover folder is no reason to fail
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

inline std::string read_file(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error("no file " + path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::string read_gzip(const std::string& path)
{
    gzFile file = gzopen(path.c_str(), "rb");
    if (!file)
        throw std::runtime_error("no file " + path);
    std::string text;
    char buffer[65536];
    int n;
    while ((n = gzread(file, buffer, sizeof buffer)) > 0)
        text.append(buffer, static_cast<std::size_t>(n));
    gzclose(file);
    return text;
}

inline std::string read_zstd(const std::string& path)
{
    const std::string packed = read_file(path);
    std::string text;
    ZSTD_DCtx* context = ZSTD_createDCtx();
    ZSTD_inBuffer in = {packed.data(), packed.size(), 0};
    char buffer[65536];
    std::size_t left = 1;
    while (in.pos < in.size) {
        ZSTD_outBuffer out = {buffer, sizeof buffer, 0};
        left = ZSTD_decompressStream(context, &out, &in);
        if (ZSTD_isError(left))
            throw std::runtime_error(ZSTD_getErrorName(left));
        text.append(buffer, out.pos);
    }
    ZSTD_freeDCtx(context);
    if (left != 0)
        throw std::runtime_error("the zstd stream does not end");
    return text;
}

} // namespace flowxdp::test
