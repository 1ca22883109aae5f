// SPDX-License-Identifier: BSD-2-Clause
// interface_directory.h - what the interface ids in rows are called.
//
// The reader of the input fills it, sinks ask on their threads: replay names an interface when its first packet is read
// (pcapng's if_name, else the file), live all of them before the first packet.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace flowxdp {

class InterfaceDirectory {
  public:
    // The first name of an id stays: with several files or sections the one that had packets first.
    void name(std::uint32_t id, const std::string& name)
    {
        const std::lock_guard lock(mutex_);
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
