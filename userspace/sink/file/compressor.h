// SPDX-License-Identifier: BSD-2-Clause
// compressor.h - a byte stream compressed with zlib (gzip) or Zstandard.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "row/text_buffer.h"

namespace flowxdp {

class Compressor {
  public:
    enum class End {
        kNone,   // more follows
        kSync,   // a reader of the file so far can decompress everything up to here
        kFinish, // the stream ends
    };
    virtual ~Compressor() = default;
    // Appends the compressed bytes to *out. An error leaves the stream unusable.
    virtual Result<void> add(std::string_view bytes, End end, TextBuffer* out) = 0;
};

// By the end of a file's name: .gz, .zst, also with .partN after it (file_series.h); null for any other. Throws
// nothing; error: no memory.
Result<std::unique_ptr<Compressor>> compressor_for(const std::string& path);

} // namespace flowxdp
