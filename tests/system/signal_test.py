# SPDX-License-Identifier: BSD-2-Clause
"""signal_test.py FLOWXDP: SIGUSR1, SIGHUP with and without a terminal, a reader that closes standard output.

Expected counts are those of the packets sent.
"""
import os
import pty
import re
import signal
import subprocess

import veth

RUNNING = r"Ledger: (\d+) packets = (\d+) in exported flows \+ (\d+) in flows alive \+ (\d+) on their way \+ (\d+) without a flow$"


def report_while_running(network, folder):
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--idle-timeout", "1")
    network.send(10, 3)
    veth.until(lambda: network.status(network.veths[0])[0]["books"]["exported"] == 30, "silent flows are exported")
    network.send(20, 2, port=10)
    sensor.process.send_signal(signal.SIGUSR1)
    text = veth.until(lambda: "Ledger: " in sensor.said() and sensor.said(), "a report")
    numbers = list(map(int, re.search(RUNNING, text, re.M).groups()))
    assert numbers[0] == 70 == sum(numbers[1:]) and numbers[1] >= 30, numbers
    assert "DIFFERENCE" not in text
    assert float(re.search(r"Still running. Elapsed time: (\S+) sec", text)[1]) > 0, text
    if numbers[1] == 30:
        assert "Number of biflows alive: 20\n" in text, text
    code, report = sensor.stop()
    assert code == 0 and veth.ledger(report)["in_flows"] == 70


def files_begin_anew(network, folder):
    """What logrotate does: rename, then SIGHUP. Every row is in one of the files, and both have their header."""
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--idle-timeout", "0.2", "--sink", f"json:{folder}/a.json",
                         "--sink", f"csv:{folder}/a.csv.gz")
    network.send(10, 2)
    veth.until(lambda: network.status(network.veths[0])[0]["books"]["exported"] == 20, "silent flows are exported")
    for name in ("a_flows.txt", "a.json", "a.csv.gz"):
        os.rename(f"{folder}/{name}", f"{folder}/old_{name}")
    sensor.process.send_signal(signal.SIGHUP)
    for name in ("a_flows.txt", "a.json", "a.csv.gz"):
        veth.until(lambda: os.path.exists(f"{folder}/{name}"), name + " begins anew")
    network.send(7, 3, port=10)
    code, report = sensor.stop()
    assert code == 0 and veth.ledger(report)["in_flows"] == 41, report
    assert "begin anew" in sensor.said()
    assert (veth.packets(veth.rows(folder + "/old_a")), veth.packets(veth.rows(folder + "/a"))) == (20, 21)
    with open(folder + "/old_a.json") as old, open(folder + "/a.json") as new:
        assert (len(old.readlines()), len(new.readlines())) == (10, 7)
    lines = [subprocess.run(["zcat", f"{folder}/{name}"], capture_output=True, check=True).stdout.splitlines()
             for name in ("old_a.csv.gz", "a.csv.gz")]
    assert [len(part) for part in lines] == [11, 8] and lines[0][0] == lines[1][0], lines


def hangup_without_rotation(network, folder):
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--idle-timeout", "0.2")
    network.send(5, 2)
    veth.until(lambda: network.status(network.veths[0])[0]["books"]["exported"] == 10, "silent flows are exported")
    sensor.process.send_signal(signal.SIGHUP)
    veth.until(lambda: "begin anew" in sensor.said(), "the signal is read")
    network.send(5, 2, port=10)
    code, _ = sensor.stop()
    assert code == 0 and veth.packets(veth.rows(folder + "/a")) == 20, "a file that is still there goes on"


def terminal_is_gone(network, folder):
    """A closed ssh: the daemon's terminal hangs up; it drains and exports."""
    open(folder + "/said", "w").close()  # we look before the child may have come to it
    pid, ours = pty.fork()
    if pid == 0:
        with open(folder + "/said", "w") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        os.execvp("nsenter", ["nsenter", f"--net=/run/netns/{network.sensor}", network.flowxdp, "attach", "--direction", "ingress",
                              network.veths[0], "-w", folder + "/a"])

    def said():
        with open(folder + "/said") as file:
            return file.read()
    ended = []

    def over():
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            ended.append(os.waitstatus_to_exitcode(status))
        return gone
    try:
        veth.until(lambda: "XDP program" in said(), "the sensor is attached")
        network.send(12, 2)
        os.close(ours)
        veth.until(over, "it ends with its terminal")
    finally:
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert ended == [0], (ended, said())
    assert veth.ledger(said())["in_flows"] == 24 and veth.packets(veth.rows(folder + "/a")) == 24
    assert not network.has_program(network.veths[0])


def reader_is_gone(network, folder):
    """Rows to a standard output that nobody reads any more: the sensor leaves the interface, without an error."""
    with open(folder + "/said", "w+") as said:
        head, tail = os.pipe()
        sensor = network.start(network.sensor, network.flowxdp, "attach", "--direction", "ingress", network.veths[0],
                               "--idle-timeout", "0.1", stdout=tail, stderr=said)
        os.close(tail)

        def text():
            with open(folder + "/said") as file:
                return file.read()
        veth.until(lambda: "XDP program" in text() or sensor.poll() is not None, "the sensor is attached")
        os.close(head)
        network.send(3, 1)
        assert sensor.wait(timeout=30 * veth.PATIENCE) == 0, text()
        assert "[ERR]" not in text() and "standard output was closed" in text(), text()
    assert not network.has_program(network.veths[0])


veth.main("fxsg", (report_while_running, files_begin_anew, hangup_without_rotation, terminal_is_gone, reader_is_gone))
