// SPDX-License-Identifier: BSD-2-Clause
// resume_points.h - where each output of a live run can be resumed: the journal keeps these points, and the daemon that
// takes over gives them to the outputs that it shares with its predecessor.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/fnv.h"
#include "flowxdp/sink.hpp"

namespace flowxdp {

// Sink::positions() and the like by output_id(). An output without an entry starts anew.
using ResumePoints = std::map<std::uint64_t, std::vector<std::uint64_t>>;

// A file that an output writes rows to, by a name without links. A file in pieces: the name without their number.
struct ResumableFile {
    std::uint64_t output = 0; // output_id()
    PlaceWords words;
    bool pieces = false;
    std::string path;
};

// A hash of everything that makes an output write the same bytes to the same place. Never 0.
inline std::uint64_t output_id(std::string_view name)
{
    return Fnv1a().add(name).value_not_zero();
}

// Where the number of rows stands that the output with this id had taken and not committed. Never 0.
inline std::uint64_t uncommitted_id(std::uint64_t output)
{
    return output_id(std::string_view(reinterpret_cast<const char*>(&output), sizeof output));
}

} // namespace flowxdp
