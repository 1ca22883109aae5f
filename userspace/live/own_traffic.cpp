// SPDX-License-Identifier: BSD-2-Clause
#include "live/own_traffic.h"

#include <algorithm>

#include <fmt/format.h>

namespace flowxdp {
namespace {

// Devices stand on each other a few levels deep (a VLAN on a bond on hardware). Bounded, in case the list has a loop.
constexpr int kLevels = 8;
constexpr const char* kBond = "it is a bond";

const NetworkDevice* find_device(const std::vector<NetworkDevice>& all, unsigned index)
{
    const auto found = std::ranges::find(all, index, &NetworkDevice::index);
    return found == all.end() ? nullptr : &*found;
}

bool is_bridge(const NetworkDevice& device)
{
    return device.kind == "bridge" || device.kind == "openvswitch";
}

bool is_bond(const NetworkDevice& device)
{
    return device.kind == "bond" || device.kind == "team";
}

OwnTraffic traffic_of(const std::vector<NetworkDevice>& all, const NetworkDevice& device, int levels);

// The answer by devices on top of this one that send through it.
OwnTraffic traffic_from_above(const std::vector<NetworkDevice>& all, const NetworkDevice& device, int levels)
{
    for (const NetworkDevice& above : all) {
        if (above.below != device.index || above.index == device.index)
            continue;
        if (above.kind == "macvtap" || above.kind == "ipvtap")
            return {true, false, fmt::format("a guest's '{}' stands on it", above.name)};
        if (OwnTraffic found = traffic_of(all, above, levels - 1); found.sends)
            return {true, false, fmt::format("'{}' stands on it: {}", above.name, found.reason)};
    }
    return {};
}

OwnTraffic traffic_of(const std::vector<NetworkDevice>& all, const NetworkDevice& device, int levels)
{
    if (device.loopback)
        return {false, true, "what it sends comes in again: it would be counted twice"};
    if (!device.address.empty())
        return {true, false, fmt::format("it has the address {}", device.address)};
    if (device.is_routed)
        return {true, false, "a route leads out by it"};
    if (levels <= 0)
        return {false, false, "it has no address"};
    if (OwnTraffic above = traffic_from_above(all, device, levels); above.sends)
        return above;
    if (const NetworkDevice* master = find_device(all, device.master); master && is_bridge(*master)) {
        return {true, false, fmt::format("it is a port of the bridge '{}'", master->name)};
    } else if (master && is_bond(*master)) {
        // Ask for the bond's own address: a bond of two legs of a TAP has none.
        if (OwnTraffic whole = traffic_of(all, *master, levels - 1); whole.sends && whole.reason != kBond)
            return {true, false, fmt::format("it is a part of the bond '{}': {}", master->name, whole.reason)};
        return {false, false, fmt::format("its bond '{}' has no address", master->name)};
    }
    if (is_bridge(device))
        return {true, false, "it is a bridge"};
    if (is_bond(device))
        return {true, false, kBond};
    return {false, false, device.has_link_local ? "it has no address but its link-local one" : "it has no address"};
}

// May a frame that one of them receives be sent by another? That is so for two ports of a bridge, two interfaces of a
// router, and a device with another one on top of it (VLAN).
bool pass_on(const std::vector<NetworkDevice>& all, const std::vector<const NetworkDevice*>& devices)
{
    if (devices.size() < 2)
        return false;
    for (const NetworkDevice* a : devices) {
        if (a->forwards)
            return true;
        for (const NetworkDevice* b : devices) {
            if (a == b)
                continue;
            const NetworkDevice* master = find_device(all, a->master);
            if (a->below == b->index || a->master == b->index ||
                (master && is_bridge(*master) && a->master == b->master))
                return true;
        }
    }
    return false;
}

} // namespace

OwnTraffic own_traffic(const std::vector<NetworkDevice>& all, const std::vector<unsigned>& indexes)
{
    std::vector<const NetworkDevice*> devices;
    for (const unsigned index : indexes)
        if (const NetworkDevice* device = find_device(all, index))
            devices.push_back(device);
    OwnTraffic answer{false, false, "the kernel does not list it"};
    for (const NetworkDevice* device : devices) {
        const OwnTraffic one = traffic_of(all, *device, kLevels);
        if (device->loopback && devices.size() > 1)
            return {false, true, fmt::format("what '{}' sends comes in again", device->name)};
        if (devices.size() > 1 && one.sends)
            answer = {true, false, fmt::format("'{}': {}", device->name, one.reason)};
        else if (!answer.sends)
            answer = one;
    }
    if (answer.sends && pass_on(all, devices))
        return {false, true, "a frame may come in by one of them and leave by another: it would be counted twice"};
    return answer;
}

} // namespace flowxdp
