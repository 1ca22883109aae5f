// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/filter_patch.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include <cerrno>
#include <cstring>
#include <tuple>

#include <fmt/format.h>

namespace flowxdp {
namespace {

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

FilterPatch::FilterPatch(const FrameFilter& counted, const FrameFilter& extracted)
    : counted_(counted), extracted_(extracted)
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

Result<bool> FilterPatch::put(const FrameFilter& filter, const char* function, FilterContext context, ProgramCode* code)
{
    if (filter.empty())
        return false;
    const int type_id = btf__find_by_name_kind(bpf_object__btf(object_), function, BTF_KIND_FUNC);
    if (type_id < 0)
        return Error{"the BPF object has no BTF of functions: the place of the filter cannot be found"};
    auto body = translate_filter(filter.program, context);
    if (!body)
        return body.error();
    return replace_function(code, static_cast<std::uint32_t>(type_id), body.value());
}

int FilterPatch::patch(bpf_program* program, bpf_prog_load_opts* options)
{
    if (!options->func_info || options->func_info_rec_size < sizeof(bpf_func_info)) {
        problem_ = "the kernel has no BTF of functions: the place of the filter cannot be found";
        return -ENOENT;
    }
    ProgramCode code;
    code.instructions.assign(bpf_program__insns(program), bpf_program__insns(program) + bpf_program__insn_cnt(program));
    code.functions = records<bpf_func_info>(options->func_info, options->func_info_cnt, options->func_info_rec_size);
    if (options->line_info && options->line_info_rec_size >= sizeof(bpf_line_info))
        code.lines = records<bpf_line_info>(options->line_info, options->line_info_cnt, options->line_info_rec_size);
    const bool leaves = bpf_program__type(program) == BPF_PROG_TYPE_SCHED_CLS;
    bool changed = false;
    // Functions of frame_filter.bpf.h. Leaving frames are not extracted.
    for (const auto& [filter, function, context] : {std::tuple{&counted_, leaves ? "leaving_filter" : "frame_filter",
                                                               leaves ? FilterContext::kLeaving : FilterContext::kXdp},
                                                    {&extracted_, "extract_filter", FilterContext::kXdp}}) {
        const auto replaced = put(*filter, function, context, &code);
        if (!replaced) {
            problem_ = replaced.error().message;
            return -EINVAL;
        }
        changed = changed || replaced.value();
    }
    if (!changed)
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
