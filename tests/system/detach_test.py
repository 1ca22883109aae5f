#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""detach_test.py FLOWXDP: what becomes of a sensor whose daemon was killed with SIGKILL, and of one that runs."""
import os
import signal
import struct

import veth


def exported(network, folder):
    """What the daemon wrote and what the export writes is what was sent: 10 x 3 + 200 x 5 + 1 x 1."""
    name = network.veths[0]
    options = ("--idle-timeout", "0.2", "--plugin", "tcp_win:threshold=7", "--no-plugin", "tcp_flags")
    sensor = veth.Sensor(network, folder + "/a", name, *options)
    network.send(10, 3)
    veth.until(lambda: network.status(name)[0]["books"]["exported"] == 30, "silent flows are exported")
    sensor.kill()
    network.send(200, 5, port=10)
    network.send(1, 1, port=11)
    done = network.tool("detach", "--export", name, "-w", folder + "/b")
    assert "Ledger: 1031 packets = 1031 in flows" in done.stdout, done
    assert "sensor removed" in done.stderr, done
    before, after = veth.rows(folder + "/a"), veth.rows(folder + "/b")
    assert veth.packets(before) == 30 and veth.packets(after) == 1001, (veth.packets(before), veth.packets(after))
    assert len(after) == 201 and list(before[0]) == list(after[0]), "other columns than the daemon's"
    assert not set(row["flowInd"] for row in before) & set(row["flowInd"] for row in after)
    assert not os.path.exists(network.pins(name)) and not network.has_program(name)


def from_a_file(network, folder):
    """Attach, take-over and export read one file; what belongs to the sensor is the sensor's, whatever the file says later."""
    name = network.veths[0]
    text = f'interfaces = ["{name}"]\nwrite = "{folder}/a"\nidle-timeout = 600\nfilter = "udp"\n[plugin.tcp_win]\nthreshold = 7\n'
    path = folder + "/sensor.toml"
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o644)
    veth.Sensor(network, folder + "/a", "--config", path, output=("-x", "7")).kill()
    network.send(20, 2)
    veth.Sensor(network, folder + "/a", "--config", path, output=("-x", "8")).kill()
    refused = network.tool("attach", name, "--direction", "ingress", "--config", path, "--idle-timeout", "9", check=False)
    assert refused.returncode == 1 and "take it over" in refused.stderr, refused
    with open(path, "w") as file:
        file.write(text.replace("600", "9").replace("udp", "tcp"))
    network.send(20, 2)
    network.tool("detach", "--export", "--config", path, "-w", folder + "/b")
    assert veth.packets(veth.rows(folder + "/b")) == 80
    assert not network.has_program(name)


# TCP segments of one connection; the client's windows are given: window 0 is an alarm of tcp_win:alarm_at=1.
SEND_WINDOWS = """
import socket, sys
import frames
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for n, window in enumerate(sys.argv[3:]):
    segment = frames.tcp(20000, 80, 1 + n, 1, window=int(window), body=b'x' * 100)
    s.send(frames.ethernet(frames.IPV4, frames.with_checksums(frames.ipv4(frames.TCP, segment, '192.0.2.1', '192.0.2.2', ident=n)), dst=sys.argv[2]))
"""


def captured(path):
    """IPv4 identifications of the frames in a little-endian pcapng file of Ethernet."""
    data, found, at = open(path, "rb").read(), [], 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            found.append(struct.unpack_from(">H", data, at + 28 + 14 + 4)[0])
        at += length
    return found


def send_windows(network, *windows):
    process = network.python(network.sender, SEND_WINDOWS, network.peers[0], network.mac(network.sensor, network.veths[0]), *windows)
    assert process.wait(timeout=60 * veth.PATIENCE) == 0


