#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""status_test.py FLOWXDP: what status says of a sensor with a daemon, without one, with a dead sink, to nobody.

Expected counts are those of the packets sent: 40 flows of 5 packets of 128 IP bytes, 142 on the wire.
"""
import json
import os
import re
import signal
import socket
import time

import veth


def books_balance(books, packets):
    assert books["seen"] == packets, books
    assert books["at_rest"] and books["difference"] == 0, books
    assert books["exported"] + books["alive"] + books["waiting"] + books["without_flow"] == packets, books


def with_a_daemon(network, folder):
    began = time.time()
    sensor = veth.Sensor(network, folder + "/a", network.veths[0])
    network.send(40, 5)
    (status,) = network.status(network.veths[0])
    assert status["interface"] == network.veths[0]
    assert status["packets"] == 200 and status["octets"] == 200 * 142, status
    assert status["live_flows"] == status["flows_started"] == 40 and status["capacity"] == 1 << 18
    assert status["mode"] in ("native", "generic")
    assert status["program_id"] == json.loads(network.ip(network.sensor, "-j", "-d", "link", "show",
                                                       network.veths[0]).stdout)[0]["xdp"]["prog"]["id"]
    assert began - 1 < status["since_ns"] / 1e9 < time.time()
    assert status["daemon"]["running"] and status["daemon"]["pid"] == sensor.process.pid, status["daemon"]
    assert "tcp_states" in status["plugins"].split(",")
    books_balance(status["books"], 200)
    assert status["books"]["alive"] == 200
    assert not any(status["counters"][c] for c in status["counters"] if c not in ("packets_seen", "flows_started"))
    (sink,) = status["sinks"]
    assert sink["sink"] == "text" and sink["dropped"] == 0 and sink["queue_limit_bytes"] == 32 << 20
    short = network.tool("status").stdout
    assert "balanced" in short and "40 alive of 262144" in short
    assert len(short.splitlines()) <= 24 and not re.search(r"^ +\w+ +0  ", short, re.M), short
    text = network.tool("status", "-a").stdout
    for line in open(os.path.join(os.path.dirname(__file__), "../../bpf/flowxdp/counters.h")):
        if found := re.match(r'\tX\(\w+, "(\w+)", "(.*)"\)', line):
            assert re.search(rf"{found[1]} +\d+  {re.escape(found[2])}\n", text), found[1]
    code, report = sensor.stop()
    assert code == 0 and "Ledger: 200 packets = 200 in flows" in report, report
    assert network.status() == [] or network.veths[0] not in str(network.status())


def without_a_daemon(network, folder):
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--idle-timeout", "0.2", "--plugins",
                         "basic_flow,basic_stats")
    network.send(10, 3)
    veth.until(lambda: network.status(network.veths[0])[0]["books"]["exported"] == 30, "silent flows are exported")
    sensor.kill()
    network.send(20, 2, port=10)
    (status,) = network.status(network.veths[0])
    assert not status["daemon"]["running"] and "pid" not in status["daemon"]
    books_balance(status["books"], 70)
    assert status["books"]["exported"] == 30 and status["books"]["alive"] == 40
    assert "the kernel counts alone" in network.tool("status", network.veths[0]).stdout
    # Only one daemon may serve: the next takes over, one more is refused and told whom to stop.
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--idle-timeout", "0.2", "--plugins",
                         "basic_flow,basic_stats")
    veth.until(lambda: "took over" in sensor.said(), "it has taken over")
    second = network.tool("attach", network.veths[0], "--idle-timeout", "0.2", "--plugins", "basic_flow,basic_stats",
                          "-w", folder + "/b", check=False)
    assert second.returncode == 1 and f"pid {sensor.process.pid}" in second.stderr, second
    code, report = sensor.stop()
    assert code == 0 and "Ledger: 70 packets = 70 in flows" in report, report
    assert veth.packets(veth.rows(folder + "/a"), l4Proto="17") == 70


def with_a_dead_sink(network, folder):
    # A port that nobody listens on, found by binding it: connections are refused until the end.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--idle-timeout", "0.1", "--sink",
                             f"socket:tcp://127.0.0.1:{port}")
        network.send(10, 1)

        def dead():
            sinks = network.status(network.veths[0])[0]["sinks"]
            return len(sinks) == 2 and sinks[1]["last_error"] and sinks
        text, remote = veth.until(dead, "status shows the sink's error")
        assert "refused" in remote["last_error"] or "unreachable" in remote["last_error"], remote
        assert text["sink"] == "text" and remote["sink"].startswith("socket:tcp://127.0.0.1")
        assert remote["sent"] == 0
        code, _ = sensor.stop()
        assert code == 3, (code, sensor.said())
    assert veth.packets(veth.rows(folder + "/a"), l4Proto="17") == 10


def stopped_by_a_signal(network, folder):
    """A daemon that is stopped does not wait for a sink, and status says what it is."""
    sensor = veth.Sensor(network, folder + "/a", network.veths[0])
    assert network.status(network.veths[0])[0]["daemon"]["answers"] is True
    pid = sensor.process.pid
    os.kill(pid, signal.SIGSTOP)
    veth.until(lambda: network.status(network.veths[0])[0]["daemon"]["answers"] is False, "status misses its word")
    text = network.tool("status", network.veths[0]).stdout
    assert "does not answer since" in text and f"it is stopped (kill -CONT {pid} lets it go on)" in text, text
    assert "waits for a sink" not in text, text
    os.kill(pid, signal.SIGCONT)
    veth.until(lambda: network.status(network.veths[0])[0]["daemon"]["answers"] is True, "it answers again")
    assert sensor.stop()[0] == 0


def for_nobody(network, folder):
    # A sensor is there: without one, whether its folder may be looked for depends on how /sys/fs/bpf is mounted.
    sensor = veth.Sensor(network, folder + "/a", network.veths[0])
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    for command in ("status", "detach --all", "attach " + network.veths[0]):
        refused = network.inside(network.sensor, *nobody, network.flowxdp, *command.split(), check=False)
        assert refused.returncode == 77, (command, refused)
        assert re.search(r"sudo setcap cap_bpf,cap_net_admin,cap_perfmon\S* /|sudo flowxdp|run it with sudo", refused.stderr), refused
    code, _ = sensor.stop()
    assert code == 0, (code, sensor.said())


veth.main("fxst", (with_a_daemon, without_a_daemon, with_a_dead_sink, stopped_by_a_signal, for_nobody))
