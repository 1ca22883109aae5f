// SPDX-License-Identifier: BSD-2-Clause
// decompress.h - gzip and zstd as byte sources over another source.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "capture/byte_source.h"

namespace flowxdp {

enum class Compression { kNone, kGzip, kZstd };

// The compression by a file's first bytes (4 or more, fewer = kNone); its name does not count.
Compression compression_of(std::span<const std::uint8_t> first_bytes);
const char* compression_name(Compression compression);

// Decompresses source, whose first bytes were already taken and are given in `taken`. Concatenated gzip members and
// zstd frames are one stream; zeros after the last gzip member are padding. kCut where the data ends early, kFailed
// where it is damaged; output before that is delivered first. The result depends on the bytes alone, not on the pieces
// in which source gives them.
// Precondition: compression is not kNone. Error: the library cannot start (memory).
Result<std::unique_ptr<ByteSource>> decompress(Compression compression, std::unique_ptr<ByteSource> source,
                                               std::span<const std::uint8_t> taken);

} // namespace flowxdp
