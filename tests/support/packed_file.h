// SPDX-License-Identifier: BSD-2-Clause
// packed_file.h - what gzip and zstd files hold, by the libraries themselves.
#pragma once

#include <stdexcept>
#include <string>

#include <zlib.h>
#include <zstd.h>

#include "support/temp_folder.h"

namespace flowxdp::test {

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
