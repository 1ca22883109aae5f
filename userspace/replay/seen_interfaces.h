// SPDX-License-Identifier: BSD-2-Clause
// seen_interfaces.h - which interface ids had a packet. Ids come from the capture and may be any number of 32 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "core/interface_directory.h"

namespace flowxdp {

class SeenInterfaces {
  public:
    // True at the first call for an id. Ids from kMaxNames on are remembered up to that number of them; further ones
    // are never new.
    bool first_time(std::uint32_t id)
    {
        if (id >= InterfaceDirectory::kMaxNames)
            return large_.size() < InterfaceDirectory::kMaxNames && large_.insert(id).second;
        if (id >= small_.size())
            small_.resize(id + 1);
        const bool first = !small_[id];
        small_[id] = true;
        return first;
    }

  private:
    std::vector<bool> small_;
    std::set<std::uint32_t> large_;
};

} // namespace flowxdp
