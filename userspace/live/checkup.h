// SPDX-License-Identifier: BSD-2-Clause
// checkup.h - checks whether a sensor will work here, for `flowxdp doctor`. Each check tries something or reads what
// the kernel says; its finding comes with advice on what to do.
#pragma once

#include <string>
#include <vector>

#include "engine.h"

namespace flowxdp {

enum class Verdict { kOk, kWarning, kFailure };

struct Finding {
    Verdict verdict;
    std::string check;  // "bpffs"
    std::string detail; // what was found
    std::string advice; // what to do; empty when there is nothing
};

// Kernel, rights, BPF file system, the shipped program itself (loaded, not attached), clock. bpf_object: path of the
// bundle's flowxdp.bpf.o.
std::vector<Finding> check_machine(const bundle_descriptor& bundle, const std::string& bpf_object);
// Driver, XDP support, MTU, offloads, other programs. Nothing is attached or changed.
std::vector<Finding> check_interface(const std::string& name);
// Room for the files of an output prefix; "" = the working folder.
Finding check_disk(const std::string& output_prefix);

} // namespace flowxdp
