// SPDX-License-Identifier: BSD-2-Clause
#include "flow_meter.h"

#include <fstream>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

namespace flowxdp::bench {

std::uint64_t map_memory_bytes(int map_fd)
{
    std::ifstream info(fmt::format("/proc/self/fdinfo/{}", map_fd));
    for (std::string word; info >> word;) {
        std::uint64_t bytes = 0;
        if (word == "memlock:" && info >> bytes)
            return bytes;
    }
    throw std::runtime_error("the kernel does not say how much memory a map has");
}

} // namespace flowxdp::bench
