// SPDX-License-Identifier: BSD-2-Clause
// visits.h - user space's side of visits.bpf.h: says whose packets come.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include <bpf/libbpf.h>

#include "flows/visits_shape.h"

namespace flowxdp::bench {

class Visits {
  public:
    // A loaded object that includes visits.bpf.h. Throws std::runtime_error.
    explicit Visits(const bpf_object* object);
    ~Visits();
    Visits(const Visits&) = delete;
    Visits& operator=(const Visits&) = delete;

    // Fills the table of known flows, which begins anew.
    void set_order(const std::function<void(std::span<std::uint32_t>)>& fill);
    // New flows are first, first + 1, ...
    void begin_new(std::uint32_t first) { turn_->born = first; }

  private:
    visits_order* order_ = nullptr;
    visits_turn* turn_ = nullptr;
};

} // namespace flowxdp::bench
