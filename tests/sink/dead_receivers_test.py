#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dead_receivers_test.py FLOWXDP: every sink that keeps rows twice in a run, once with a receiver that is away, once with one that
connects and is silent. They take as much memory as their options say, a stop ends when the time of the end is over, and every row is
counted."""
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../support"))
import sink_server as s

TARGETS = ("kafka:{}/rows", "nats:nats://{}/rows,step=1s", "clickhouse:http://{}/rows,step=1s", "postgres:postgresql://user@{}/rows,step=1s",
           "syslog:tcp://{}", "socket:tcp://{}", "ipfix:tcp://{}")


@contextlib.contextmanager
def dead_receivers():
    with socket.socket() as away, socket.socket() as silent:
        for receiver in (away, silent):
            receiver.bind(("127.0.0.1", 0))
        silent.listen(64)  # the kernel accepts, nobody reads
        yield ["127.0.0.1:%d" % receiver.getsockname()[1] for receiver in (away, silent)]


def sinks(receivers, queue, keep, patience, drain):
    """Their specs. queue, keep in MiB; patience, drain in s."""
    others, ipfix = f"keep={keep},patience={patience},drain={drain}", f"backlog={keep << 20},linger={drain}"
    return [f"{target.format(receiver)},queue={queue}M,{ipfix if target.startswith('ipfix') else others}"
            for target in TARGETS for receiver in receivers]


def counted(report, flows):
    """Each sink's report, once every row is sent or dropped."""
    for sink in report["sinks"]:
        assert sink["rows"] == flows == sink["sent"] + sink["dropped"], sink
    return report["sinks"]


def replay(capture, *specs):
    """The report, and the most memory in MiB."""
    words = [word for spec in specs for word in ("--sink", spec)]
    with subprocess.Popen((s.FLOWXDP, "replay", capture, "--idle-timeout", "1ms", "--json", *words), stderr=subprocess.PIPE,
                          text=True) as process:
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 3), (process.returncode, said)
    return s.report_in(said), usage.ru_maxrss / 1024


def memory_is_what_the_options_say(folder):
    flows, queue, keep = 50000, 1, 4
    capture = folder + "/flows.pcap"
    with open(capture, "wb") as file:
        file.write(s.many_flows(flows))
    _, without = replay(capture, f"json:{folder}/rows.json,queue={queue}M")
    with dead_receivers() as receivers:
        report, most = replay(capture, *sinks(receivers, queue, keep, patience=0, drain=0))
    found = counted(report, flows)
    # Unbounded, each would have kept these bytes and more.
    rows = os.path.getsize(folder + "/rows.json") / 2**20
    assert rows > 6 * keep, rows
    # keep, the queue, and for each server that gets batches a copy of one under way.
    bound = len(found) * (queue + keep) + len([name for name in TARGETS if "step=" in name]) * 2 * keep
    assert most - without < bound, f"{len(found)} sinks took {most - without:.0f} MiB, more than {bound} MiB"
    print(f"{len(found)} sinks took {most - without:.0f} of {bound} MiB for {rows:.0f} MiB of rows each")


def a_stop_is_not_held_up(folder):
    # All of them wait: their patience is an hour, and there are more rows than they keep.
    flows, drain = 8000, 2
    with dead_receivers() as receivers:
        first, *others = sinks(receivers, 4, 1, patience=3600, drain=drain)
        fed = s.Fed(s.many_flows(flows), first, folder, *[word for spec in others for word in ("--sink", spec)])
        fed.feed(1)
        s.until(lambda: os.path.getsize(fed.path) > 1 << 20, "rows reach the sinks")
        begun = time.monotonic()
        fed.process.send_signal(signal.SIGTERM)
        _, err = fed.process.communicate(timeout=600)
        took = time.monotonic() - begun
    assert fed.process.returncode == 3, (fed.process.returncode, err)
    # One after the other they would take 28 s, and with their patience an hour.
    assert took < 20 * s.PATIENCE, f"the stop took {took:.1f} s"
    report = s.report_in(err.decode())
    counted({"sinks": [sink for sink in report["sinks"] if not sink["sink"].startswith("json")]}, report["sinks"][-1]["rows"])
    print(f"the stop took {took:.1f} s, drain={drain}")


s.main(memory_is_what_the_options_say, a_stop_is_not_held_up)
