#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""trust_test.py FLOWXDP: the account of `attach --user` is hostile. It owns the pins and writes into them what it likes, without a
capability; root's status, top, attach and detach then harm nobody else.

Here and there: fields at random (the seed is printed), and each attack that once worked.
"""
import contextlib
import ctypes
import itertools
import json
import mmap
import os
import platform
import pwd
import random
import re
import struct
import subprocess
import sys

import veth

NOBODY = pwd.getpwnam("nobody")
AS_NOBODY = ("setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups", "--inh-caps=-all",
             "--bounding-set=-all")
# What may stand in output: no control but the line's end, no byte that is not UTF-8.
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\ufffd]")
MAPS = ("state", "journal", "evict_out", "evict_request", "evict_keys", "flows", "records", "free_slots", "front",
        "sensor", "counts", "fragments", "filter_text")

# The account may not be permitted to read the source tree.
PROGRAM = ""
if "__file__" in globals():
    with open(__file__, encoding="utf-8") as source:
        PROGRAM = source.read().replace("import veth\n", "")
# bpf(2) as the account may call it: BPF_MAP_LOOKUP_ELEM 1, _UPDATE_ELEM 2, _GET_NEXT_KEY 4, BPF_OBJ_GET 7, _GET_INFO_BY_FD 15.
BPF = {"x86_64": 321, "aarch64": 280}.get(platform.machine(), 0)


def bpf(command, attributes):
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    done = libc.syscall(BPF, command, buffer, len(attributes))
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done


def text(value):
    return ctypes.create_string_buffer(value, len(value))


class Map:
    def __init__(self, path):
        name = text(path.encode() + b"\0")
        self.fd = bpf(7, struct.pack("<QII", ctypes.addressof(name), 0, 0))
        info = text(bytes(64))
        bpf(15, struct.pack("<IIQ", self.fd, len(info), ctypes.addressof(info)))
        self.type, _, self.key_size, self.value_size, self.entries = struct.unpack_from("<IIIII", info)
        # A value for each possible CPU.
        with open("/sys/devices/system/cpu/possible") as file:
            cpus = int(file.read().strip().split("-")[-1]) + 1
        self.bytes = (self.value_size + 7) // 8 * 8 * cpus if self.type in (5, 6) else self.value_size

    def keys(self):
        before, after = None, text(bytes(self.key_size))
        while True:
            try:
                bpf(4, struct.pack("<IIQQ", self.fd, 0, ctypes.addressof(before) if before else 0, ctypes.addressof(after)))
            except FileNotFoundError:
                return
            yield after.raw
            before = text(after.raw)

    def read(self, key):
        key, value = text(key), text(bytes(self.bytes))
        bpf(1, struct.pack("<IIQQQ", self.fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0))
        return bytearray(value.raw)

    def write(self, key, value):
        key, value = text(key), text(bytes(value))
        bpf(2, struct.pack("<IIQQQ", self.fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0))


def damage(value, chance):
    """A few words, or one stretch, at random; controls and extremes more often than chance has them."""
    for _ in range(chance.randint(1, 8)):
        width = chance.choice((1, 2, 4, 8, 64))
        if len(value) < width:
            continue
        at = chance.randrange(0, len(value) - width + 1, min(width, 8))
        value[at:at + width] = chance.choice((chance.randbytes(width), b"\xff" * width, bytes(width), b"\x7f" * width,
                                              (b"\x1b[2J\x07\n" * 11)[:width]))


def as_account(folder, action, *words):
    """What runs as the account: this file as a program."""
    if action == "random":
        seed, tries = map(int, words)
        chance = random.Random(seed)
        for _ in range(tries):
            if chance.randrange(8) == 0:
                with mmap.mmap(Map(folder + "/ring").fd, 4096) as consumer:
                    consumer[:8] = chance.choice((chance.randbytes(8), struct.pack("<Q", chance.randrange(1 << 16))))
            one = Map(f"{folder}/{chance.choice(MAPS)}")
            keys = list(itertools.islice(one.keys(), 4096))
            for key in chance.sample(keys, min(len(keys), 32)):
                value = one.read(key)
                damage(value, chance)
                one.write(key, value)
    elif action == "pid":
        # Again and again: the daemon writes its own.
        old, new = (struct.pack("<I", int(word)) for word in words)
        one = Map(folder + "/state")
        while os.path.exists(folder + "/state"):
            value = one.read(bytes(4))
            if old in value:
                one.write(bytes(4), value.replace(old, new))
    elif action == "text":
        old, new = (word.encode() for word in words)
        one = Map(folder + "/state")
        value = one.read(bytes(4))
        at, found = value.find(old + b"\0"), 0
        while at >= 0:
            value[at:at + max(len(old), len(new))] = new.ljust(max(len(old), len(new)), b"\0")
            at, found = value.find(old + b"\0"), found + 1
        assert found, "the text is not there"
        one.write(bytes(4), value)
    elif action == "links":
        target, = words
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
        os.rmdir(folder)
        os.symlink(target, folder)
    elif action == "pins":
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
            os.symlink(words[0], f"{folder}/{name}")


def account_words(*words):
    return (*AS_NOBODY, sys.executable, "-B", "-c", PROGRAM, "account", *map(str, words))


def account(*words):
    done = veth.run(*account_words(*words), check=False)
    if "PermissionError" in done.stderr and "bpf(" in done.stderr:
        raise veth.Skip("this kernel lets no account without capabilities open its own pins")
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def closed():
    """/sys/fs/bpf as systemd mounts it: for root alone."""
    mode = os.stat("/sys/fs/bpf").st_mode & 0o7777
    os.chmod("/sys/fs/bpf", 0o700)
    try:
        yield
    finally:
        os.chmod("/sys/fs/bpf", mode)


class Hostile:
    """A sensor of the account's, a process and files of root's that must not change."""

    def __init__(self, network, folder, *options):
        self.network, self.name, self.folder = network, network.veths[0], folder
        self.there = folder + "/theirs"
        os.mkdir(self.there)
        os.chown(self.there, NOBODY.pw_uid, NOBODY.pw_gid)
        self.roots = folder + "/roots"
        os.mkdir(self.roots, 0o700)
        with open(self.roots + "/file", "w") as file:
            file.write("root's own\n")
        os.chmod(self.roots + "/file", 0o600)
        self.victim = subprocess.Popen(("sleep", "600"))
        network.started.append(self.victim)
        self.attach(*options)

    def attach(self, *options):
        self.sensor = veth.Sensor(self.network, self.there + "/a", self.name, "--user", "nobody", *options)
        self.pins = self.network.pins(self.name) + "/" + os.listdir(self.network.pins(self.name))[0]

    def check(self, done):
        """Of a command of root's: it ended by itself, said nothing to the terminal, harmed nobody."""
        assert 0 <= done.returncode < 128 and "Sanitizer" not in done.stderr, done
        for output in (done.stdout, done.stderr):
            assert not CONTROL.search(output), output
        assert self.victim.poll() is None, "a foreign process was ended"
        with open(self.roots + "/file") as file:
            assert file.read() == "root's own\n"
        assert os.listdir(self.roots) == ["file"] and os.stat(self.roots + "/file").st_uid == 0
        return done

    def root(self, *words):
        return self.check(self.network.tool(*words, check=False, errors="replace", timeout=60 * veth.PATIENCE))


