#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The plugin of examples/plugin-rust, outside the tree: its declarations are those of the C headers, field by field, and its rows, its
figure, its alarms and its report line are what the packets of the capture say, which are read here. Exit 77 without cargo.
"""
import argparse
import csv
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HEADERS = ("plugin.h", "row.h", "option.h", "flow_record.h")
OLDEST = (1, 63)  # rust-version of its Cargo.toml


def run(*words, code=0, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **more)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def cargo_is_missing():
    if not shutil.which("cargo"):
        return "cargo (apt-get install cargo)"
    said = subprocess.run(["cargo", "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"cargo (\d+)\.(\d+)", said.stdout)
    if said.returncode or not version:
        return f"a cargo that runs: {said.stderr.strip()}"
    return "" if (int(version[1]), int(version[2])) >= OLDEST else "a newer cargo"


class Layouts:
    """What `cargo test` prints of the declarations."""

    def __init__(self, said):
        self.sizes = {name: int(size) for name, size in re.findall(r"^struct (\w+) (\d+)$", said, re.M)}
        self.fields = re.findall(r"^field (\w+) (\w+) (\d+) (\d+)$", said, re.M)
        self.constants = re.findall(r"^constant (\w+) (\d+)$", said, re.M)
        assert len(self.sizes) >= 12 and len(self.fields) > 100 and len(self.constants) >= 6, said

    def c_program(self):
        """It compiles when each declaration has the headers' sizes, offsets and numbers."""
        lines = [f'#include "flowxdp/{name}"' for name in HEADERS]
        for name, size in self.sizes.items():
            lines.append(f'_Static_assert(sizeof(struct {name}) == {size}, "size of {name}");')
        for name, field, offset, size in self.fields:
            lines.append(f'_Static_assert(offsetof(struct {name}, {field}) == {offset}, "place of {name}.{field}");')
            lines.append(f'_Static_assert(sizeof(((struct {name} *)0)->{field}) == {size}, "size of {name}.{field}");')
        for name, value in self.constants:
            lines.append(f'_Static_assert({name} == {value}, "value of {name}");')
        return "\n".join(lines) + "\n"


def check_declarations(layouts, source, cc, work):
    includes = [f"-I{source}/include", f"-I{source}/bpf", f"-I{source}/bpf/flowxdp"]
    program = work / "layout.c"
    program.write_text(layouts.c_program())
    run(cc, "-std=c11", "-fsyntax-only", *includes, program)
    # A layout that is wrong by one byte is found.
    wrong = re.sub(r"(offsetof\(struct fx_flow, letter\) == )(\d+)", lambda m: f"{m[1]}{int(m[2]) + 1}", layouts.c_program())
    program.write_text(wrong)
    assert "place of fx_flow.letter" in run(cc, "-std=c11", "-fsyntax-only", *includes, program, code=1)
    # Nor is a field of the headers left out: their structs, as the preprocessor sees them.
    program.write_text("".join(f'#include "flowxdp/{name}"\n' for name in HEADERS))
    text = re.sub(r"^#.*$", "", run(cc, "-std=c11", "-E", *includes, program), flags=re.M)
    for name in layouts.sizes:
        body = re.search(rf"\bstruct {name}\s*{{(.*?)^}}", text, re.M | re.S)[1]
        declared = set()
        for statement in body.split(";"):
            function = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", statement)
            if function:
                declared.add(function[1])
            elif statement.strip():
                declared |= {re.search(r"(\w+)\s*(?:\[.*\])?\s*$", part)[1] for part in statement.split(",")}
        known = {field for struct_name, field, _, _ in layouts.fields if struct_name == name}
        assert declared == known, (name, declared ^ known)


class Flow:
    def __init__(self, first):
        self.first = first
        self.packets = {}  # sender: [packets, time of its first one]


def flows_of(capture):
    """TCP and UDP flows of a pcap file of Ethernet frames, by the pair of their ends."""
    data = capture.read_bytes()
    (magic,) = struct.unpack_from("<I", data)
    scale = {0xa1b2c3d4: 1000, 0xa1b23c4d: 1}[magic]
    flows, at = {}, 24
    while at < len(data):
        seconds, fraction, kept, _ = struct.unpack_from("<IIII", data, at)
        frame, at = data[at + 16:at + 16 + kept], at + 16 + kept
        ethertype, = struct.unpack_from(">H", frame, 12)
        if ethertype == 0x0800:
            proto, l4 = frame[23], 14 + 4 * (frame[14] & 15)
            ends = frame[26:30], frame[30:34]
        elif ethertype == 0x86dd:
            proto, l4 = frame[20], 54
            ends = frame[22:38], frame[38:54]
        else:
            continue
        if proto not in (6, 17):
            continue
        ports = struct.unpack_from(">HH", frame, l4)
        sender, receiver = (ends[0], ports[0]), (ends[1], ports[1])
        flow = flows.setdefault((proto, frozenset((sender, receiver))), Flow(sender))
        side = flow.packets.setdefault(sender, [0, seconds * 10**9 + fraction * scale])
        side[0] += 1
    return flows


