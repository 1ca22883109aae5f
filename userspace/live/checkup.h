// SPDX-License-Identifier: BSD-2-Clause
// checkup.h - will a sensor work here? Each question is asked by trying, or by reading what the kernel says, and
// answered with what to do. For `flowxdp doctor`.
#pragma once

#include <string>
#include <vector>

namespace flowxdp {

enum class Verdict { kOk, kWarning, kFailure };

struct Finding {
    Verdict verdict;
    std::string check;  // "bpffs"
    std::string detail; // what was found
    std::string advice; // what to do; empty when there is nothing
};

// Kernel, rights, BPF file system, the shipped program itself (loaded, not attached), clock. bpf_object: path of
// flowxdp.bpf.o.
std::vector<Finding> check_machine(const std::string& bpf_object);
// Driver, XDP support, MTU, offloads, other programs. Nothing is attached or changed.
std::vector<Finding> check_interface(const std::string& name);
// Room for the files of an output prefix; "" = the working folder.
Finding check_disk(const std::string& output_prefix);

} // namespace flowxdp
