// SPDX-License-Identifier: BSD-2-Clause
// egress_hook.h - the sensor's program for leaving frames on one interface: a tcx link where the kernel has it (6.6),
// else a filter of the clsact qdisc (6.1).
//
// Both outlive a killed daemon: the link by its pin, the filter by the qdisc. Other programs at the hook still run,
// because ours returns TC_ACT_UNSPEC.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace flowxdp {

class EgressHook {
  public:
    // Attaches a program and pins its link, if it has one, at `pin`. Error names the interface and the reason.
    static Result<EgressHook> attach(int program_fd, unsigned interface_index, const std::string& interface,
                                     const std::string& pin);
    // What a predecessor attached. Error: it is gone.
    static Result<EgressHook> adopt(int program_fd, unsigned interface_index, const std::string& interface,
                                    const std::string& pin);

    [[nodiscard]] bool attached() const;
    [[nodiscard]] unsigned interface_index() const { return index_; }
    [[nodiscard]] bool is_tcx() const { return static_cast<bool>(link_); }
    // When this returns, no further frames are counted, except those in flight.
    Result<void> detach();

  private:
    EgressHook(unsigned interface_index, std::string interface, std::uint32_t program_id)
        : index_(interface_index), interface_(std::move(interface)), program_id_(program_id)
    {
    }
    [[nodiscard]] std::uint32_t filter_program() const;

    unsigned index_;
    std::string interface_;
    std::uint32_t program_id_;
    UniqueFd link_; // none: a clsact filter
    bool made_qdisc_ = false;
};

} // namespace flowxdp
