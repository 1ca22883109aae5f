#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""privilege_test.py FLOWXDP: capabilities that are missing at the start, and those that are kept while it runs.

Numbers of capabilities: linux/capability.h.
"""
import os
import pwd
import shutil
import struct

import veth

DAC_OVERRIDE, NET_ADMIN, PERFMON, BPF = 1, 12, 38, 39
KEPT = 1 << NET_ADMIN | 1 << BPF
CAPTURE = os.path.join(os.path.dirname(__file__), "../../examples/dns.pcap")


def as_root_with(*capabilities):
    some = ",".join(["-all", *("+" + c for c in capabilities)])
    return ("setpriv", "--inh-caps=" + some, "--bounding-set=" + some)


def identity(process):
    """Of every thread: effective and permitted capabilities, uid, no_new_privs."""
    found = set()
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{thread}/status") as file:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        found.add((int(fields["CapEff"], 16), int(fields["CapPrm"], 16), int(fields["Uid"].split()[1]),
                   fields["NoNewPrivs"]))
    return found


def missing(network, folder):
    """Each of the three is named when it is not there, with the command that gives it."""
    name = network.veths[0]
    for lacks in ("bpf", "net_admin", "perfmon"):
        wrapper = as_root_with(*({"bpf", "net_admin", "perfmon", "dac_override"} - {lacks}))
        for command in (("attach", name, "-w", folder + "/a"), ("replay", "--engine", "bpf", CAPTURE)):
            refused = network.inside(network.sensor, *wrapper, network.flowxdp, *command, check=False)
            assert refused.returncode == 77, (command, refused)
            assert f"missing cap_{lacks};" in refused.stderr and "sudo setcap" in refused.stderr, refused
            assert os.path.realpath(network.flowxdp) in refused.stderr, refused
    assert not os.path.exists(network.pins()) and not network.has_program(name)


def three_are_enough(network, folder):
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name, wrapper=as_root_with("bpf", "net_admin", "perfmon"))
    network.send(10, 2)
    assert identity(sensor.process) == {(KEPT, KEPT, 0, "1")}, identity(sensor.process)
    code, _ = sensor.stop()
    assert code == 0 and veth.packets(veth.rows(folder + "/a"), l4Proto="17") == 20
    assert not os.path.exists(network.pins()) and not network.has_program(name)


def root_gives_the_rest_away(network, folder):
    """Splitting opens a file for each row long after the start; a clean stop leaves nothing."""
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name, "--idle-timeout", "0.1", "--sink",
                         "json:" + folder + "/a.json")
    veth.until(lambda: len(os.listdir(f"/proc/{sensor.process.pid}/task")) >= 4, "its threads are there")
    assert identity(sensor.process) == {(KEPT, KEPT, 0, "1")}, identity(sensor.process)
    network.send(10, 2)
    code, _ = sensor.stop()
    assert code == 0 and veth.packets(veth.rows(folder + "/a"), l4Proto="17") == 20
    assert not os.path.exists(network.pins()) and not network.has_program(name)


def folder_of_another_user(network, folder):
    """Root may write where only CAP_DAC_OVERRIDE lets it: the one capability more is kept, and said."""
    there = folder + "/theirs"
    os.mkdir(there, 0o755)
    nobody = pwd.getpwnam("nobody")
    os.chown(there, nobody.pw_uid, nobody.pw_gid)
    sensor = SplitSensor(network, there + "/a", network.veths[0])
    kept = KEPT | 1 << DAC_OVERRIDE
    assert identity(sensor.process) == {(kept, kept, 0, "1")}, identity(sensor.process)
    assert "cap_dac_override" in sensor.said()
    network.send(10, 2)
    code, _ = sensor.stop()
    assert code == 0 and sensor.packets() == 20, (code, sensor.said())


class SplitSensor(veth.Sensor):
    """One row a file."""

    def __init__(self, network, prefix, *options):
        super().__init__(network, prefix, *options, output=("-W", prefix + ":1f"))

    def packets(self):
        total, files = 0, 0
        while os.path.exists(f"{self.prefix}_flows.txt{files}"):
            with open(f"{self.prefix}_flows.txt{files}") as file:
                lines = [line.rstrip("\n").split("\t") for line in file]
            names = names if files else [name.lstrip("%") for name in lines[0]]
            total += sum(int(line[names.index("pktsSnt")]) for line in lines if not line[0].startswith("%"))
            files += 1
        assert files >= 10, files
        return total


def another_user(network, folder):
    """Files belong to the user and can still be opened under way; the pins go with the daemon."""
    name = network.veths[0]
    nobody = pwd.getpwnam("nobody")
    there = folder + "/theirs"
    os.mkdir(there, 0o755)
    os.chown(there, nobody.pw_uid, nobody.pw_gid)
    sensor = SplitSensor(network, there + "/a", name, "--user", "nobody", "--idle-timeout", "0.1")
    assert identity(sensor.process) == {(KEPT, KEPT, nobody.pw_uid, "1")}, identity(sensor.process)
    network.send(10, 2)
    status = network.status(name)[0]
    assert status["daemon"]["uid"] == nobody.pw_uid and status["packets"] == 20
    code, _ = sensor.stop()
    assert code == 0 and sensor.packets() == 20, (code, sensor.said())
    assert os.stat(there + "/a_flows.txt0").st_uid == nobody.pw_uid
    assert not os.path.exists(network.pins()) and not network.has_program(name)
    # Killed, taken over, and started again by root.
    veth.Sensor(network, there + "/b", name, "--user", "nobody").kill()
    network.send(10, 2)
    code, _ = veth.Sensor(network, there + "/b", name, "--user", "nobody").stop()
    assert code == 0 and veth.packets(veth.rows(there + "/b"), l4Proto="17") == 20
    assert not os.path.exists(network.pins()) and not network.has_program(name)


def users_that_cannot_be(network, folder):
    name = network.veths[0]
    unknown = network.tool("attach", name, "-w", folder + "/a", "--user", "nobody-of-this-name", check=False)
    assert unknown.returncode == 2 and "there is no user 'nobody-of-this-name'" in unknown.stderr, unknown
    closed = folder + "/closed"
    os.mkdir(closed, 0o755)
    refused = network.tool("attach", name, "-w", closed + "/a", "--user", "nobody", check=False)
    assert refused.returncode == 1 and "Permission denied" in refused.stderr, refused
    assert not os.path.exists(network.pins()) and not network.has_program(name)


def give_capabilities(path, *capabilities):
    """What setcap writes (linux/capability.h, revision 2, effective). Skips where files cannot have any."""
    bits = sum(1 << c for c in capabilities)
    try:
        os.setxattr(path, "security.capability", struct.pack("<5I", 0x02000001, bits & 0xffffffff, 0, bits >> 32, 0))
    except OSError as error:
        raise veth.Skip(f"{path} cannot have file capabilities: {error}") from None
    if os.statvfs(path).f_flag & os.ST_NOSUID:
        raise veth.Skip(f"{path} is mounted nosuid: file capabilities mean nothing there")


def code_of_the_user(network, folder):
    """A program with capabilities loads nothing that its user brings: it would run with them."""
    build = os.path.dirname(os.path.dirname(os.path.realpath(network.flowxdp)))
    shutil.copytree(build + "/lib", folder + "/lib")
    os.mkdir(folder + "/bin")
    program = shutil.copy(network.flowxdp, folder + "/bin/flowxdp")
    shutil.copy(CAPTURE, folder)
    elsewhere = {**os.environ, "FLOWXDP_LIB": "/nonexistent"}
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

    def run(*words, env=None):
        return veth.run(*nobody, program, *words, check=False, cwd="/", env=env)

    commands = (("plugins",), ("decode", "flowStat=0x1"), ("doctor",), ("replay", folder + "/dns.pcap"))
    # Without capabilities both are the user's own affair.
    assert "/nonexistent" in run("plugins", env=elsewhere).stderr
    assert run("plugins", "--lib", folder + "/lib/flowxdp").returncode == 0
    give_capabilities(program, BPF, NET_ADMIN, PERFMON)
    assert run("plugins", env=elsewhere).returncode == 0
    for command in commands:
        done = run(*command, "--lib", folder + "/lib/flowxdp")
        assert done.returncode == 77 and "--lib" in done.stderr and "sudo" in done.stderr, (command, done)


veth.main("fxpr", (missing, three_are_enough, root_gives_the_rest_away, folder_of_another_user, another_user,
                   users_that_cannot_be, code_of_the_user),
          spared=(root_gives_the_rest_away, folder_of_another_user, users_that_cannot_be, code_of_the_user))
