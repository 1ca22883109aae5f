#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""crash_points_test.py FLOWXDP: a daemon is killed at its system calls, one after the other, and taken over; no packet is lost
or doubled, by its id.

strace kills it: in a round with its commits, at a sink's writes, also where the next one writes elsewhere, while it takes over, while it stops, and `detach --export` while
it exports. Some calls of each, from a random one on, which is printed; FLOWXDP_CRASH_POINTS=all takes every call. Exit 77 without
root, BPF, tun or strace.
"""
import collections
import csv
import glob
import gzip
import json
import os
import random
import re
import shutil
import struct
import subprocess

import packet_ids
import veth
from packet_ids import Sender, attach

os.environ["FLOWXDP_LIB"] = packet_ids.LIB
OPTIONS = ("--ring", "64M", "--idle-timeout", "0.1", "--max-flows", "512", "--plugin", "tcp_win:threshold=1000,force_at=1")
AT_MOST = None if os.environ.get("FLOWXDP_CRASH_POINTS") == "all" else 12


def chosen(first, last):
    """Numbers of calls from first to last, in order."""
    step = max(1, (last - first + 1) // AT_MOST) if AT_MOST else 1
    return range(first + random.randrange(step), last + 1, step)


def traced(*words):
    if not shutil.which("strace"):
        raise veth.Skip("needs strace")
    return ("strace", "-qq", *words)


def killing(call, number):
    """At the number-th call of this name."""
    return ("-e", f"inject={call}:signal=KILL:when={number}")


def calls_of(log):
    """Names of the calls in a trace, in order."""
    found = (re.match(r"(\w+)\(", line) for line in open(log))
    return [call[1] for call in found if call]


def killing_at(calls, number):
    """At the number-th of these calls. strace counts each name by itself, `all`, too."""
    call = calls[number - 1]
    return killing(call, calls[:number].count(call))


def tracer(network, log, pid, *words):
    """strace on a running process, which is traced when this returns."""
    process = network.start(network.sensor, *traced("-o", log, "-p", str(pid), *words), stderr=subprocess.DEVNULL)
    veth.until(lambda: re.search(r"^TracerPid:\t[1-9]", open(f"/proc/{pid}/status").read(), re.M) or process.poll() is not None,
               "strace has the daemon")
    return process


def own_pid(sensor):
    """The daemon's: nsenter became it."""
    return sensor.process.pid


def dies(process):
    veth.until(lambda: process.poll() is not None, "the daemon is killed")
    assert process.returncode == -9, process.returncode


def judge(network, sender, sensor, prefix):
    code, report = sensor.stop()
    sender.close()
    assert code in (0, 3), (code, sensor.said(), report)
    books, table = veth.ledger(report), packet_ids.Table(prefix)
    packets = packet_ids.judge(sender.sent, table, books["unattributed"])
    assert books["seen"] == packets, (books, packets)
    return f"{packets} packets in {len(table.rows)} rows"


