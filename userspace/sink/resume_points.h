// SPDX-License-Identifier: BSD-2-Clause
// resume_points.h - where each output of a live run can be gone on behind: what a journal keeps, and what the daemon
// that takes over gives to the outputs it has in common with its predecessor.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace flowxdp {

// Sink::positions() and the like by output_id(). An output that is not in here begins anew.
using ResumePoints = std::map<std::uint64_t, std::vector<std::uint64_t>>;

// Of everything that makes an output write the same bytes to the same place (FNV-1a). Never 0.
inline std::uint64_t output_id(std::string_view name)
{
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : name)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return hash ? hash : 1;
}

} // namespace flowxdp
