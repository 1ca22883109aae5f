// SPDX-License-Identifier: BSD-2-Clause
// record_layout.h - a number for the layout of everything a BPF object shares with user space: records, slots,
// counters, options. Two objects with one number can read each other's records and pins.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

struct btf;

namespace flowxdp {

// FNV-1a over names, offsets and sizes of everything in union bundle_layout (bpf/bundle_layout.bpf.h), nested fields
// included. Error: this is not the type information of a bundle.
Result<std::uint64_t> record_layout_id(const btf* types);
// The same for an object file; its path is in the error.
Result<std::uint64_t> record_layout_id_of(const std::string& object);
// bundle_layout_id.h, which a bundle's library includes.
std::string layout_id_text(std::uint64_t id);

} // namespace flowxdp