def alarmed_flows_alone(network, folder):
    """A sensor of -e alarmed is exported as one, into its own capture or into one that is named."""
    name, options = network.veths[0], ("--plugin", "tcp_win:alarm_at=1", "-e", "alarmed")
    for words, capture in (((), "a"), (("-e", "alarmed"), "b")):
        sensor = veth.Sensor(network, folder + "/a", name, *options)
        send_windows(network, 5000, 5000, 0, 5000)
        veth.until(lambda: os.path.exists(folder + "/a_alarmed.pcapng") and captured(folder + "/a_alarmed.pcapng") == [2, 3], "frames are written")
        sensor.process.send_signal(signal.SIGSTOP)  # what comes now, nobody takes out of the ring
        send_windows(network, 7000, 7000, 7000, 7000, 7000, 7000)
        sensor.kill()
        refused = network.tool("detach", "--export", name, "-w", folder + "/b", "-e", "all", check=False)
        assert refused.returncode == 1 and "cannot export" in refused.stderr, refused
        network.tool("detach", "--export", name, "-w", folder + "/b", *words)
        table = veth.rows(folder + "/b")
        assert veth.packets(table) == 10 and len(table) == 1, table
        assert int(table[0]["flowStat"], 16) >> 52 & 1, "the row does not say that its packets are in the capture"
        whole = [2, 3, 0, 1, 2, 3, 4, 5] if capture == "a" else [0, 1, 2, 3, 4, 5]
        assert captured(f"{folder}/{capture}_alarmed.pcapng") == whole, captured(f"{folder}/{capture}_alarmed.pcapng")
        assert not network.has_program(name)
        for file in os.listdir(folder):
            os.remove(folder + "/" + file)


def nothing_is_served(network, folder):
    """An export ends by itself: it has no pages, and says so. A file that attach reads may ask for them."""
    name = network.veths[0]
    path = folder + "/sensor.toml"
    with open(path, "w") as file:
        file.write(f'interfaces = ["{name}"]\nlisten = "127.0.0.1:9669"\nmonitoring = 1\n')
    os.chmod(path, 0o644)
    veth.Sensor(network, folder + "/a", "--config", path).kill()
    network.send(20, 2)
    for words in (("--listen", "127.0.0.1:9669"), ("-M", "1")):
        refused = network.tool("detach", "--export", name, "-w", folder + "/b", *words, check=False)
        assert refused.returncode == 2 and words[0] in refused.stderr, refused
    network.tool("detach", "--export", "--config", path, "-w", folder + "/b")
    assert veth.packets(veth.rows(folder + "/b")) == 40
    assert not os.path.exists(folder + "/b_monitoring.txt")


def handed_over(network, folder):
    """SIGUSR2 ends the daemon and leaves the sensor, which the next daemon takes over: each packet is in one row, and --dry-run has
    said so."""
    name = network.veths[0]
    words = (name, "--idle-timeout", "0.2", "--direction", "ingress")
    dry = network.tool("attach", "--dry-run", *words)
    assert dry.stdout == f"{name}: a new sensor is attached\n" and not network.has_program(name), dry
    sensor = veth.Sensor(network, folder + "/a", *words)
    network.send(10, 3)
    veth.until(lambda: network.status(name)[0]["books"]["exported"] == 30, "silent flows are exported")
    network.send(20, 2, port=10)
    dry = network.tool("attach", "--dry-run", *words)
    assert f"(pid {sensor.process.pid}) serves the sensor" in dry.stdout, dry
    other = network.tool("attach", "--dry-run", name, "--idle-timeout", "7", check=False)
    assert other.returncode == 1 and f"interface '{name}' has a sensor" in other.stderr, other
    code, report = sensor.stop(signal.SIGUSR2)
    assert code == 0 and "Ledger" not in report and "handed over" in sensor.said(), sensor.said()
    assert network.has_program(name)
    dry = network.tool("attach", "--dry-run", *words)
    assert dry.stdout == f"{name}: the sensor is taken over\n" and "pid" not in network.status(name)[0]["daemon"], dry
    network.send(5, 1, port=11)
    sensor = veth.Sensor(network, folder + "/a", *words)
    code, report = sensor.stop()
    assert code == 0 and "took over" in sensor.said()
    table = veth.rows(folder + "/a")
    assert veth.check_books(report, table)["seen"] == 75 and len(table) == 35, report


