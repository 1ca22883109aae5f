// SPDX-License-Identifier: BSD-2-Clause
// filter_patch.h - puts a filter into the programs of a BPF object while libbpf loads it.
//
// libbpf calls the section's handler when it has relocated a program and is about to load it. There the program's
// function of frame_filter.bpf.h gets the translated filter as its body. Earlier, libbpf would relocate its own calls
// over ours; later, nothing can be changed. Handlers belong to the process and are looked up when an object is opened:
// make the patch, open, use(), load, destroy the patch. One at a time (libbpf_register_prog_handler has no lock).
#pragma once

#include <deque>
#include <string>
#include <vector>

#include <bpf/libbpf.h>

#include "kernel/filter_program.h"
#include "kernel/program_splice.h"

struct bpf_prog_load_opts;

namespace flowxdp {

class FilterPatch {
  public:
    // Registers the handlers. Throws StartupError when libbpf refuses. The filter must outlive this.
    explicit FilterPatch(const FrameFilter& filter);
    ~FilterPatch();
    FilterPatch(const FilterPatch&) = delete;
    FilterPatch& operator=(const FilterPatch&) = delete;

    // The object that was opened and will be loaded.
    void use(bpf_object* object) { object_ = object; }
    // Programs that got the filter so far.
    [[nodiscard]] unsigned programs() const { return static_cast<unsigned>(patched_.size()); }
    // Why a handler refused, empty when none did.
    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    static int prepare(bpf_program* program, bpf_prog_load_opts* options, long cookie);
    int patch(bpf_program* program, bpf_prog_load_opts* options);

    const FrameFilter& filter_;
    bpf_object* object_ = nullptr;
    std::vector<int> handlers_;
    std::deque<ProgramCode> patched_; // libbpf reads the BTF records until the load is over
    std::string problem_;
};

} // namespace flowxdp
