// SPDX-License-Identifier: BSD-2-Clause
// The kernel's answers to own_traffic.h, by rtnetlink. Not by /sys: that shows the namespace it was mounted in.
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <span>

#include <fmt/format.h>

#include "core/unique_fd.h"
#include "live/own_traffic.h"

namespace flowxdp {
namespace {

using Bytes = std::span<const std::byte>;
using EachMessage = std::function<void(Bytes body)>;

// Calls each(type, value) for the attributes after a message's fixed part.
void each_attribute(Bytes bytes, const std::function<void(unsigned type, Bytes value)>& each)
{
    while (bytes.size() >= sizeof(rtattr)) {
        rtattr head{};
        std::memcpy(&head, bytes.data(), sizeof head);
        if (head.rta_len < sizeof head || head.rta_len > bytes.size())
            return;
        each(head.rta_type & NLA_TYPE_MASK, bytes.subspan(sizeof head, head.rta_len - sizeof head));
        bytes = bytes.subspan(std::min<std::size_t>(RTA_ALIGN(head.rta_len), bytes.size()));
    }
}

std::uint32_t number(Bytes value)
{
    std::uint32_t n = 0;
    if (value.size() >= sizeof n)
        std::memcpy(&n, value.data(), sizeof n);
    return n;
}

std::string text(Bytes value)
{
    const std::string whole(reinterpret_cast<const char*>(value.data()), value.size());
    return whole.substr(0, whole.find('\0'));
}

// Requests a list and passes on each message of the answer without its netlink header. request begins with room for
// one.
Result<void> ask(std::span<std::byte> request, std::uint16_t type, std::uint16_t answer_type, const EachMessage& each)
{
    auto failed = [type](int error) {
        return Error{
            fmt::format("cannot ask the kernel for its network devices (request {}): {}", type, std::strerror(error))};
    };
    const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    const int one = 1;
    // Strict: the kernel checks the request's fields for routes and sends only those that match.
    if (!socket || setsockopt(socket.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof one))
        return failed(errno);
    nlmsghdr head{};
    head.nlmsg_len = static_cast<std::uint32_t>(request.size());
    head.nlmsg_type = type;
    head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    std::memcpy(request.data(), &head, sizeof head);
    if (send(socket.get(), request.data(), request.size(), 0) < 0)
        return failed(errno);
    std::vector<std::byte> buffer(1u << 18); // a device with many virtual functions has a long message
    for (;;) {
        const ssize_t got = recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return failed(got ? errno : ECONNRESET);
        Bytes rest(buffer.data(), static_cast<std::size_t>(got));
        while (rest.size() >= sizeof head) {
            std::memcpy(&head, rest.data(), sizeof head);
            if (head.nlmsg_len < sizeof head || head.nlmsg_len > rest.size())
                return failed(EBADMSG);
            const Bytes body = rest.subspan(sizeof head, head.nlmsg_len - sizeof head);
            if (head.nlmsg_type == NLMSG_DONE)
                return {};
            if (head.nlmsg_type == NLMSG_ERROR)
                return failed(-static_cast<int>(number(body)));
            if (head.nlmsg_type == answer_type)
                each(body);
            rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(head.nlmsg_len), rest.size()));
        }
    }
}

// "1" in /proc/sys/net/FAMILY/conf/NAME/forwarding, which shows the namespace of the process that opens it.
bool forwards(const char* family, const std::string& name)
{
    std::ifstream file(fmt::format("/proc/sys/net/{}/conf/{}/forwarding", family, name));
    int value = 0;
    return file >> value && value;
}

Result<void> read_devices(std::vector<NetworkDevice>* all)
{
    struct {
        nlmsghdr head;
        ifinfomsg body;
    } request{};
    return ask(std::as_writable_bytes(std::span(&request, 1)), RTM_GETLINK, RTM_NEWLINK, [all](Bytes message) {
        ifinfomsg fixed{};
        if (message.size() < sizeof fixed)
            return;
        std::memcpy(&fixed, message.data(), sizeof fixed);
        NetworkDevice device;
        bool elsewhere = false;
        device.index = static_cast<unsigned>(fixed.ifi_index);
        device.loopback = (fixed.ifi_flags & IFF_LOOPBACK) != 0;
        each_attribute(message.subspan(NLMSG_ALIGN(sizeof fixed)), [&](unsigned type, Bytes value) {
            if (type == IFLA_IFNAME)
                device.name = text(value);
            else if (type == IFLA_MASTER)
                device.master = number(value);
            else if (type == IFLA_LINK)
                device.below = number(value);
            else if (type == IFLA_LINK_NETNSID)
                elsewhere = true;
            else if (type == IFLA_LINKINFO)
                each_attribute(value, [&device](unsigned inner, Bytes kind) {
                    if (inner == IFLA_INFO_KIND)
                        device.kind = text(kind);
                });
        });
        if (elsewhere || device.kind == "veth") // a veth's is its other end
            device.below = 0;
        device.forwards = forwards("ipv4", device.name) || forwards("ipv6", device.name);
        all->push_back(std::move(device));
    });
}

