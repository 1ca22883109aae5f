// SPDX-License-Identifier: BSD-2-Clause
// text_file.h - reads a file of options that a user wrote: text, with a bound.
//
// A device (/dev/zero) or a file of another kind named by mistake is refused before it fills the memory.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <istream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/result.h"
#include "core/unique_fd.h"

namespace flowxdp {

// The whole file. Error: the reason as a clause, without the file's name.
inline Result<std::string> read_text_file(const std::string& path, std::size_t most_bytes)
{
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        return Error{std::strerror(errno)};
    constexpr std::size_t kPiece = 64u << 10;
    std::string text;
    for (;;) {
        const std::size_t at = text.size();
        text.resize(at + std::min(kPiece, most_bytes + 1 - at));
        const ssize_t n = ::read(file.get(), text.data() + at, text.size() - at);
        if (n < 0 && errno == EINTR) {
            text.resize(at);
            continue;
        }
        if (n < 0)
            return Error{std::strerror(errno)};
        text.resize(at + static_cast<std::size_t>(n));
        if (const std::size_t zero = text.find('\0', at); zero != std::string::npos)
            return Error{fmt::format("it is no text: the byte at offset {} is 0", zero)};
        if (text.size() > most_bytes)
            return Error{fmt::format("it is larger than {} bytes", most_bytes)};
        if (n == 0)
            return text;
    }
}

// Lines of a stream of any length, each of at most most_bytes: a file without line ends cannot fill the memory either.
class LineReader {
  public:
    LineReader(std::istream& in, std::size_t most_bytes) : in_(in), buffer_(most_bytes + 1) {}

    // The next line without its end. False: there is none, or it is too long, or reading failed (in.bad()).
    bool next(std::string* line)
    {
        if (too_long_ || !in_)
            return false;
        number_++;
        in_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
        auto bytes = static_cast<std::size_t>(in_.gcount());
        // The buffer is full, without a line's end or the file's.
        too_long_ = in_.fail() && !in_.eof() && !in_.bad() && bytes + 1 == buffer_.size();
        if (in_.fail())
            return false;
        if (!in_.eof())
            bytes--; // the line's end is counted
        line->assign(buffer_.data(), bytes);
        return true;
    }
    [[nodiscard]] bool too_long() const { return too_long_; }
    [[nodiscard]] std::uint64_t number() const { return number_; } // of the last line, from 1

  private:
    std::istream& in_;
    std::vector<char> buffer_;
    std::uint64_t number_ = 0;
    bool too_long_ = false;
};

} // namespace flowxdp