def foreign_process(network, folder):
    """The pid in the state is somebody else's: the daemon that holds the lock is stopped, and it alone."""
    hostile = Hostile(network, folder)
    network.send(10, 2)
    lying = subprocess.Popen(account_words(hostile.pins, "pid", hostile.sensor.process.pid, hostile.victim.pid))
    network.started.append(lying)
    state = Map(hostile.pins + "/state")
    veth.until(lambda: struct.pack("<I", hostile.victim.pid) in state.read(bytes(4)), "the state names a foreign process")
    assert network.status(hostile.name)[0]["daemon"]["pid"] == hostile.sensor.process.pid
    done = hostile.root("detach", hostile.name)
    assert done.returncode == 0 and f"daemon {hostile.sensor.process.pid} stopped" in done.stdout, done
    code, _ = hostile.sensor.wait()
    assert code == 0 and veth.packets(veth.rows(hostile.there + "/a"), l4Proto="17") == 20


def foreign_file(network, folder):
    """The capture's path leads to root's file: the export writes as the account, which may not."""
    own = folder + "/theirs/a.pcapng"
    hostile = Hostile(network, folder, "-e", "all:" + own)
    network.send(10, 2)
    hostile.sensor.kill()
    account(hostile.pins, "text", own, hostile.roots + "/file")
    done = hostile.root("detach", "--export", hostile.name, "-w", hostile.there + "/b")
    assert done.returncode == 1 and "Permission denied" in done.stderr, done
    account(hostile.pins, "text", hostile.roots + "/file", own)
    with closed():
        done = hostile.root("detach", "--export", hostile.name, "-w", hostile.there + "/b")
    assert done.returncode == 0 and veth.packets(veth.rows(hostile.there + "/b"), l4Proto="17") == 20, done
    assert os.stat(hostile.there + "/b_flows.txt").st_uid == NOBODY.pw_uid
    assert not os.path.exists(network.pins(hostile.name)) and not network.has_program(hostile.name)


