#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""doctor_test.py FLOWXDP: what doctor finds on veth, on lo, behind a foreign XDP program, without privilege."""
import json
import os
import re
import shutil

import veth

MACHINE = {"kernel", "capabilities", "memlock", "bpffs", "btf", "bpf", "ring buffer", "bpf_loop", "test-run", "program",
           "dispatcher", "jit", "clock", "disk"}
INTERFACE = {"interface", "link", "driver", "mtu", "lro", "gro", "rx-vlan offload", "direction", "xdp program", "tc programs"}


def doctor(network, *words):
    done = network.tool("doctor", "--json", *words, check=False)
    findings = json.loads(done.stdout)
    failed = [f for f in findings if f["verdict"] == "fail"]
    assert done.returncode == (1 if failed else 0), (done.returncode, failed)
    assert all(f["advice"] for f in findings if f["verdict"] != "ok"), findings
    return done.returncode, {(f.get("interface", ""), f["check"]): f for f in findings}


def on_veth(network, folder):
    name = network.veths[0]
    code, found = doctor(network, name, "-w", folder + "/a")
    assert code == 0, [f for f in found.values() if f["verdict"] == "fail"]
    assert {check for _, check in found} == MACHINE | INTERFACE
    assert found["", "kernel"]["detail"].endswith(os.uname().release)
    assert "veth" in found[name, "driver"]["detail"] and found[name, "mtu"]["detail"] == "1500"
    assert found["", "program"]["verdict"] == "ok" and folder in found["", "disk"]["detail"]
    assert not network.has_program(name), "doctor attaches nothing"
    assert found[name, "direction"]["detail"] == "it has the address 192.0.2.2: attach observes received and sent frames"
    network.ip(network.sensor, "link", "set", name, "down")
    _, found = doctor(network, name)
    assert found[name, "interface"]["verdict"] == "warn" and f"ip link set {name} up" in found[name, "interface"]["advice"]
    text = network.tool("doctor", name).stdout
    assert re.match(r"ready: a sensor works here; \d+ warnings? above$", text.splitlines()[-1]), text
    assert f"warn  {name} interface: {name} is down\n      -> ip link set {name} up\n" in text, text


def on_lo_and_nowhere(network, folder):
    code, found = doctor(network, "lo")
    assert code == 0 and found["lo", "driver"]["verdict"] == "warn" and "generic" in found["lo", "driver"]["detail"]
    assert found["lo", "direction"]["detail"].endswith("received frames alone"), found["lo", "direction"]
    code, found = doctor(network, "no-such-if")
    assert code == 1 and found["no-such-if", "interface"]["verdict"] == "fail"
    code, found = doctor(network, "-w", folder + "/not/there/a")
    assert code == 1 and found["", "disk"]["verdict"] == "fail"


def something_in_the_way(network, folder):
    """A sensor of ours is a warning that says how to end it; anybody's else program a failure."""
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name)
    code, found = doctor(network, name)
    assert code == 0 and "a sensor of flowxdp" in found[name, "xdp program"]["detail"], found[name, "xdp program"]
    assert f"flowxdp detach {name}" in found[name, "xdp program"]["advice"]
    assert sensor.stop()[0] == 0
    network.ip(network.sensor, "link", "set", name, "xdpgeneric", "obj", veth.DROP_PORT, "sec", "xdp")
    code, found = doctor(network, name)
    assert code == 1 and found[name, "xdp program"]["verdict"] == "fail", found[name, "xdp program"]
    assert f"ip link set dev {name} xdp off" in found[name, "xdp program"]["advice"]


def without_privilege(network, folder):
    # A copy that nobody may read: the tree may lie in a closed folder, /root say.
    build = os.path.dirname(os.path.dirname(os.path.realpath(network.flowxdp)))
    shutil.copytree(build + "/lib", folder + "/lib")
    os.mkdir(folder + "/bin")
    shutil.copy(network.flowxdp, folder + "/bin/flowxdp")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    done = network.inside(network.sensor, *nobody, folder + "/bin/flowxdp", "doctor", "--json", check=False, cwd="/tmp")
    found = {f["check"]: f for f in json.loads(done.stdout)}
    assert done.returncode == 1, done
    assert "cap_bpf,cap_net_admin,cap_perfmon" in found["capabilities"]["detail"]
    # systemd mounts it for root alone, mount(8) for everybody.
    closed = ("bpffs",) if not os.stat("/sys/fs/bpf").st_mode & 0o002 else ()
    for check in ("capabilities", "bpf", "program") + closed:
        assert found[check]["verdict"] == "fail" and "sudo" in found[check]["advice"], found[check]
    one_less = ("setpriv", "--inh-caps=-perfmon,-sys_admin", "--bounding-set=-perfmon,-sys_admin")  # either would do
    done = network.inside(network.sensor, *one_less, network.flowxdp, "doctor", check=False)
    assert done.returncode == 1 and "fail  capabilities: missing cap_perfmon\n" in done.stdout, done
    assert done.stdout.splitlines()[-1].startswith("not ready: "), done
    assert "first capabilities: " in done.stdout.splitlines()[-1], done


veth.main("fxdo", (on_veth, on_lo_and_nowhere, something_in_the_way, without_privilege))