def exported_into_the_same_file(network, folder):
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name, "--idle-timeout", "0.2")
    network.send(10, 3)
    veth.until(lambda: network.status(name)[0]["books"]["exported"] == 30, "silent flows are exported")
    sensor.kill()
    network.send(20, 2, port=10)
    network.tool("detach", "--export", name, "-w", folder + "/a")
    assert veth.packets(veth.rows(folder + "/a")) == 70


def taken_over_into_another_file(network, folder):
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name, "--idle-timeout", "0.2")
    network.send(10, 3)
    veth.until(lambda: network.status(name)[0]["books"]["exported"] == 30, "silent flows are exported")
    sensor.kill()
    network.send(20, 2, port=10)
    code, _ = veth.Sensor(network, folder + "/b", name, "--idle-timeout", "0.2").stop()
    assert code == 0
    assert veth.packets(veth.rows(folder + "/a")) == 30 and veth.packets(veth.rows(folder + "/b")) == 40


def removed_interface_of_a_dead_daemon(network, folder):
    name = network.veths[0]
    veth.Sensor(network, folder + "/a", name).kill()
    network.send(20, 2)
    network.ip(network.sensor, "link", "del", name)
    status = network.status(name)[0]
    assert status["ifindex"] == 0 and status["packets"] == 40, status
    # Its name comes again: the old sensor is not taken for the new interface's.
    network.add_pair(0)
    refused = network.tool("attach", name, "-w", folder + "/c", check=False)
    assert refused.returncode == 1 and "detach --export" in refused.stderr, refused
    network.tool("detach", "--export", name, "-w", folder + "/b")
    assert veth.packets(veth.rows(folder + "/b")) == 40
    assert not os.path.exists(network.pins(name))


def not_exported(network, folder):
    name = network.veths[0]
    veth.Sensor(network, folder + "/a", name).kill()
    network.send(20, 2)
    done = network.tool("detach", name)
    assert "40 packets in flows that were not exported" in done.stdout, done
    assert not os.path.exists(network.pins(name))
    veth.until(lambda: not network.has_program(name), "the kernel has taken the program off")  # behind a grace period
    gone = network.tool("detach", name, check=False)
    assert gone.returncode == 1 and f"interface '{name}' has no sensor" in gone.stderr, gone


def other_plugins(network, folder):
    """Plugins given with --export must be the sensor's; else nothing is touched."""
    name = network.veths[0]
    veth.Sensor(network, folder + "/a", name).kill()
    network.send(20, 2)
    refused = network.tool("detach", "--export", name, "-w", folder + "/b", "--plugins", "basic_flow", check=False)
    assert refused.returncode == 1 and "tcp_states" in refused.stderr, refused
    network.send(20, 2)
    network.tool("detach", "--export", name, "-w", folder + "/b")
    assert veth.packets(veth.rows(folder + "/b")) == 80


def running(network, folder):
    """A daemon is stopped as an interrupt would, unless it observes what was not named."""
    first, second = network.veths
    sensor = veth.Sensor(network, folder + "/a", first, second)
    network.send(20, 2)
    refused = network.tool("detach", first, check=False)
    assert refused.returncode == 1 and f"observes '{second}' too" in refused.stderr, refused
    assert sensor.process.poll() is None
    done = network.tool("detach", first, second)
    assert "has exported its flows" in done.stdout, done
    code, _ = sensor.wait()
    assert code == 0 and veth.packets(veth.rows(folder + "/a")) == 40
    for words in ((), ("--all", first), ("-w", folder + "/b", first)):
        assert network.tool("detach", *words, check=False).returncode == 2, words


veth.main("fxde", (exported, from_a_file, exported_into_the_same_file, taken_over_into_another_file,
                   removed_interface_of_a_dead_daemon, not_exported, other_plugins, running, alarmed_flows_alone,
                   nothing_is_served, handed_over), pairs=2)
