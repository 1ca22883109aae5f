#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What captures that were made to be expensive cost replay: CPU a packet and memory, as ratios to ordinary traffic.

    bench/hostile.py [--flowxdp PROGRAM] [--packets N] [--max-flows N] [--rounds N] [SHAPE...]

Every shape has as many packets as the ordinary capture, whose flows are many and short (five packets each), and runs
with the same table. The order of runs goes round, the least of each shape counts. No timed test: a table to read.
"""

import argparse
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../tests/support"))
import frames  # noqa: E402

START = 1700000000 * 10**9
SECRET = 0x666c6f7778647031  # replay's seed before it was drawn at random
WORD = (1 << 64) - 1


def udp4(source):
    return frames.ethernet(frames.IPV4, frames.ipv4(frames.UDP, frames.udp(1000, 2000), source))


def udp6(lo, hi):
    return frames.ethernet(frames.IPV6, frames.ipv6(frames.UDP, frames.udp(1000, 2000), lo, hi))


def tcp4(source, window):
    return frames.ethernet(frames.IPV4, frames.ipv4(frames.TCP, frames.tcp(1024, 80, window=window), source))


def ordinary(n, _flows):
    order = [flow for flow in range(n // 5) for _ in range(5)]
    rng = random.Random(1)
    for at in range(0, len(order), 5000):
        part = order[at:at + 5000]
        rng.shuffle(part)
        order[at:at + 5000] = part
    for i, flow in enumerate(order):
        yield START + i * 10**6, udp4(0x0A000000 + flow)


def chosen_old_seed(n, _flows):
    """IPv6 keys with one 64-bit hash under the chain of multiply and shift and its fixed seed."""
    rng, factor = random.Random(5), 0x9E3779B97F4A7C15
    inverse = pow(factor, -1, 1 << 64)

    def step(h, w):
        h = (h ^ w) * factor & WORD
        return h ^ h >> 29

    wanted = 0x1234567890ABCDEF
    for _ in range(3):
        wanted = 0x1234567890ABCDEF ^ wanted >> 29
    product, made = wanted * inverse & WORD, 0
    while made < n:
        lo0, lo1, hi0 = rng.getrandbits(64), rng.getrandbits(63), rng.getrandbits(64)
        hi1 = step(step(step(SECRET, lo0), lo1), hi0) ^ product
        if lo1 < hi1:
            yield START + made * 10**5, udp6(struct.pack("<QQ", lo0, lo1), struct.pack("<QQ", hi0, hi1))
            made += 1


def chosen_any_seed(n, _flows):
    """Top bits of four words, whose differences cancel in such a chain under every seed."""
    bits = max(1, (n - 1).bit_length() + 3 >> 2)
    for i in range(n):
        words = [(i >> bits * k & (1 << bits) - 1) << 64 - bits for k in range(4)]
        yield START + i * 10**5, udp6(struct.pack("<QQ", words[0], words[1]), struct.pack("<QQ", words[2], words[3] | 1))


def clock_jumps(seconds):
    def shape(n, flows):
        """A full table, then a clock that jumps to and fro."""
        for i in range(n):
            full = i < flows
            jump = 0 if full or i % 2 else -seconds
            yield START + jump * 10**9 + (0 if full else 10**9), udp4(0x0A000000 + i if full else 0x0B000000)

    return shape


def clock_stands_still(n, _flows):
    for i in range(n):
        yield START, udp4(0x0A000000 + i)


def clock_crawls(n, _flows):
    for i in range(n):
        yield START + i, udp4(0x0A000000 + i)


def due_in_one_tick(n, flows):
    """A full table that falls due nanosecond by nanosecond, while new flows ask for room."""
    for i in range(n):
        yield START + (i if i < flows else 182 * 10**9 + i - flows), udp4(0x0A000000 + i)


def new_flows(n, _flows):
    for i in range(n):
        yield START + i * 10**6, udp4(0x0A000000 + i)


def sparse(n, _flows):
    for i in range(n):
        yield START + i * 1020 * 10**9, udp4(0x0A000000 + i % 1000)


def forced(n, _flows):
    for i in range(n):
        yield START, tcp4(0x0A000000 + i % 1000, 0)


SHAPES = {
    "chosen keys, old seed": (chosen_old_seed, ()),
    "chosen keys, any seed": (chosen_any_seed, ()),
    "clock jumps by 61 s": (clock_jumps(61), ()),
    "clock jumps by 25 min": (clock_jumps(1500), ()),
    "clock jumps by a year": (clock_jumps(400 * 86400), ()),
    "clock stands still": (clock_stands_still, ()),
    "clock crawls by 1 ns": (clock_crawls, ()),
    "due in one tick": (due_in_one_tick, ()),
    "new flows": (new_flows, ()),
    "a packet every 17 min": (sparse, ()),
    "forced, still clock": (forced, ("--plugin", "tcp_win:threshold=1,force_at=1")),
}


def write(path, shape, n, flows):
    frames.write_pcap(path, shape(n, flows), unit=frames.NANOSECONDS)


def run(program, capture, options):
    """CPU seconds and peak MiB of one replay."""
    child = subprocess.Popen([program, "replay", capture, "-w", capture + ".out", "-q", *options])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 3):
        sys.exit(f"hostile.py: flowxdp ended with {child.returncode} on {capture}")
    os.remove(capture + ".out_flows.txt")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--flowxdp", default="build/release/bin/flowxdp")
    parser.add_argument("--packets", type=int, default=400000)
    parser.add_argument("--max-flows", type=int, default=65536)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("shapes", nargs="*", help=", ".join(SHAPES))
    options = parser.parse_args()
    shapes = {"ordinary": (ordinary, ())} | {s: SHAPES[s] for s in options.shapes or SHAPES}
    with tempfile.TemporaryDirectory(prefix="flowxdp_hostile") as folder:
        costs = {}
        for number, (name, (shape, _)) in enumerate(shapes.items()):
            write(f"{folder}/{number}.pcap", shape, options.packets, options.max_flows)
        for _ in range(options.rounds):
            for number, (name, (_, more)) in enumerate(shapes.items()):
                cost = run(options.flowxdp, f"{folder}/{number}.pcap", ["--max-flows", str(options.max_flows), *more])
                costs[name] = min(costs.get(name, cost), cost)
    usual_cpu, usual_memory = costs["ordinary"]
    print("| capture | ns of CPU a packet | x ordinary | peak MiB | x ordinary |\n|---|---|---|---|---|")
    for name, (cpu, memory) in costs.items():
        print(f"| {name} | {cpu / options.packets * 1e9:.0f} | {cpu / usual_cpu:.2f} | {memory:.0f} | {memory / usual_memory:.2f} |")


if __name__ == "__main__":
    main()
