#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""killed_start_test.py FLOWXDP: a daemon that is killed while it starts leaves nothing that detach does not find.

strace kills it at a bpf call: each one from where its programs are loaded, or some where a start takes long. Facts: packets
that were counted are exported by `detach --export`, or the next attach takes over, or says what to do; afterwards the
interface has the programs that it had before, and nothing of the sensor is pinned or loaded. Exit 77 without root, BPF or
strace.
"""
import collections
import json
import os
import re
import shutil
import subprocess

import veth

PLUGINS = ("--plugins", "basic_flow,basic_stats")
# A guest takes its time for a start, and is there for what only it has: libxdp's dispatcher.
POINTS = 40 if veth.PATIENCE == 1 else 3


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


def kill_at(network, prefix, words, point):
    killed = network.start(network.sensor, *traced(prefix + "_log", "-e", f"inject=bpf:signal=KILL:when={point}"),
                           network.flowxdp, "attach", network.veths[0], *words, *PLUGINS, "-w", prefix,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert killed.wait(timeout=60 * veth.PATIENCE) == -9, killed.stderr.read()


def check_export(report, prefix, counted):
    """The three packets, if they were counted, and balanced books."""
    table = veth.rows(prefix)
    veth.check_books(report, table)
    assert veth.packets(table, dstPort="9") == counted, table


def put_right(network, prefix, words, counted, way):
    """By the next attach (way 0), by detach --export where something was counted (1), by detach. Returns what came of it."""
    name = network.veths[0]
    if way == 0:
        with open(prefix + "_errors", "w") as errors, open(prefix + "_report", "w") as report:
            again = network.start(network.sensor, network.flowxdp, "attach", name, *words, *PLUGINS, "-w", prefix, stdout=report,
                                  stderr=errors)
        said = lambda: open(prefix + "_errors").read()
        veth.until(lambda: "XDP program" in said() or again.poll() is not None, "the next attach runs or gives up")
        assert again.poll() is None, (again.returncode, said())
        again.terminate()
        assert again.wait(timeout=60 * veth.PATIENCE) == 0, said()
        # What had counted nothing begins anew.
        if "taken over" in said():
            check_export(open(prefix + "_report").read(), prefix, counted)
            return "taken over"
        assert "what a killed daemon left" in said() and not counted, said()
        return "begun anew"
    if way == 1 and counted:
        check_export(network.tool("detach", "--export", name, "-w", prefix).stdout, prefix, counted)
        return "exported"
    network.tool("detach", name)
    return "removed"


def killed_at_every_step(network, folder, words):
    need_strace()
    before, loaded, hooks = programs(network), of_ours(), leaving(network)
    sensor = veth.Sensor(network, folder + "/whole", network.veths[0], *words, *PLUGINS, wrapper=traced(folder + "/log"))
    assert sensor.stop()[0] == 0, sensor.said()
    said = calls(folder + "/log")
    # From the last call before something is pinned to the first ones of a daemon that has attached.
    first = next(n for n, (what, path) in enumerate(said, 1) if what == "BPF_OBJ_PIN" and path.startswith(network.pins()))
    attached = max(n for n, (what, path) in enumerate(said, 1) if what in ("BPF_OBJ_PIN", "BPF_LINK_CREATE"))
    points = list(range(first - 1, attached + 3))
    if "--dispatcher" in words:  # what libxdp does between our pins and its end is the interesting part
        joins = next(n for n, (what, _) in enumerate(said, 1) if n > first and what == "BPF_LINK_CREATE")
        points = list(range(joins, attached + 3)) + points[:joins - first + 1]
    outcomes = collections.Counter()
    for number, point in enumerate(points[::max(1, len(points) // POINTS)]):
        prefix = f"{folder}/{number}"
        kill_at(network, prefix, words, point)
        network.send(1, 3)
        left = json.loads(network.tool("status", "--json", check=False).stdout)
        where = (point, said[point - 1] if point <= len(said) else "", left)
        counted = 3 if left and left[0].get("ifindex") else 0
        assert not left or (left[0].get("packets", 0) >= 3) == (counted == 3), where  # ICMP's answers leave too
        try:
            outcomes[put_right(network, prefix, words, counted, number % 3) if left else "nothing left"] += 1
        except AssertionError as error:
            raise AssertionError(where) from error
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
    if veth.dispatcher_problem(network.flowxdp):
        return "left out: " + veth.dispatcher_problem(network.flowxdp)
    network.inside(network.sensor, "xdp-loader", "load", "-m", "native", "-n", "drop_port", network.veths[0], veth.DROP_PORT)
    outcome = killed_at_every_step(network, folder, ("--dispatcher", "--direction", "ingress"))
    network.inside(network.sensor, "xdp-loader", "unload", network.veths[0], "--all")
    network.inside(network.sensor, "xdp-loader", "clean", check=False)
    return outcome


veth.main("fxks", (alone, beside_another))