Result<void> read_addresses(std::vector<NetworkDevice>* all)
{
    struct {
        nlmsghdr head;
        ifaddrmsg body;
    } request{};
    return ask(std::as_writable_bytes(std::span(&request, 1)), RTM_GETADDR, RTM_NEWADDR, [all](Bytes message) {
        ifaddrmsg fixed{};
        if (message.size() < sizeof fixed)
            return;
        std::memcpy(&fixed, message.data(), sizeof fixed);
        Bytes address, local;
        each_attribute(message.subspan(NLMSG_ALIGN(sizeof fixed)), [&](unsigned type, Bytes value) {
            if (type == IFA_LOCAL)
                local = value;
            else if (type == IFA_ADDRESS)
                address = value;
        });
        if (!local.empty()) // IPv4; on a point-to-point link the other one is the peer's
            address = local;
        const std::size_t wanted = fixed.ifa_family == AF_INET ? 4 : fixed.ifa_family == AF_INET6 ? 16 : 0;
        if (!wanted || address.size() < wanted)
            return;
        std::array<unsigned char, 16> a{};
        std::memcpy(a.data(), address.data(), wanted);
        // RFC 3927 and RFC 4291 2.5.6
        const bool link_local = wanted == 4 ? a[0] == 169 && a[1] == 254 : a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
        std::array<char, INET6_ADDRSTRLEN> printed{};
        for (NetworkDevice& device : *all) {
            if (device.index != fixed.ifa_index)
                continue;
            if (link_local)
                device.has_link_local = true;
            else if (device.address.empty())
                device.address = inet_ntop(fixed.ifa_family, a.data(), printed.data(), printed.size());
        }
    });
}

// Unicast routes through one device, except those to its own link and to groups, which the kernel gives every IPv6
// interface.
Result<void> read_routes(int family, NetworkDevice* device)
{
    struct {
        nlmsghdr head;
        rtmsg body;
        rtattr out_head;
        std::uint32_t out;
    } request{};
    request.body.rtm_family = static_cast<unsigned char>(family);
    request.body.rtm_type = RTN_UNICAST;
    request.out_head.rta_type = RTA_OIF;
    request.out_head.rta_len = RTA_LENGTH(sizeof request.out);
    request.out = device->index;
    return ask(std::as_writable_bytes(std::span(&request, 1)), RTM_GETROUTE, RTM_NEWROUTE,
               [family, device](Bytes message) {
                   rtmsg fixed{};
                   if (message.size() < sizeof fixed)
                       return;
                   std::memcpy(&fixed, message.data(), sizeof fixed);
                   std::array<unsigned char, 16> to{};
                   each_attribute(message.subspan(NLMSG_ALIGN(sizeof fixed)), [&to](unsigned type, Bytes value) {
                       if (type == RTA_DST)
                           std::memcpy(to.data(), value.data(), std::min(value.size(), to.size()));
                   });
                   if (fixed.rtm_family != family || (fixed.rtm_flags & RTM_F_CLONED))
                       return;
                   const bool own_link = family == AF_INET ? (to[0] == 169 && to[1] == 254) || (to[0] & 0xf0) == 0xe0
                                                           : to[0] == 0xff || (to[0] == 0xfe && (to[1] & 0xc0) == 0x80);
                   device->is_routed = device->is_routed || !own_link;
               });
}

} // namespace

Result<std::vector<NetworkDevice>> read_network_devices()
{
    std::vector<NetworkDevice> all;
    for (const auto& read : {read_devices, read_addresses})
        if (auto done = read(&all); !done.ok())
            return done.error();
    for (NetworkDevice& device : all)
        for (const int family : {AF_INET, AF_INET6})
            if (device.address.empty() && !device.loopback) // else the answer is known
                if (auto done = read_routes(family, &device); !done.ok() && if_nametoindex(device.name.c_str()))
                    return done.error();
    return all;
}

} // namespace flowxdp
