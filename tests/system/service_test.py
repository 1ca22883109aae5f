#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""service_test.py FLOWXDP: what a service manager sees (sd_notify(3)), and the rights that the packaged unit gives.

No systemd is needed: the test reads the socket, and setpriv gives the capabilities that the unit names.
"""
import ctypes
import signal
import socket

import veth



class Manager:
    """Whoever started the daemon: reads what it tells."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name)
        self.socket.settimeout(30 * veth.PATIENCE)
        self.address = name.replace("\0", "@")

    def hear(self, line):
        """The first message with this line; those before it go by."""
        while True:
            told = self.socket.recv(4096).decode().splitlines()
            if line in told:
                return told


def told(network, folder, manager):
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], wrapper=("env", "NOTIFY_SOCKET=" + manager.address))
    assert f"STATUS=observes {network.veths[0]}" in manager.hear("READY=1")
    assert network.has_program(network.veths[0]), "ready before it observes"
    for _ in range(3):
        manager.hear("WATCHDOG=1")
    sensor.process.send_signal(signal.SIGTERM)
    manager.hear("STOPPING=1")
    code, _ = sensor.wait()
    assert code == 0, sensor.said()


def a_socket_with_a_path(network, folder):
    told(network, folder, Manager(folder + "/notify"))


def an_abstract_socket(network, folder):
    """A name that begins with @ is one of the network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as own, open("/run/netns/" + network.sensor) as theirs:
        assert libc.setns(theirs.fileno(), 0) == 0, ctypes.get_errno()
        try:
            manager = Manager(f"\0{network.tag}/notify")
        finally:
            assert libc.setns(own.fileno(), 0) == 0, ctypes.get_errno()
    told(network, folder, manager)


def a_manager_that_does_not_read(network, folder):
    """Its socket is full, or gone: the daemon does not care."""
    manager = Manager(folder + "/notify")
    manager.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], wrapper=("env", "NOTIFY_SOCKET=" + manager.address))
    network.send(10, 2)
    manager.socket.close()
    network.send(10, 2, port=10)
    code, report = sensor.stop()
    assert code == 0 and veth.ledger(report)["in_flows"] == 40
    for unusable in ("", "relative", "/" + 200 * "x"):
        sensor = veth.Sensor(network, folder + "/b", network.veths[0], wrapper=("env", "NOTIFY_SOCKET=" + unusable))
        assert sensor.stop()[0] == 0, unusable


veth.main("fxsv", (a_socket_with_a_path, an_abstract_socket, a_manager_that_does_not_read))
