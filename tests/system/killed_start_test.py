#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""killed_start_test.py FLOWXDP: a daemon that is killed while it starts leaves nothing that detach does not find.

strace kills it at a bpf call: each one from where its programs are loaded, or some where a start takes long. Facts: packets
that were counted are exported by `detach --export`, or the next attach takes over, or says what to do; afterwards the
interface has the programs that it had before, and nothing of the sensor is pinned or loaded. Exit 77 without root, BPF or
strace.
"""
import glob
import json
import os
import re
import shutil
import subprocess

import veth

PLUGINS = ("--plugins", "basic_flow,basic_stats")
# A guest takes its time for a start, and is there for what only it has: libxdp's dispatcher.
POINTS = 40 if veth.PATIENCE == 1 else 4


def need_strace():
    if not shutil.which("strace"):
        raise veth.Skip("needs strace")


def traced(log, *more):
    return ("strace", "-D", "-f", "-qq", "-e", "trace=bpf", "-o", log, *more)


def calls(log):
    """The bpf calls of a daemon's own thread, in order: what they do, and with which path."""
    out = []
    with open(log) as lines:
        for line in lines:
            found = re.match(r"(\d+) +bpf\((\w+)", line)
            if found and (not out or found[1] == out[0][0]):
                path = re.search(r'pathname="([^"]*)"', line)
                out.append((found[1], found[2], path[1] if path else ""))
    return [(what, path) for _, what, path in out]


def programs(network):
    (one,) = [i for i in json.loads(network.tool("interfaces", "--json").stdout) if i["name"] == network.veths[0]]
    return [p["name"] for p in one["xdp_programs"]] or ([one["xdp_program"]] if one["xdp_program_id"] else [])


def of_ours():
    """Ids of the loaded programs that only this project has."""
    return {p["id"] for p in json.loads(veth.run("bpftool", "-j", "prog", "show").stdout) if p.get("name", "").startswith("flowxdp_")}


def leaving(network):
    """What hangs at the egress hook, whether by tcx or by clsact."""
    return network.inside(network.sensor, "bpftool", "net", "show", "dev", network.veths[0]).stdout.partition("tc:")[2]


def killed_at_every_step(network, folder, words):
    need_strace()
    name = network.veths[0]
    before, loaded, hooks = programs(network), of_ours(), leaving(network)
    sensor = veth.Sensor(network, folder + "/whole", name, *words, *PLUGINS, wrapper=traced(folder + "/log"))
    assert sensor.stop()[0] == 0, sensor.said()
    said = calls(folder + "/log")
    # The first pin of ours is made of a program or map that is loaded; the last call before the daemon is ready is not known,
    # but all that follow are of a daemon that runs.
    first = next(n for n, (what, path) in enumerate(said, 1) if what == "BPF_OBJ_PIN" and path.startswith(network.pins()))
    attached = max(n for n, (what, path) in enumerate(said, 1) if what in ("BPF_OBJ_PIN", "BPF_LINK_CREATE"))
    points = list(range(first - 1, attached + 3))
    if "--dispatcher" in words:  # what libxdp does between our pins and its end is the interesting part
        joins = next(n for n, (what, _) in enumerate(said, 1) if n > first and what == "BPF_LINK_CREATE")
        points = list(range(joins, attached + 3)) + points[:joins - first + 1]
    step = max(1, len(points) // POINTS)
    outcomes = {"nothing left": 0, "taken over": 0, "exported": 0, "removed": 0}
    for number, point in enumerate(points[::step]):
        log = f"{folder}/log{number}"
        killed = network.start(network.sensor, *traced(log, "-e", f"inject=bpf:signal=KILL:when={point}"), network.flowxdp,
                               "attach", name, *words, *PLUGINS, "-w", f"{folder}/{number}", stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
        assert killed.wait(timeout=60 * veth.PATIENCE) == -9, (point, killed.stderr.read())
        network.send(1, 3)
        left = json.loads(network.tool("status", "--json", check=False).stdout)
        counted = 3 if left and left[0].get("ifindex") else 0
        assert not left or (left[0].get("packets", 0) >= 3) == (counted == 3), left  # ICMP's answers leave too
        where = (point, said[point - 1] if point <= len(said) else "", left)
        if not left:
            outcomes["nothing left"] += 1
        elif number % 3 == 0:
            again = network.start(network.sensor, network.flowxdp, "attach", name, *words, *PLUGINS, "-w", f"{folder}/{number}",
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            text = ""
            while "XDP program" not in text and (line := again.stderr.readline()):
                text += line
            if again.poll() is None and "XDP program" in text:
                assert "taken over" in text, (where, text)
                again.terminate()
                assert again.wait(timeout=60 * veth.PATIENCE) == 0, where
                assert veth.packets(veth.rows(f"{folder}/{number}"), dstPort="9") == counted, where
                outcomes["taken over"] += 1
            else:
                assert again.wait(timeout=60 * veth.PATIENCE) == 1 and "flowxdp detach" in text, (where, text)
                network.tool("detach", name)
                outcomes["removed"] += 1
        elif number % 3 == 1 and counted:
            network.tool("detach", "--export", name, "-w", f"{folder}/{number}")
            assert veth.packets(veth.rows(f"{folder}/{number}"), dstPort="9") == counted, where
            outcomes["exported"] += 1
        else:
            network.tool("detach", name)
            outcomes["removed"] += 1
        assert not os.path.exists(network.pins()), (where, "pins are left")
        assert programs(network) == before, (where, programs(network))
        assert leaving(network) == hooks, (where, leaving(network))
        veth.until(lambda: of_ours() == loaded, f"the programs are gone: {where}")
    assert outcomes["taken over"] or POINTS < 10, outcomes
    return ", ".join(f"{count} {what}" for what, count in outcomes.items())


def alone(network, folder):
    if veth.PATIENCE > 1:
        return "left out: an emulated machine"
    return killed_at_every_step(network, folder, ("--direction", "both"))


def beside_another(network, folder):
    findings = json.loads(network.tool("doctor", "--json", check=False).stdout)
    (found,) = [f for f in findings if f["check"] == "dispatcher"]
    if found["verdict"] != "ok":
        return "SKIP: " + found["detail"]
    if not shutil.which("xdp-loader"):
        return "SKIP: no xdp-loader (package xdp-tools)"
    network.inside(network.sensor, "xdp-loader", "load", "-m", "native", "-n", "drop_port", network.veths[0], veth.DROP_PORT)
    outcome = killed_at_every_step(network, folder, ("--dispatcher",))
    network.inside(network.sensor, "xdp-loader", "unload", network.veths[0], "--all")
    network.inside(network.sensor, "xdp-loader", "clean", check=False)
    return outcome


veth.main("fxks", (alone, beside_another))
