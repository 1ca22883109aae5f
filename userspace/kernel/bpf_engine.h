// SPDX-License-Identifier: BSD-2-Clause
// bpf_engine.h - replay through the kernel's program: each packet runs through the shipped BPF object by test-run, with
// the capture's clock. Gives the native engine's rows byte for byte while no table is full.
#pragma once

#include <memory>
#include <string>

#include "replay/replay.h"

namespace flowxdp {

// object: path of flowxdp.bpf.o. Needs the right to load BPF. Throws StartupError.
std::unique_ptr<ReplayEngine> make_bpf_replay_engine(const bundle_descriptor& bundle, const std::string& object,
                                                     const engine_options& options);

} // namespace flowxdp
