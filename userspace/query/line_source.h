// SPDX-License-Identifier: BSD-2-Clause
// line_source.h - a file as blocks of whole lines, decompressed where needed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "capture/byte_source.h"
#include "core/result.h"

namespace flowxdp::query {

class LineSource {
  public:
    // "-" is standard input. Error: a sentence with the file's name.
    static Result<std::unique_ptr<LineSource>> open(const std::string& path);

    // Fills *block with whole lines; the last line of a file may lack its newline. Empty: the end.
    // Error: the file is damaged, or a line is longer than kLongestLine.
    Result<void> read(std::vector<char>* block);
    [[nodiscard]] const std::string& path() const { return path_; }

    static constexpr std::size_t kBlock = 1u << 20;
    static constexpr std::size_t kLongestLine = 64u << 20;

  private:
    LineSource(std::string path, std::unique_ptr<ByteSource> source, std::vector<char> begun)
        : path_(std::move(path)), source_(std::move(source)), rest_(std::move(begun))
    {
    }

    std::string path_;
    std::unique_ptr<ByteSource> source_;
    std::vector<char> rest_; // read, and not given out
    bool ended_ = false;
};

} // namespace flowxdp::query
