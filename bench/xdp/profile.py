#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""profile.py BUILD [--seconds S] [--lines N] [OPTION of xdp_bench...]: in which source lines the sensor's program spends its time.

Runs BUILD's xdp_bench and samples it with perf (Debian's linux-perf; by the clock, so a virtual machine will do). The kernel says from
which line each address of the program comes. Prints symbols and lines with their share of the samples, in per cent. Needs root.

A share says where the processor waited, not what made it wait: a load that misses counts at the instruction that needs it.
"""
import argparse
import bisect
import collections
import ctypes
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

# linux/bpf.h
SYS_BPF = {"x86_64": 321, "aarch64": 280}
PROG_GET_NEXT_ID, PROG_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD, BTF_GET_FD_BY_ID = 11, 13, 15, 19
# Offsets in struct bpf_prog_info.
NAME, NR_KSYMS, NR_FUNC_LENS, KSYMS, FUNC_LENS, BTF_ID = 64, 104, 108, 112, 120, 128
NR_LINE_INFO, LINE_INFO, JITED_LINE_INFO, NR_JITED_LINE_INFO = 148, 152, 160, 168
LINE_INFO_SIZE, JITED_LINE_INFO_SIZE, INFO_BYTES = 172, 176, 232


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(144, b"\0"))
    libc = ctypes.CDLL(None, use_errno=True)
    answer = libc.syscall(SYS_BPF[os.uname().machine], command, buffer, len(buffer))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer, buffer.raw


def info_of(fd, wanted=b""):
    """What the kernel says of an object. wanted: the request, with addresses and lengths of arrays to fill."""
    info = ctypes.create_string_buffer(wanted.ljust(INFO_BYTES, b"\0"), INFO_BYTES)
    bpf(OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", fd, INFO_BYTES, ctypes.addressof(info)))
    return info.raw


def program_fd(name):
    """The newest program of this name, or None."""
    found, at = None, 0
    while True:
        try:
            _, answer = bpf(PROG_GET_NEXT_ID, struct.pack("=I", at))
        except OSError:
            return found
        (at,) = struct.unpack_from("=I", answer, 4)
        fd, _ = bpf(PROG_GET_FD_BY_ID, struct.pack("=I", at))
        if info_of(fd)[NAME:NAME + 16].split(b"\0")[0].decode() == name:
            found = fd


def program_id(name):
    """The id of the newest program of this name; None: there is none."""
    fd = program_fd(name)
    return None if fd is None else struct.unpack_from("=I", info_of(fd), 4)[0]


def strings_of(btf_id):
    """The strings of a BTF object, one after the other."""
    fd, _ = bpf(BTF_GET_FD_BY_ID, struct.pack("=I", btf_id))
    data = ctypes.create_string_buffer(1 << 22)
    info_of(fd, struct.pack("=QI", ctypes.addressof(data), len(data)))
    header_bytes, = struct.unpack_from("=I", data.raw, 4)
    offset, length = struct.unpack_from("=II", data.raw, 16)
    return data.raw[header_bytes + offset:header_bytes + offset + length]


def lines_of(fd):
    """The program's functions as (first address, bytes), and its lines as (address, "file:line text"), both in order."""
    info = info_of(fd)
    number = {at: struct.unpack_from("=I", info, at)[0] for at in (NR_KSYMS, NR_FUNC_LENS, NR_LINE_INFO, NR_JITED_LINE_INFO)}
    symbols, lengths = (ctypes.c_uint64 * number[NR_KSYMS])(), (ctypes.c_uint32 * number[NR_FUNC_LENS])()
    lines, jited = ctypes.create_string_buffer(16 * number[NR_LINE_INFO]), (ctypes.c_uint64 * number[NR_JITED_LINE_INFO])()
    request = bytearray(INFO_BYTES)
    for at, array in ((KSYMS, symbols), (FUNC_LENS, lengths), (LINE_INFO, lines), (JITED_LINE_INFO, jited)):
        struct.pack_into("=Q", request, at, ctypes.addressof(array))
    for at, value in number.items():
        struct.pack_into("=I", request, at, value)
    struct.pack_into("=II", request, LINE_INFO_SIZE, 16, 8)
    info_of(fd, bytes(request))
    strings = strings_of(struct.unpack_from("=I", info, BTF_ID)[0])
    text = lambda offset: strings[offset:strings.index(b"\0", offset)].decode(errors="replace").strip()
    named = []
    for address, (_, file, line, column) in zip(jited, struct.iter_unpack("=IIII", lines.raw)):
        named.append((address, f"{os.path.basename(text(file))}:{column >> 10} {text(line)}"))
    return sorted(zip(symbols, lengths)), sorted(named)


def samples(folder, process, seconds):
    """(address, symbol) of what the process ran meanwhile."""
    record = folder + "/perf.data"
    subprocess.run(["perf", "record", "-o", record, "-e", "cpu-clock", "-F", "19973", "-p", str(process), "--", "sleep", str(seconds)],
                   check=True, capture_output=True)
    said = subprocess.run(["perf", "script", "-i", record, "-F", "ip,sym"], check=True, capture_output=True, text=True).stdout
    for line in said.splitlines():
        found = re.match(r"\s*([0-9a-f]+) (.*)", line)
        if found:
            yield int(found[1], 16), found[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--lines", type=int, default=40)
    options, more = parser.parse_known_args()
    if not shutil.which("perf"):
        sys.exit("profile.py: needs perf (Debian's linux-perf)")
    bench = subprocess.Popen([options.build / "bin/xdp_bench", "--rounds", "1000", "--packets", "1000000", *more], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        while program_fd("rotate_known") is None or program_fd("flowxdp_ingress") is None:
            if bench.poll() is not None:
                sys.exit("profile.py: xdp_bench has ended; run it by hand to see why")
            time.sleep(0.1)
        sampled = None
        while sampled != program_id("flowxdp_ingress"):  # xdp_bench loads some variants more than once
            sampled = program_id("flowxdp_ingress")
            functions, lines = lines_of(program_fd("flowxdp_ingress"))
            with tempfile.TemporaryDirectory() as folder:
                taken = list(samples(folder, bench.pid, options.seconds))
            if bench.poll() is not None:
                sys.exit("profile.py: xdp_bench has ended; run it by hand to see why")
    finally:
        bench.kill()
        bench.wait()
    symbols, by_line = collections.Counter(symbol for _, symbol in taken), collections.Counter()
    begins, addresses = [first for first, _ in functions], [address for address, _ in lines]
    for address, _ in taken:
        function = bisect.bisect_right(begins, address) - 1
        if function >= 0 and address < begins[function] + functions[function][1]:
            by_line[lines[bisect.bisect_right(addresses, address) - 1][1]] += 1
    for counted, most in ((symbols, 12), (by_line, options.lines)):
        for name, number in counted.most_common(most):
            print(f"{100 * number / len(taken):6.2f}  {name[:140]}")
        print()


if __name__ == "__main__":
    main()
