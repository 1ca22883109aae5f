// SPDX-License-Identifier: BSD-2-Clause
// fake_kernel.h - bpf(2) and /sys/fs/bpf for one process, played by the files of a folder, and a watch over what else
// the process asks the kernel for.
//
// System calls that name files, signal processes or start programs are trapped (seccomp) and served by a signal handler
// in the same thread, libraries' calls too. A pin is a file: its name says which map, program or link it is, its bytes
// are the map's, so that mapping it works as ever. Whoever writes these files is the pins' owner.
//
// For a process that was forked for it: the filter cannot be taken away again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flowxdp::test {

class FakeKernel {
  public:
    // What maps, programs and links say of themselves.
    struct Says {
        std::uint32_t record_size = 0, capacity = 0, ring_bytes = 0, filter_bytes = 0;
        std::uint32_t link_index = 0;
    };

    // root: the folder that may be written to; root/bpf stands for /sys/fs/bpf. foreign: a folder that may not even be
    // read. Returns why it cannot be done; empty when it is.
    static std::string start(const std::string& root, const std::string& foreign);
    static Says& says();
    // A path outside of root that somebody has named to be written; writing it is refused, and no violation.
    static void expect_refused(const std::string& path);
    // A process that may be signalled beside this one; 0 = none.
    static void may_signal(int pid);
    // In a process that was forked from the one that has started it.
    static void forked();
    // What was done that may not be, since the last call.
    static std::vector<std::string> take_violations();
    // How many system calls were served: none would mean that nothing was watched.
    static std::uint64_t served();
};

} // namespace flowxdp::test
