// SPDX-License-Identifier: BSD-2-Clause
// Where a host sends and where it only listens: interfaces of machines as they are set up, by hand.
#include "live/own_traffic.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace flowxdp::test {
namespace {

// A machine's devices; index 1 is the first one added.
class Machine {
  public:
    NetworkDevice& add(const std::string& name, const std::string& kind = "")
    {
        NetworkDevice device;
        device.index = static_cast<unsigned>(devices_.size() + 1);
        device.name = name;
        device.kind = kind;
        device.has_link_local = true; // every device that is up
        devices_.push_back(device);
        return devices_.back();
    }
    [[nodiscard]] OwnTraffic ask(const std::vector<unsigned>& indexes) const { return own_traffic(devices_, indexes); }
    [[nodiscard]] bool sends(unsigned index) const { return ask({index}).sends; }

  private:
    std::vector<NetworkDevice> devices_;
};

TEST(OwnTraffic, AnAddressDecidesAndALinkLocalOneDoesNot)
{
    Machine machine;
    machine.add("eth0").address = "192.0.2.1";
    machine.add("eth1");
    EXPECT_TRUE(machine.sends(1));
    EXPECT_EQ(machine.ask({1}).reason, "it has the address 192.0.2.1");
    EXPECT_FALSE(machine.sends(2));
    EXPECT_EQ(machine.ask({2}).reason, "it has no address but its link-local one");
    EXPECT_FALSE(machine.ask({3}).sends); // vanished meanwhile
}

TEST(OwnTraffic, ARouteIsEnoughWhereThereIsNoAddress)
{
    Machine machine;
    machine.add("ppp0").is_routed = true;
    EXPECT_TRUE(machine.sends(1));
}

TEST(OwnTraffic, WhatLeavesTheLoopbackComesInAgain)
{
    Machine machine;
    NetworkDevice& lo = machine.add("lo");
    lo.loopback = true;
    lo.address = "127.0.0.1";
    EXPECT_FALSE(machine.sends(1));
    EXPECT_TRUE(machine.ask({1}).twice);
}

TEST(OwnTraffic, ATrunkCarriesWhatItsVlanDevicesSend)
{
    Machine machine;
    machine.add("eth0");
    NetworkDevice& vlan = machine.add("eth0.10", "vlan");
    vlan.below = 1;
    EXPECT_FALSE(machine.sends(1)); // the VLAN device may listen as well
    machine = {};
    machine.add("eth0");
    NetworkDevice& addressed = machine.add("eth0.10", "vlan");
    addressed.below = 1;
    addressed.address = "2001:db8::1";
    EXPECT_TRUE(machine.sends(1));
    EXPECT_EQ(machine.ask({1}).reason, "'eth0.10' stands on it: it has the address 2001:db8::1");
}

TEST(OwnTraffic, AGuestsDeviceSends)
{
    Machine machine;
    machine.add("eth0");
    machine.add("macvtap0", "macvtap").below = 1;
    EXPECT_TRUE(machine.sends(1));
}

TEST(OwnTraffic, BridgesAndTheirPortsSend)
{
    Machine machine;
    machine.add("br0", "bridge");
    machine.add("tap0").master = 1;
    EXPECT_TRUE(machine.sends(1));
    EXPECT_TRUE(machine.sends(2));
    machine.add("ovs-system", "openvswitch");
    machine.add("eth0").master = 3;
    EXPECT_TRUE(machine.sends(4));
}

TEST(OwnTraffic, ABondsPartsSendWhenTheBondHasAnAddressByItselfOrOnIt)
{
    Machine machine;
    machine.add("bond0", "bond");
    machine.add("eth0").master = 1;
    EXPECT_TRUE(machine.sends(1));
    EXPECT_FALSE(machine.sends(2)) << "two legs of a TAP, bonded";
    NetworkDevice& vlan = machine.add("bond0.7", "vlan");
    vlan.below = 1;
    vlan.address = "198.51.100.9";
    EXPECT_TRUE(machine.sends(2));
    machine = {};
    machine.add("team0", "team").master = 3;
    machine.add("eth0").master = 1;
    machine.add("br0", "bridge");
    EXPECT_TRUE(machine.sends(2)) << "part of a bond that is a bridge's port";
}

TEST(OwnTraffic, AVrfIsNoBridge)
{
    Machine machine;
    machine.add("vrf0", "vrf").address = "127.0.0.1";
    machine.add("eth0").master = 1;
    EXPECT_FALSE(machine.sends(2));
}

TEST(OwnTraffic, OneTableForSeveralInterfacesCountsNoFrameTwice)
{
    Machine machine;
    machine.add("eth0").address = "192.0.2.1";
    machine.add("eth1").address = "198.51.100.1";
    EXPECT_TRUE(machine.ask({1, 2}).sends);
    Machine router;
    router.add("eth0").address = "192.0.2.1";
    NetworkDevice& second = router.add("eth1");
    second.address = "198.51.100.1";
    second.forwards = true;
    EXPECT_TRUE(router.sends(2));
    EXPECT_FALSE(router.ask({1, 2}).sends);
    EXPECT_TRUE(router.ask({1, 2}).twice);
    Machine bridge;
    bridge.add("br0", "bridge").address = "192.0.2.1";
    bridge.add("eth0").master = 1;
    bridge.add("eth1").master = 1;
    EXPECT_FALSE(bridge.ask({2, 3}).sends);
    EXPECT_FALSE(bridge.ask({1, 2}).sends);
    Machine bond;
    bond.add("bond0", "bond").address = "192.0.2.1";
    bond.add("eth0").master = 1;
    bond.add("eth1").master = 1;
    EXPECT_TRUE(bond.ask({2, 3}).sends) << "each frame leaves by one part";
    Machine tap;
    tap.add("tap0");
    tap.add("tap1");
    EXPECT_FALSE(tap.ask({1, 2}).sends);
    EXPECT_FALSE(tap.ask({1, 2}).twice);
}

TEST(OwnTraffic, ARingOfDevicesHasAnEnd)
{
    Machine machine;
    machine.add("a", "vlan").below = 2;
    machine.add("b", "vlan").below = 1;
    EXPECT_FALSE(machine.sends(1));
}

TEST(NetworkDevices, TheKernelListsTheLoopback)
{
    auto devices = read_network_devices();
    ASSERT_TRUE(devices.ok()) << devices.error().message;
    const auto is_loopback = [](const NetworkDevice& device) { return device.loopback; };
    ASSERT_EQ(std::ranges::count_if(devices.value(), is_loopback), 1);
    EXPECT_EQ(std::ranges::find_if(devices.value(), is_loopback)->name, "lo");
}

} // namespace
} // namespace flowxdp::test
