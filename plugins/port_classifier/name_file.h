// SPDX-License-Identifier: BSD-2-Clause
// name_file.h - files of names and numbers: words apart by blanks, comments behind #.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/text_file.h"

namespace flowxdp {

inline constexpr std::size_t kLongestNameLine = 4096;
inline constexpr std::size_t kLongestName = 64; // bytes; the rest is left out

// Calls take(line) for each line of a file of `what` ("services"). Throws std::invalid_argument when
// the file cannot be read, or has a longer line.
template <typename Take>
void read_name_file(const std::string& path, const std::string& what, Take take)
{
    const std::string file_of = "file of " + what + " '" + path + "': ";
    std::ifstream file(path);
    if (!file)
        throw std::invalid_argument("cannot open " + file_of + std::strerror(errno));
    LineReader lines(file, kLongestNameLine);
    std::string line;
    while (lines.next(&line))
        take(std::string_view(line));
    if (lines.too_long())
        throw std::invalid_argument(file_of + "line " + std::to_string(lines.number()) + " is longer than " +
                                    std::to_string(kLongestNameLine) + " bytes");
    if (file.bad())
        throw std::invalid_argument("cannot read " + file_of + std::strerror(errno));
}

inline std::string_view without_comment(std::string_view line)
{
    return line.substr(0, line.find('#'));
}

// Takes the next word off a line; empty at its end.
inline std::string_view take_word(std::string_view* line)
{
    constexpr std::string_view kBlanks = " \t\r";
    const std::size_t begin = std::min(line->find_first_not_of(kBlanks), line->size());
    const std::size_t end = std::min(line->find_first_of(kBlanks, begin), line->size());
    const std::string_view word = line->substr(begin, end - begin);
    line->remove_prefix(end);
    return word;
}

// Loads the file that an option names, which must be there; without one the default file, or no names: then it calls
// warn(reason). Returns whether there are names.
template <typename Names, typename Warn>
bool load_names(std::string_view path, const char* default_path, Names* names, Warn warn)
{
    try {
        names->load(path.empty() ? default_path : std::string(path));
        return true;
    } catch (const std::exception& e) {
        if (!path.empty())
            throw;
        warn(e.what());
        return false;
    }
}

} // namespace flowxdp
