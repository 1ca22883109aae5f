// SPDX-License-Identifier: BSD-2-Clause
#include "bpf/filter_probe.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bpf/sensor_bench.h"
#include "flowxdp/packet.h"
#include "kernel/filter_patch.h"

namespace flowxdp::test {
namespace {

std::string probe_object()
{
    const char* build = std::getenv("FLOWXDP_BUILD_DIR"); // NOLINT(concurrency-mt-unsafe): before any thread
    return std::string(build ? build : "build/release") + "/lib/tests/filter_probe.bpf.o";
}

} // namespace

FilterProbe::FilterProbe(const FrameFilter& filter)
{
    libbpf_set_print(nullptr);
    const FrameFilter none;
    FilterPatch patch(filter, none);
    object_.reset(bpf_object__open_file(probe_object().c_str(), nullptr));
    if (!object_)
        throw StartupError("cannot open " + probe_object());
    patch.use(object_.get());
    std::vector<char> log(1u << 20);
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object_.get()) bpf_program__set_log_buf(program, log.data(), log.size());
    if (bpf_object__load(object_.get())) {
        const std::string text = log.data();
        throw StartupError(patch.problem() + text.substr(text.size() > 1500 ? text.size() - 1500 : 0));
    }
    if (patch.programs() != 2)
        throw StartupError("the filter is not in both programs");
    xdp_ = bpf_program__fd(bpf_object__find_program_by_name(object_.get(), "filter_probe_xdp"));
    leaving_ = bpf_program__fd(bpf_object__find_program_by_name(object_.get(), "filter_probe_leaving"));
    head_ = bpf_object__find_map_fd_by_name(object_.get(), "head");
}

int FilterProbe::matches_xdp(std::span<const std::uint8_t> frame, std::uint32_t wire_len, std::uint32_t cap_len) const
{
    const std::uint32_t lengths[] = {wire_len, cap_len};
    std::vector<std::uint8_t> input(sizeof lengths + frame.size());
    std::memcpy(input.data(), lengths, sizeof lengths);
    std::memcpy(input.data() + sizeof lengths, frame.data(), frame.size());
    xdp_md context{};
    context.data = sizeof lengths;
    context.data_end = static_cast<__u32>(input.size());
    bpf_test_run_opts run{};
    run.sz = sizeof run;
    run.data_in = input.data();
    run.data_size_in = static_cast<__u32>(input.size());
    run.ctx_in = &context;
    run.ctx_size_in = sizeof context;
    run.repeat = 1;
    if (bpf_prog_test_run_opts(xdp_, &run) || (run.retval != XDP_PASS && run.retval != XDP_DROP))
        return -1;
    return run.retval == XDP_PASS;
}

int FilterProbe::matches_leaving(std::span<const std::uint8_t> frame, std::uint32_t wire_len, std::uint32_t cap_len,
                                 std::uint32_t begins) const
{
    std::array<std::uint8_t, LEAVING_HEAD_BYTES> head{};
    std::ranges::copy(frame.first(std::min(frame.size(), head.size())), head.begin());
    const __u32 zero = 0;
    if (bpf_map_update_elem(head_, &zero, head.data(), BPF_ANY))
        return -1;
    // The head is not read from the buffer: something else stands there.
    std::vector<std::uint8_t> buffer(begins + frame.size(), 0xee);
    if (frame.size() > head.size())
        std::ranges::copy(frame.subspan(head.size()),
                          buffer.begin() + begins + static_cast<std::ptrdiff_t>(head.size()));
    __sk_buff context{};
    context.mark = wire_len;
    context.priority = cap_len;
    context.cb[0] = begins;
    return run_buffer(leaving_, buffer, context).value_or(-1);
}

} // namespace flowxdp::test
