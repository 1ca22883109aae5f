// SPDX-License-Identifier: BSD-2-Clause
// filter_patch.h - puts filters into the programs of a BPF object while libbpf loads it.
//
// libbpf calls the section's handler when it has relocated a program and is about to load it. There the program's
// functions of frame_filter.bpf.h get the translated filters as their bodies. Earlier, libbpf would relocate its own
// calls over ours; later, nothing can be changed. Handlers belong to the process and are looked up when an object is
// opened: make the patch, open, use(), load, destroy the patch. One at a time (libbpf_register_prog_handler has no
// lock).
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
    // counted: frames that do not match are only counted; extracted: of -e matching. An empty one leaves its function
    // as it is. Registers the handlers. Throws StartupError when libbpf refuses. The filters must outlive this.
    FilterPatch(const FrameFilter& counted, const FrameFilter& extracted);
    ~FilterPatch();
    FilterPatch(const FilterPatch&) = delete;
    FilterPatch& operator=(const FilterPatch&) = delete;

    // The object that was opened and will be loaded.
    void use(bpf_object* object) { object_ = object; }
    // Programs that got a filter so far.
    [[nodiscard]] unsigned programs() const { return static_cast<unsigned>(patched_.size()); }
    // Why a handler refused, empty when none did.
    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    static int prepare(bpf_program* program, bpf_prog_load_opts* options, long cookie);
    int patch(bpf_program* program, bpf_prog_load_opts* options);
    // Puts a filter into a function of the code. False: the code has no such function.
    Result<bool> put(const FrameFilter& filter, const char* function, FilterContext context, ProgramCode* code);

    const FrameFilter& counted_;
    const FrameFilter& extracted_;
    bpf_object* object_ = nullptr;
    std::vector<int> handlers_;
    std::deque<ProgramCode> patched_; // libbpf reads the BTF records until the load is over
    std::string problem_;
};

} // namespace flowxdp