def nanoseconds(text):
    seconds, _, fraction = text.partition(".")
    return int(seconds) * 10**9 + int((fraction + "0" * 9)[:9])


def address(text):
    if ":" in text:
        import socket
        return socket.inet_pton(socket.AF_INET6, text)
    return bytes(map(int, text.split(".")))


def check_rows(flowxdp, capture, library, work):
    """Returns the reply times."""
    run(flowxdp, "replay", "-q", capture, "--lib", library, "--plugin", "first_reply", "--sink", f"csv:{work}/rows.csv")
    flows, compared, replies = flows_of(capture), 0, []
    with open(work / "rows.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["l4Proto"] not in ("6", "17"):
                continue
            sender, receiver = ((address(row[end + "IP"]), int(row[end + "Port"])) for end in ("src", "dst"))
            flow = flows[int(row["l4Proto"]), frozenset((sender, receiver))]
            assert (row["dir"] == "A") == (flow.first == sender), row
            own, other = flow.packets[sender], flow.packets.get(receiver, [0, None])
            assert abs(float(row["pktShare"]) - own[0] / (own[0] + other[0])) < 1e-6, row
            if row["dir"] == "A" and other[0]:
                assert nanoseconds(row["replyTime"]) == other[1] - own[1], row
                replies.append(other[1] - own[1])
            else:
                assert row["replyTime"] == "", row
            compared += 1
    assert compared == sum(len(flow.packets) for flow in flows.values()) and compared > 5, compared
    return replies


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowxdp", required=True, type=pathlib.Path)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--cc", required=True)
    arguments = parser.parse_args()
    missing = cargo_is_missing()
    if missing:
        print("SKIP: needs", missing)
        return 77
    flowxdp, source = arguments.flowxdp.resolve(), arguments.source.resolve()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        crate = work / "plugin-rust"
        shutil.copytree(source / "examples/plugin-rust", crate, ignore=shutil.ignore_patterns("target"))
        layouts = Layouts(run("cargo", "test", "--offline", "--", "--nocapture", cwd=crate))
        check_declarations(layouts, source, arguments.cc, work)
        said = run("cargo", "build", "--release", "--offline", cwd=crate)
        assert "warning" not in said, said
        # The build tree's modules and the new one.
        built, library = flowxdp.parents[1] / "lib/flowxdp", work / "lib"
        (library / "plugins").mkdir(parents=True)
        for entry in built.iterdir():
            if entry.name not in ("plugins", "sinks"):
                (library / entry.name).symlink_to(entry)
        for plugin in (built / "plugins").iterdir():
            (library / "plugins" / plugin.name).symlink_to(plugin)
        shutil.copyfile(crate / "target/release/libfirst_reply.so", library / "plugins/first_reply.so")
        listed = run(flowxdp, "plugin", "list", "--lib", library)
        assert re.search("810 first_reply 0.1.0$", listed, re.M) and "left out" not in listed, listed
        for name in ("http.pcap", "ftp-session.pcap", "dns.pcap"):
            replies = check_rows(flowxdp, source / "examples" / name, library, work)
        # A limit between two reply times of the last capture: some are slow. One that took as long is not.
        limit_us = sorted(replies)[len(replies) // 2] // 1000
        slow = sum(reply > limit_us * 1000 for reply in replies)
        assert 0 < slow < len(replies), replies
        options = f"first_reply:slow_us={limit_us}"
        said = run(flowxdp, "replay", source / "examples" / name, "--lib", library, "--plugins", f"basic_flow,{options}", "-w", work / "run",
                   "-M", "60", "--alarm", "any", "tcp or udp")
        assert f"firstReply: Number of slow first replies: {slow} of {len(replies)}\n" in said, (slow, said)
        names, *lines = (line.split("\t") for line in (work / "run_monitoring.txt").read_text().splitlines())
        assert lines[-1][names.index("firstReplySlowReplies")] == str(slow), (names, lines)
        with open(work / "run_flows.txt", encoding="utf-8") as file:  # one row for each alarm, which is on A's row alone
            assert sum(line[0] == "A" for line in file) == slow
        said = run(flowxdp, "replay", "-q", source / "examples" / name, "--lib", library, "--plugin", "first_reply:slow_us=never", code=2)
        assert "'slow_us'" in said and "never" in said, said
    print(f"{len(layouts.fields)} fields are those of the headers, and the rows those of the packets")
    return 0


if __name__ == "__main__":
    sys.exit(main())
