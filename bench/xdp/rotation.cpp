// SPDX-License-Identifier: BSD-2-Clause
#include "rotation.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "bundle_loader.h"
#include "flows/tcp_segment.h"

namespace flowxdp::bench {
namespace {

std::runtime_error error(const std::string& what)
{
    return std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

} // namespace

ProgramKind ProgramKind::of(const bpf_program* program)
{
    return {bpf_program__type(program), (bpf_program__flags(program) & BPF_F_XDP_HAS_FRAGS) != 0,
            bpf_program__expected_attach_type(program)};
}

Rotation::Rotation(ProgramKind kind, std::uint8_t payload) : kind_(kind), payload_(payload)
{
    const std::string path = library_folder("") + "/../bench/rotate.bpf.o";
    object_.reset(bpf_object__open_file(path.c_str(), nullptr));
    if (!object_)
        throw error(fmt::format("cannot open '{}'", path));
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object_.get())
    {
        const bool wanted = bpf_program__type(program) == kind.type;
        bpf_program__set_autoload(program, wanted);
        if (!wanted)
            continue;
        bpf_program__set_expected_attach_type(program, kind.attach);
        if (!kind.frags)
            bpf_program__set_flags(program, bpf_program__flags(program) & ~BPF_F_XDP_HAS_FRAGS);
    }
    if (bpf_object__load(object_.get()))
        throw error(fmt::format("cannot load '{}'", path));
    visits_ = std::make_unique<Visits>(object_.get());
}

int Rotation::program(const std::string& name) const
{
    const std::string full = kind_.type == BPF_PROG_TYPE_XDP ? name : name + "_tc";
    return bpf_program__fd(bpf_object__find_program_by_name(object_.get(), full.c_str()));
}

double Rotation::run_new(int program_fd, std::uint32_t first, std::uint32_t packets)
{
    visits_->begin_new(first);
    return run("rotate_new", program_fd, packets);
}

double Rotation::run(const char* turn, int program_fd, std::uint32_t packets)
{
    const __u32 zero = 0;
    const auto fd = static_cast<__u32>(program_fd);
    if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(object_.get(), "measured"), &zero, &fd, BPF_ANY))
        throw error("the measured program cannot be called");
    std::array<std::uint8_t, 60> frame = tcp_segment(payload_);
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = frame.data();
    options.data_size_in = frame.size();
    options.repeat = static_cast<int>(packets);
    if (bpf_prog_test_run_opts(program(turn), &options))
        throw error("test-run failed");
    // Pass the packet: XDP_PASS, TC_ACT_OK, or TC_ACT_UNSPEC for the next program to decide.
    const auto answer = static_cast<int>(options.retval);
    if (kind_.type == BPF_PROG_TYPE_XDP ? answer != XDP_PASS : answer != TC_ACT_OK && answer != TC_ACT_UNSPEC)
        throw std::runtime_error(fmt::format("test-run answered {}, which does not pass the packet on", answer));
    return options.duration;
}

} // namespace flowxdp::bench
