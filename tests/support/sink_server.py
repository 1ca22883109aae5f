# SPDX-License-Identifier: BSD-2-Clause
"""What tests of sinks with a real server share: a replay that is fed piece by piece, the rows that it must write, waiting."""
import glob
import json
import os
import subprocess
import sys
import time

import frames

PATIENCE = float(os.environ.get("FLOWXDP_PATIENCE", "1"))
EXAMPLES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../examples")
FLOWXDP = sys.argv[1]


class Skip(Exception):
    pass


def captures():
    return sorted(glob.glob(EXAMPLES + "/*.pcap"))


def until(condition, what, seconds=60):
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited in vain until " + what)
        time.sleep(0.05)


def report_in(said):
    """The report: without -w it is on standard error, beside messages."""
    (report,) = [line for line in said.splitlines() if line.startswith("{")]
    return json.loads(report)


def replay(sink, folder, *words, files=None, code=0, name="rows.json"):
    """A whole replay into the sink and into a JSON file. Returns the file's rows and the report."""
    path = os.path.join(folder, name)
    ran = subprocess.run((FLOWXDP, "replay", *(files or captures()), "--sink", sink, "--sink", "json:" + path, "--json", *words),
                         capture_output=True, text=True)
    assert ran.returncode == code, (ran.returncode, ran.stdout, ran.stderr)
    with open(path) as lines:
        rows = [json.loads(line) for line in lines]
    return rows, report_in(ran.stderr)


def many_flows(count):
    """A capture of so many UDP flows of one packet each, a millisecond apart."""
    def frame(n):
        source = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
        datagram = frames.udp(1024 + n % 60000, 53, b"q" * (n % 50))
        return frames.ethernet(frames.IPV4, frames.with_checksums(frames.ipv4(frames.UDP, datagram, source, "192.0.2.1")))
    return frames.pcap([(1700000000 * 10**6 + 1000 * n, frame(n)) for n in range(count)])


class Fed:
    """A replay of a capture from standard input, one part after the other, so that something can happen between them."""

    def __init__(self, capture, sink, folder, *words, name="fed.json"):
        self.bytes = capture
        self.sent = 0
        self.path = os.path.join(folder, name)
        # -c would end it early, and rows leave when flows end: the shortest timeout ends them all the time.
        self.process = subprocess.Popen((FLOWXDP, "replay", "-", "--idle-timeout", "1ms", "--sink", sink, "--sink",
                                         "json:" + self.path, "--json", *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def feed(self, share):
        """Up to this share of the capture; frames may be cut in the middle."""
        to = int(len(self.bytes) * share)
        self.process.stdin.write(self.bytes[self.sent:to])
        self.process.stdin.flush()
        self.sent = to

    def end(self, code=0):
        self.feed(1)
        out, err = self.process.communicate(timeout=120 * PATIENCE)
        assert self.process.returncode == code, (self.process.returncode, out, err)
        with open(self.path) as lines:
            rows = [json.loads(line) for line in lines]
        return rows, report_in(err.decode())


def sink_report(report, name):
    (found,) = [s for s in report["sinks"] if s["sink"].startswith(name)]
    return found


def main(*tests):
    import tempfile
    try:
        for test in tests:
            with tempfile.TemporaryDirectory() as folder:
                os.chmod(folder, 0o755)
                test(folder)
            print("ok:", test.__name__, flush=True)
    except Skip as skip:
        print("SKIP:", skip)
        sys.exit(77)
