// SPDX-License-Identifier: BSD-2-Clause
// half_list.h - which kernel halves a bundle has, as the header plugin_list.h that its source includes.
#pragma once

#include <span>
#include <string>

namespace flowxdp {

// names: plugins with a NAME/NAME.bpf.h, in order of their numbers. What a half has beside its state (cold state,
// packet state, need) it says by a macro; the preprocessor finds out.
std::string half_list_text(std::span<const std::string> names);

} // namespace flowxdp
