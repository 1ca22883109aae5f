// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/filter_patch.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace flowxdp {
namespace {

// Functions of frame_filter.bpf.h, and the context of each one's filter.
struct Place {
    const char* function;
    FilterContext context;
};
constexpr Place kReceived = {"frame_filter", FilterContext::kXdp};
constexpr Place kLeaving = {"leaving_filter", FilterContext::kLeaving};

struct Section {
    const char* name;
    bpf_prog_type type;
    bpf_attach_type attach;
    std::uint32_t flags; // flags that libbpf's own handler of the section would add
};
constexpr Section kSections[] = {
    {"xdp.frags", BPF_PROG_TYPE_XDP, BPF_XDP, BPF_F_XDP_HAS_FRAGS},
    {"tc", BPF_PROG_TYPE_SCHED_CLS, static_cast<bpf_attach_type>(0), 0},
};

// libbpf up to 1.2 (Debian's 1.1.2): "realloc(): invalid pointer" at the next registration, because unregistering the
// last handler frees the list and keeps the pointer; a handler that no program uses keeps the list alive.
void keep_handler_list()
{
    static const int kept =
        libbpf_register_prog_handler("flowxdp/none", BPF_PROG_TYPE_UNSPEC, static_cast<bpf_attach_type>(0), nullptr);
    (void)kept;
}

// The kernel's BTF records may be longer than the struct here; fields added at their end are ignored.
template <typename T>
std::vector<T> records(const void* data, std::uint32_t count, std::uint32_t size)
{
    std::vector<T> out(count);
    for (std::uint32_t i = 0; i < count; i++)
        std::memcpy(&out[i], static_cast<const char*>(data) + static_cast<std::size_t>(i) * size, sizeof(T));
    return out;
}

} // namespace

FilterPatch::FilterPatch(const FrameFilter& filter) : filter_(filter)
{
    keep_handler_list();
    for (const Section& section : kSections) {
        libbpf_prog_handler_opts options{};
        options.sz = sizeof options;
        options.cookie = reinterpret_cast<long>(this);
        options.prog_prepare_load_fn = prepare;
        const int id = libbpf_register_prog_handler(section.name, section.type, section.attach, &options);
        if (id < 0)
            throw StartupError(fmt::format("cannot put the filter into section '{}' of the BPF object: {}",
                                           section.name, std::strerror(-id)));
        handlers_.push_back(id);
    }
}

FilterPatch::~FilterPatch()
{
    for (const int id : handlers_)
        libbpf_unregister_prog_handler(id);
}

int FilterPatch::prepare(bpf_program* program, bpf_prog_load_opts* options, long cookie)
{
    auto* self = reinterpret_cast<FilterPatch*>(cookie);
    // As an extension of a dispatcher the program is no XDP program: the dispatcher has the flags.
    for (const Section& section : kSections)
        if (std::string_view(bpf_program__section_name(program)) == section.name &&
            bpf_program__type(program) == section.type)
            options->prog_flags |= section.flags;
    return self->patch(program, options);
}

int FilterPatch::patch(bpf_program* program, bpf_prog_load_opts* options)
{
    const Place& place = bpf_program__type(program) == BPF_PROG_TYPE_SCHED_CLS ? kLeaving : kReceived;
    const int type_id = btf__find_by_name_kind(bpf_object__btf(object_), place.function, BTF_KIND_FUNC);
    if (type_id < 0 || !options->func_info || options->func_info_rec_size < sizeof(bpf_func_info)) {
        problem_ = "the BPF object or the kernel has no BTF of functions: the place of the filter cannot be found";
        return -ENOENT;
    }
    auto body = translate_filter(filter_.program, place.context);
    if (!body) {
        problem_ = body.error().message;
        return -EINVAL;
    }
    ProgramCode code;
    code.instructions.assign(bpf_program__insns(program), bpf_program__insns(program) + bpf_program__insn_cnt(program));
    code.functions = records<bpf_func_info>(options->func_info, options->func_info_cnt, options->func_info_rec_size);
    if (options->line_info && options->line_info_rec_size >= sizeof(bpf_line_info))
        code.lines = records<bpf_line_info>(options->line_info, options->line_info_cnt, options->line_info_rec_size);
    auto replaced = replace_function(&code, static_cast<std::uint32_t>(type_id), body.value());
    if (!replaced) {
        problem_ = replaced.error().message;
        return -EINVAL;
    }
    if (!replaced.value())
        return 0; // this program has no filter function
    if (const int error = bpf_program__set_insns(program, code.instructions.data(), code.instructions.size()); error) {
        problem_ = fmt::format("cannot set the program's instructions: {}", std::strerror(-error));
        return error;
    }
    const ProgramCode& kept = patched_.emplace_back(std::move(code));
    options->func_info = kept.functions.data();
    options->func_info_cnt = static_cast<std::uint32_t>(kept.functions.size());
    options->func_info_rec_size = sizeof(bpf_func_info);
    options->line_info = kept.lines.data();
    options->line_info_cnt = static_cast<std::uint32_t>(kept.lines.size());
    options->line_info_rec_size = sizeof(bpf_line_info);
    return 0;
}

} // namespace flowxdp