def under_traffic(network, folder, kill_at_each):
    """kill_at_each(prefix, attached) kills daemons; attached() starts the next one."""
    prefix = folder + "/rows"
    sender = Sender(network, folder, packets=10000000, rate=15000 // packet_ids.PART)
    sensor = attach(network, prefix, sender, *OPTIONS)
    sender.tell("go")
    sensor, said = kill_at_each(sensor, prefix, lambda: attach(network, prefix, sender, *OPTIONS))
    sender.tell("stop")
    sender.done()
    return f"{said}: " + judge(network, sender, sensor, prefix)


def in_a_round(network, folder):
    def kill_at_each(sensor, _, attached):
        # From one call to the same call of the next round; a round under load has some dozens.
        log = folder + "/log"
        watch = tracer(network, log, own_pid(sensor))
        veth.until(lambda: len(calls_of(log)) >= 60, "a round was traced")
        watch.terminate()
        watch.wait()
        calls, died = calls_of(log), 0
        numbers = chosen(1, 60)
        for number in numbers:
            tracer(network, log, own_pid(sensor), *killing_at(calls, number))
            # What does not come in each round (memory that grew) may not come again: then it is killed some rounds later.
            veth.until(lambda: sensor.process.poll() is not None or len(calls_of(log)) >= 300, "the daemon is killed")
            died += sensor.process.poll() == -9
            sensor.kill()
            sensor = attached()
        assert died >= len(numbers) // 2, (died, list(numbers))
        return sensor, f"calls {list(numbers)}, {died} of them died there"

    return under_traffic(network, folder, kill_at_each)


def at_a_write(network, folder):
    """Of whatever thread: the sink's rows, a first piece of them and the next ones."""
    def kill_at_each(sensor, _, attached):
        for number in range(1, 5):
            tracer(network, "/dev/null", own_pid(sensor), "-f", *killing("write", number))
            dies(sensor.process)
            sensor = attached()
        return sensor, "writes 1 to 4"

    return under_traffic(network, folder, kill_at_each)


FLOW_ID = 148  # IPFIX element


def ipfix_flows(path):
    """flowId of every record in a file of messages (RFC 7011, 3)."""
    with open(path, "rb") as file:
        data = file.read()
    templates, at = {}, 0
    while at < len(data):
        end = at + struct.unpack_from(">H", data, at + 2)[0]
        assert end <= len(data), "a message is cut"
        at += 16
        while at < end:
            number, length = struct.unpack_from(">HH", data, at)
            stop, at = at + length, at + 4
            if number == 2:
                while at + 4 <= stop:
                    template, fields = struct.unpack_from(">HH", data, at)
                    at, shape = at + 4, []
                    for _ in range(fields):
                        element, size = struct.unpack_from(">HH", data, at)
                        at += 8 if element & 0x8000 else 4
                        shape.append((element, size))
                    templates[template] = shape
            elif number in templates:
                while at < stop:
                    for element, size in templates[number]:
                        if size == 0xffff:
                            size, at = data[at], at + 1
                        if element == FLOW_ID:
                            yield int.from_bytes(data[at:at + size], "big")
                        at += size
            at = stop


def frames(path):
    """Enhanced packet blocks of a capture."""
    count = 0
    with open(path, "rb") as file:
        while head := file.read(8):
            kind, length = struct.unpack("<II", head)
            assert len(file.read(length - 8)) == length - 8, "a block is cut"
            count += kind == 6
    return count


def into_other_files(network, folder):
    """The next daemon names other files. What the killed one wrote and did not commit is cut off its files: of whatever kind they
    are, each row is in one of them."""
    def options(n):
        path = f"{folder}/{n}"
        return ("-s", "-e", f"all:{path}.pcapng", "--sink", f"json:{path}.json.gz", "--sink", f"csv:{path}.csv", "--sink",
                f"ipfix:file:{path}.ipfix", "--sink", f"text:{path}_split,split=100f")

    def attached(n):
        return attach(network, f"{folder}/{n}", sender, *OPTIONS, *options(n))

    sender = Sender(network, folder, packets=10000000, rate=15000 // packet_ids.PART)
    sensor = attached(0)
    sender.tell("go")
    cut, kills = collections.Counter(), 10
    for n in range(1, kills + 1):
        tracer(network, "/dev/null", own_pid(sensor), "-f", *killing("write", 2 * n))
        dies(sensor.process)
        sensor = attached(n)
        cut.update(re.findall(rf"'{folder}/{n - 1}([^']*)': the last \d+ bytes", sensor.said()))
        assert "could not be cut back" not in sensor.said(), sensor.said()
    sender.tell("stop")
    sender.done()
    code, report = sensor.stop()
    sender.close()
    assert code in (0, 3), (code, sensor.said(), report)
    books = veth.ledger(report)
    seen = books["seen"]
    prefixes = [f"{folder}/{n}" for n in range(kills + 1)]
    packets = packet_ids.judge(sender.sent, packet_ids.Table(*prefixes), books["unattributed"])
    assert seen == packets, (seen, packets)

    def once(what, rows):
        keys = collections.Counter((str(row["flowInd"]), row["dir"]) for row in rows)
        twice = [key for key, count in keys.items() if count > 1]
        assert not twice, f"{what}: {len(twice)} rows are in two places"
        return set(keys)

    wanted = once("text", (row for prefix in prefixes for row in veth.rows(prefix)))
    for what, rows in (("json.gz", lambda prefix: map(json.loads, gzip.open(prefix + ".json.gz", "rt"))),
                       ("csv", lambda prefix: csv.DictReader(open(prefix + ".csv", newline="")))):
        assert once(what, (row for prefix in prefixes for row in rows(prefix))) == wanted, f"{what} has other rows than text"
    exported = collections.Counter(flow for prefix in prefixes for flow in ipfix_flows(prefix + ".ipfix"))
    biflows = collections.Counter(int(flow) for flow, _ in wanted)
    assert not exported - biflows and set(exported) == set(biflows), "ipfix: flows are missing, or in two places"
    for prefix in prefixes:
        pieces = sorted(glob.glob(prefix + "_split_flows.txt*"), key=lambda piece: int(piece.rsplit("txt", 1)[1]))
        lines = [line for piece in pieces for line in open(piece)]
        assert lines == open(prefix + "_flows.txt").readlines(), "the pieces are not the file"
    # What found no room in the ring while nobody read it is counted.
    def lost(what):
        found = re.search(rf"(\d+) {what}", report)
        return int(found[1]) if found else 0

    numbers = [row["pktNo"] for prefix in prefixes for row in veth.rows(prefix, "packets.txt")]
    assert len(numbers) == len(set(numbers)), "packet rows are in two places"
    without_row = lost("packet rows were lost") + books["unattributed"]
    assert len(numbers) + without_row == seen, (len(numbers), without_row, seen)
    written = sum(frames(prefix + ".pcapng") for prefix in prefixes)
    assert written + lost("frames were lost") == seen, (written, lost("frames were lost"), seen)
    assert cut, "no daemon was killed between a write and its commit"
    return f"{kills} kills, {packets} packets; cut: {dict(cut)}"


def while_it_takes_over(network, folder):
    def kill_at_each(sensor, prefix, attached):
        sensor.kill()
        log = folder + "/log"
        words = (network.flowxdp, "attach", *sensor.names, "--direction", "ingress", *packet_ids.PLUGINS, *OPTIONS, "-w", prefix)
        whole = network.start(network.sensor, *traced("-D", "-o", log), *words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in whole.stderr:
            if "took over a running sensor" in line:
                break
        whole.kill()
        whole.wait()
        calls = calls_of(log)
        numbers = chosen(calls.index("bpf") + 1, len(calls))
        died = 0
        for number in numbers:
            said = f"{folder}/said{number}"
            with open(said, "w") as errors:
                killed = network.start(network.sensor, *traced("-D", "-o", "/dev/null", *killing_at(calls, number)), *words,
                                       stdout=subprocess.DEVNULL, stderr=errors)
            # A start of its own may have fewer calls of this name: then it is killed behind them.
            veth.until(lambda: killed.poll() is not None or "took over a running sensor" in open(said).read(), "the daemon is killed")
            died += killed.poll() == -9
            killed.kill()
            killed.wait()
        assert died >= len(numbers) // 2, (died, numbers)
        return attached(), f"calls {list(numbers)} of {len(calls)}, {died} of them died there"

    return under_traffic(network, folder, lambda sensor, prefix, attached: kill_at_each(named(sensor, network), prefix, attached))


def named(sensor, network):
    sensor.names = network.veths[-1:]
    return sensor


def a_burst(network, folder, number):
    """A sensor with flows alive in its table and ends in its ring; no packet comes any more."""
    prefix = f"{folder}/{number}"
    os.mkdir(prefix)
    sender = Sender(network, prefix, packets=3000, flows=800, window=300)
    sensor = attach(network, prefix + "/rows", sender, "--ring", "64M", "--plugin", "tcp_win:threshold=1000,force_at=1")
    sender.send()
    return prefix, sender, sensor


def is_pinned(network, name):
    """Whether a sensor, or a part of one, is there. The interface's folder may be, empty, when a daemon is killed before its last call."""
    return os.path.exists(network.pins(name)) and bool(os.listdir(network.pins(name)))


def judge_files(network, sender, prefix):
    name = sender.names[0]
    assert not is_pinned(network, name), "the sensor is still there"
    sender.close()
    network.veths.remove(name)
    return packet_ids.judge(sender.sent, packet_ids.Table(prefix))


def while_it_stops(network, folder):
    prefix, sender, sensor = a_burst(network, folder, 0)
    strace = tracer(network, folder + "/log", own_pid(sensor))
    assert sensor.stop()[0] == 0, sensor.said()
    strace.wait()
    judge_files(network, sender, prefix + "/rows")
    calls = calls_of(folder + "/log")
    numbers = chosen(2, len(calls))
    died = 0
    for number in numbers:
        prefix, sender, sensor = a_burst(network, folder, number)
        tracer(network, "/dev/null", own_pid(sensor), *killing_at(calls, number))
        sensor.process.terminate()
        veth.until(lambda: sensor.process.poll() is not None, "the daemon has ended")
        died += sensor.process.returncode == -9
        if is_pinned(network, sender.names[0]):  # into the same file, which is cut to what is safe
            network.tool("detach", "--export", sender.names[0], "-w", prefix + "/rows")
        judge_files(network, sender, prefix + "/rows")
    assert died >= len(numbers) // 2, (died, numbers)
    return f"calls {list(numbers)} of {len(calls)}, {died} of them died there"


def while_it_is_exported(network, folder):
    export = ("detach", "--export")
    prefix, sender, sensor = a_burst(network, folder, 0)
    sensor.kill()
    name = sender.names[0]
    network.inside(network.sensor, *traced("-D", "-o", folder + "/log"), network.flowxdp, *export, name, "-w", prefix + "/rows")
    judge_files(network, sender, prefix + "/rows")
    calls = calls_of(folder + "/log")
    numbers = chosen(calls.index("bpf") + 1, len(calls))
    died = 0
    for number in numbers:
        prefix, sender, sensor = a_burst(network, folder, number)
        sensor.kill()
        name = sender.names[0]
        killed = network.inside(network.sensor, *traced("-D", "-o", "/dev/null", *killing_at(calls, number)), network.flowxdp, *export, name,
                                "-w", prefix + "/rows", check=False)
        died += killed.returncode == -9
        if is_pinned(network, name):
            network.tool(*export, name, "-w", prefix + "/rows")
        judge_files(network, sender, prefix + "/rows")
    assert died >= len(numbers) // 2, (died, numbers)
    return f"calls {list(numbers)} of {len(calls)}, {died} of them died there"


veth.main("fxcp", (in_a_round, at_a_write, into_other_files, while_it_takes_over, while_it_stops, while_it_is_exported), pairs=0)