def links(network, folder):
    """A link in the place of a folder, or of a pin, is not followed: nothing of root's is removed, read or given away."""
    hostile = Hostile(network, folder)
    hostile.sensor.kill()
    account(hostile.pins, "links", hostile.roots)
    hostile.root("status")
    refused = hostile.root("detach", hostile.name)
    assert refused.returncode == 1 and "has no sensor" in refused.stderr, refused
    os.unlink(hostile.pins)
    hostile.attach()
    hostile.sensor.kill()
    account(hostile.pins, "pins", hostile.roots + "/file")
    for words in (("status",), ("top", "--once", "--interval", "0.1"), ("attach", hostile.name, "-w", folder + "/c"),
                  ("attach", hostile.name, "--user", "nobody", "-w", hostile.there + "/c"),
                  ("detach", "--export", hostile.name, "-w", hostile.there + "/c"), ("detach", hostile.name)):
        hostile.root(*words)
    assert not os.path.exists(hostile.pins)


def not_taken_over(network, folder):
    """Root's daemon goes on with what root left, or the user that it becomes, and with nobody else's."""
    hostile = Hostile(network, folder)
    network.send(10, 2)
    hostile.sensor.kill()
    refused = hostile.root("attach", hostile.name, "-w", folder + "/c")
    assert refused.returncode == 77 and "--user nobody" in refused.stderr, refused
    assert not os.path.exists(folder + "/c_flows.txt"), "it wrote before it looked"
    with closed():
        hostile.attach()
        code, _ = hostile.sensor.stop()
    assert code == 0 and veth.packets(veth.rows(hostile.there + "/a"), l4Proto="17") == 20


def anything(network, folder):
    """Fields of every map at random, then every command of root's."""
    seed = random.SystemRandom().randrange(1 << 32)
    hostile = Hostile(network, folder)
    network.send(50, 3)
    for n in range(12):
        account(hostile.pins, "random", seed + n, 10)
        for words in (("status",), ("status", "--json"), ("top", "--once", "--interval", "0.05")):
            done = hostile.root(*words)
            if "--json" in words:
                json.loads(done.stdout)
    hostile.sensor.kill()
    for n in range(4):
        account(hostile.pins, "random", seed + 100 + n, 20)
        hostile.root("status")
        done = hostile.root("detach", "--export", hostile.name, "-w", hostile.there + "/b")
        # Not every damage hinders an export: a new sensor then.
        if not os.path.exists(hostile.pins):
            hostile.attach()
            network.send(50, 3)
            hostile.sensor.kill()
    account(hostile.pins, "random", seed + 200, 50)
    hostile.check(network.inside(network.sensor, "timeout", "-s", "INT", "5", network.flowxdp, "attach", hostile.name, "--user",
                                 "nobody", "-w", hostile.there + "/d", "-c", "1", check=False, errors="replace"))
    if os.path.exists(network.pins(hostile.name)):
        hostile.root("detach", hostile.name)
    return f"seed {seed}"


def a_folder_of_somebody(network, folder):
    """The folder of all sensors is another user's, or everybody's: nothing below it is believed."""
    root = "/sys/fs/bpf/flowxdp"
    if os.path.exists(root):
        if os.listdir(root):
            return "not asked: other sensors are there"
        os.rmdir(root)
    for owner, mode, word in ((NOBODY.pw_uid, 0o700, "belongs to user"), (0, 0o777, "written by others")):
        os.mkdir(root)
        try:
            os.chmod(root, mode)
            os.chown(root, owner, -1)
            for words in (("status",), ("top", "--once"), ("detach", "--all"), ("attach", network.veths[0], "-w", folder + "/a")):
                refused = network.tool(*words, check=False)
                assert refused.returncode == 77 and word in refused.stderr and root in refused.stderr, refused
        finally:
            os.rmdir(root)
    return None


if len(sys.argv) > 3 and sys.argv[1] == "account":
    as_account(*sys.argv[2:])
else:
    veth.main("fxtr", (foreign_process, foreign_file, links, not_taken_over, anything, a_folder_of_somebody))
