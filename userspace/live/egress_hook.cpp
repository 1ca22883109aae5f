// SPDX-License-Identifier: BSD-2-Clause
#include "live/egress_hook.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "kernel/pin.h"

namespace flowxdp {
namespace {

// BPF_TCX_EGRESS of kernel 6.6; the headers of Debian 12 are older.
constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);
// Handle and priority of our filter at a hook. 0xf10d: unlikely to be another program's.
constexpr std::uint32_t kHandle = 1, kPriority = 0xf10d;

std::uint32_t id_of(int program_fd)
{
    bpf_prog_info info{};
    __u32 size = sizeof info;
    return bpf_obj_get_info_by_fd(program_fd, &info, &size) ? 0 : info.id;
}

bpf_tc_hook hook_of(unsigned index)
{
    bpf_tc_hook hook{};
    hook.sz = sizeof hook;
    hook.ifindex = static_cast<int>(index);
    hook.attach_point = BPF_TC_EGRESS;
    return hook;
}

bpf_tc_opts filter_of(int program_fd)
{
    bpf_tc_opts options{};
    options.sz = sizeof options;
    options.handle = kHandle;
    options.priority = kPriority;
    options.prog_fd = program_fd;
    return options;
}

// Does the clsact qdisc hold any filter? True when it cannot be known.
bool has_filters(unsigned index, std::uint32_t parent_minor)
{
    const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    struct {
        nlmsghdr header;
        tcmsg body;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_GETTFILTER;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.tcm_family = AF_UNSPEC;
    request.body.tcm_ifindex = static_cast<int>(index);
    request.body.tcm_parent = TC_H_MAKE(TC_H_CLSACT, parent_minor);
    if (!socket || send(socket.get(), &request, sizeof request, 0) < 0)
        return true;
    std::array<char, 65536> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): written before read
    const ssize_t bytes = recv(socket.get(), buffer.data(), buffer.size(), 0);
    nlmsghdr first{};
    if (bytes < static_cast<ssize_t>(sizeof first))
        return true;
    std::memcpy(&first, buffer.data(), sizeof first);
    return first.nlmsg_type != NLMSG_DONE;
}

} // namespace

Result<EgressHook> EgressHook::attach(int program_fd, unsigned interface_index, const std::string& interface,
                                      const std::string& pin)
{
    EgressHook hook(interface_index, interface, id_of(program_fd));
    hook.link_ = UniqueFd(bpf_link_create(program_fd, static_cast<int>(interface_index), kTcxEgress, nullptr));
    if (hook.link_) {
        if (!make_pin(hook.link_.get(), pin))
            return Error{fmt::format("cannot pin '{}': {}", pin, std::strerror(errno))};
        return hook;
    }
    const int no_tcx = errno;
    bpf_tc_hook tc = hook_of(interface_index);
    const int made = bpf_tc_hook_create(&tc);
    bpf_tc_opts filter = filter_of(program_fd);
    const int error = made && made != -EEXIST ? made : bpf_tc_attach(&tc, &filter);
    hook.made_qdisc_ = !made;
    if (!error)
        return hook;
    if (error == -EEXIST)
        return Error{fmt::format("cannot watch what '{}' sends: its egress hook has a filter of priority {} already; "
                                 "remove it: tc filter del dev {} egress prio {}",
                                 interface, kPriority, interface, kPriority)};
    return Error{fmt::format("cannot watch what '{}' sends: no tcx link ({}), no clsact filter ({}); the kernel needs "
                             "tcx (6.6) or its modules sch_ingress and cls_bpf",
                             interface, std::strerror(no_tcx), std::strerror(-error))};
}

Result<EgressHook> EgressHook::adopt(int program_fd, unsigned interface_index, const std::string& interface,
                                     const std::string& pin)
{
    EgressHook hook(interface_index, interface, id_of(program_fd));
    hook.link_ = open_pin(pin);
    if (hook.link_ || hook.filter_program() == hook.program_id_)
        return hook;
    return Error{
        fmt::format("the egress program of '{}' is gone; 'flowxdp detach {}' removes the rest", interface, interface)};
}

std::uint32_t EgressHook::filter_program() const
{
    const bpf_tc_hook tc = hook_of(index_);
    bpf_tc_opts filter = filter_of(0);
    return bpf_tc_query(&tc, &filter) ? 0 : filter.prog_id;
}

bool EgressHook::attached() const
{
    if (!link_)
        return filter_program() == program_id_;
    bpf_link_info info{};
    __u32 size = sizeof info;
    // tcx.ifindex has the offset of xdp.ifindex; 0 when the interface is gone.
    return !bpf_obj_get_info_by_fd(link_.get(), &info, &size) && info.xdp.ifindex;
}

Result<void> EgressHook::detach()
{
    if (link_) {
        bpf_link_detach(link_.get());
        link_.reset();
        return {};
    }
    if (filter_program() != program_id_)
        return {}; // the interface is gone, or somebody has removed it already
    bpf_tc_hook tc = hook_of(index_);
    bpf_tc_opts filter = filter_of(0);
    if (const int error = bpf_tc_detach(&tc, &filter); error)
        return Error{fmt::format("cannot remove the egress program of '{}': {}; tc filter del dev {} egress prio {}",
                                 interface_, std::strerror(-error), interface_, kPriority)};
    // Remove the qdisc if we made it and nobody uses it by now.
    if (made_qdisc_ && !has_filters(index_, TC_H_MIN_INGRESS) && !has_filters(index_, TC_H_MIN_EGRESS)) {
        tc.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
        bpf_tc_hook_destroy(&tc);
    }
    return {};
}

} // namespace flowxdp
