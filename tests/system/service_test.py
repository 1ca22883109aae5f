#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""service_test.py FLOWXDP: what a service manager sees (sd_notify(3)), and the rights that the packaged unit gives.

No systemd is needed: the test reads the socket, and setpriv gives the capabilities that the unit names.
"""
import ctypes
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket

import veth

UNIT = pathlib.Path(__file__).resolve().parents[2] / "packaging/service/flowxdp@.service"



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


def unit_values(name):
    """What the unit says for a setting, line by line."""
    return [line.split("=", 1)[1] for line in UNIT.read_text().splitlines() if line.startswith(name + "=")]


def members(names):
    """System calls of a filter: groups are systemd's."""
    found = set()
    for name in names:
        if name.startswith("@"):
            listed = veth.run("systemd-analyze", "syscall-filter", name).stdout.splitlines()[1:]
            found |= members([line.strip() for line in listed if line.strip() and not line.strip().startswith("#")])
        else:
            found.add(name)
    return found


# A mount namespace with a BPF file system as systemd mounts it, below it what tmpfiles.conf makes, and nothing else to be written there.
AS_THE_UNIT = """
mount -t bpf -o mode=0700 bpf /sys/fs/bpf
install -d -m 1770 -o root -g nogroup /sys/fs/bpf/flowxdp
mount --bind /sys/fs/bpf/flowxdp /sys/fs/bpf/flowxdp
mount -o remount,bind,ro /sys/fs/bpf
exec "$@"
"""


def rights_of_the_unit(network, folder):
    """No root, the unit's capabilities and no other, a BPF file system that is root's; and each system call is one that the unit's
    filter lets through."""
    if not shutil.which("strace") or not shutil.which("systemd-analyze"):
        raise veth.Skip("needs strace and systemd-analyze")
    user = pwd.getpwnam("nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    (ambient,), (bounding,) = unit_values("AmbientCapabilities"), unit_values("CapabilityBoundingSet")
    assert ambient == bounding
    tmpfiles = (UNIT.parent / "tmpfiles.conf").read_text()
    assert re.search(r"(?m)^d /sys/fs/bpf/flowxdp 1770 root flowxdp -$", tmpfiles), tmpfiles
    some = ",".join("+" + name.lower().removeprefix("cap_") for name in ambient.split())
    filters = unit_values("SystemCallFilter")
    allowed = members(word for line in filters if not line.startswith("~") for word in line.split())
    refused = members(word for line in filters if line.startswith("~") for word in line[1:].split())
    wrapper = ("unshare", "--mount", "sh", "-ec", AS_THE_UNIT, "sh",
               "strace", "-fqqo", folder + "/calls", "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--inh-caps=-all," + some,
               "--ambient-caps=-all," + some, "--bounding-set=-all," + some, "--no-new-privs")
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--sink", f"json:{folder}/a.json", wrapper=wrapper)
    network.send(10, 2)
    with open(f"/proc/{sensor.process.pid}/task/{sensor.process.pid}/children") as file:
        (daemon,) = map(int, file.read().split())  # strace's
    with open(f"/proc/{daemon}/status") as file:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    # linux/capability.h: cap_net_admin 12, cap_bpf 39.
    assert int(fields["CapPrm"], 16) == 1 << 12 | 1 << 39 and fields["Uid"].split()[0] == str(user.pw_uid), fields
    os.kill(daemon, signal.SIGHUP)
    os.kill(daemon, signal.SIGTERM)
    code, report = sensor.wait()
    assert code == 0 and veth.ledger(report)["in_flows"] == 20, sensor.said()
    with open(folder + "/calls") as file:
        lines = file.read()
    own = lines[lines.rindex(" execve("):]  # what setpriv does before is systemd's work
    called = set(re.findall(r"(?m)^\d+ +(?:<\.\.\. )?(\w+)", own)) - {"exit"}
    assert "bpf" in called and "capset" in called
    assert called <= allowed - refused, called - (allowed - refused)
    # systemd.exec(5): RestrictSUIDSGID= refuses openat2(2), which no filter shows.
    assert "openat2" not in called and unit_values("RestrictSUIDSGID") == ["yes"]
    # It makes /sys/fs/bpf read-only; the mount of AS_THE_UNIT takes that back.
    assert unit_values("ProtectKernelTunables") == ["yes"] and unit_values("BindPaths") == ["-/sys/fs/bpf/flowxdp"]


veth.main("fxsv", (a_socket_with_a_path, an_abstract_socket, a_manager_that_does_not_read, rights_of_the_unit))
