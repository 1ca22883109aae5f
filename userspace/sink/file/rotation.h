// SPDX-License-Identifier: BSD-2-Clause
// rotation.h - when an output file is finished and the next one begins, and what a finished one is called.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/result.h"
#include "flowxdp/option.hpp"

namespace flowxdp {

// Options of a sink that writes files. The program gives --rotate and --exec-after to every sink that has them.
template <typename Base>
struct WithRotation : Base {
    TextOption rotate{this, "rotate", "",
                      "finish a file at a time, a size or so many rows, and begin the next: 1h, 500M, 100000f, or "
                      "several with a slash between, 1h/500M. --rotate sets it"};
    TextOption stamp{this, "stamp", "_%Y%m%dT%H%M%SZ",
                     "what the name of a finished file has before its ending: the time of its first row, UTC, by %Y "
                     "%m %d %H %M %S %j"};
    TextOption exec_after{this, "exec_after", "",
                          "command for each finished file, whose name is the last word. --exec-after sets it"};
};
using RotationOptions = WithRotation<OptionSet>;

// The limits of one file. 0 = no such limit.
struct Rotation {
    std::uint64_t bytes = 0; // before compression
    std::uint64_t rows = 0;
    std::int64_t period_ns = 0; // a file ends at multiples of it since 1970
    std::string stamp;          // strftime's conversions, of those that are allowed
    std::string command;        // of --exec-after; empty = none

    [[nodiscard]] bool rotates() const { return bytes || rows || period_ns; }
    // Whether a file with so much in it, whose first row has the time first_ns, is finished at now_ns.
    [[nodiscard]] bool is_due(std::uint64_t file_bytes, std::uint64_t file_rows, std::int64_t first_ns,
                              std::int64_t now_ns) const;
};

// limits: "1h", "500M", "100000f" with slashes between. A lower-case m is minutes. command needs limits.
Result<Rotation> parse_rotation(std::string_view limits, std::string_view stamp, std::string_view command);
// Those options' values. Throws std::invalid_argument with the error: for constructors of sinks.
template <typename Base>
Rotation rotation_of(const WithRotation<Base>& options, const OptionValues& values)
{
    auto rotation = parse_rotation(values[options.rotate], values[options.stamp], values[options.exec_after]);
    if (!rotation.ok())
        throw std::invalid_argument(rotation.error().message);
    return rotation.take();
}

// The name of a finished file: stamp is put before the ending of path, which may have .gz or .zst after it. again:
// above 0 it follows the stamp, for one that has the same time as another.
std::string finished_name(const std::string& path, const std::string& stamp, std::int64_t first_ns, unsigned again);

// The part of a path before its ending, in bytes: "a.b/x_flows.txt.gz" -> that of "a.b/x_flows".
std::size_t stem_length(const std::string& path);

} // namespace flowxdp
