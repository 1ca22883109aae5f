// SPDX-License-Identifier: BSD-2-Clause
// interface_directory.h - the names of the interface ids in rows.
//
// The reader of the input fills it; sinks read it on their threads. Replay names an interface at its first packet
// (pcapng's if_name, else the file), live runs name all before the first packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace flowxdp {

class InterfaceDirectory {
  public:
    // A capture may have any number of ids and names; ids after so many get no name.
    static constexpr std::size_t kMaxNames = 65536;

    // An id keeps its first name: with several files or sections the one that had packets first.
    void name(std::uint32_t id, const std::string& name)
    {
        const std::lock_guard lock(mutex_);
        if (names_.size() < kMaxNames)
            names_.try_emplace(id, name);
    }
    [[nodiscard]] std::optional<std::string> find(std::uint32_t id) const
    {
        const std::lock_guard lock(mutex_);
        const auto found = names_.find(id);
        return found == names_.end() ? std::nullopt : std::optional(found->second);
    }

  private:
    mutable std::mutex mutex_;
    std::map<std::uint32_t, std::string> names_;
};

} // namespace flowxdp
