#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""monitor_test.py FLOWXDP: the pages of --listen beside a running sensor, and clients that mean it no good.

Expected counts are those of the packets sent: flows of 128 IP bytes a packet, 142 on the wire.
"""
import json
import os
import re
import shutil
import subprocess
import sys

import veth

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../deploy"))
import dashboards

GET = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1], headers={'Authorization': sys.argv[2]} if sys.argv[2:] else {})
try:
    with urllib.request.urlopen(request, timeout=60) as answer:
        print(answer.status, answer.headers['Content-Type'])
        print(answer.read().decode(), end='')
except urllib.error.HTTPError as error:
    print(error.code, error.headers['Content-Type'])
    print(error.read().decode(), end='')
"""
# Connections that are opened and say nothing, endlessly much, or ask and do not read.
HOLD = """
import socket, sys, time
port, many = map(int, sys.argv[1:3])
held = []
for n in range(many):
    s = socket.create_connection(('127.0.0.1', port))
    held.append(s)
    try:
        if n % 3 == 1:
            s.sendall(b'GET /metrics HTTP/1.1\\r\\n' + b'a: b\\r\\n' * 3000)
        if n % 3 == 2:
            s.sendall(b'GET /metrics HTTP/1.1\\r\\n\\r\\n')
    except OSError:
        pass
print('held', flush=True)
time.sleep(600)
"""

# A receiver that takes the connection and reads nothing.
STALL = """
import socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.bind(('127.0.0.1', 0))
s.listen()
print(s.getsockname()[1], flush=True)
held = s.accept()
time.sleep(600)
"""


def port_of(sensor):
    return int(re.search(r"http://127\.0\.0\.1:(\d+)/metrics", sensor.said())[1])


def get(network, sensor, path, *token):
    ran = network.inside(network.sensor, sys.executable, "-c", GET, f"http://127.0.0.1:{port_of(sensor)}{path}", *token)
    head, body = ran.stdout.split("\n", 1)
    code, kind = head.split(" ", 1)
    return int(code), kind, body


def metrics(network, sensor):
    """The samples of /metrics by series."""
    code, kind, body = get(network, sensor, "/metrics")
    assert code == 200 and kind.startswith("text/plain; version=0.0.4"), (code, kind)
    samples = dict(line.rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, value in samples.items()}, body


def counters_are_those_of_the_sensor(network, folder):
    veth0 = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", veth0, "--listen", "127.0.0.1:0", "--idle-timeout", "1")
    network.send(40, 5)
    series = lambda name, labels="": f'flowxdp_{name}{{interface="{veth0}"{labels}}}'
    # Idle flows are exported; a page is at most a moment old.
    found = veth.until(lambda: (m := metrics(network, sensor)[0]) and m["flowxdp_exported_flows_total"] == 40 and m,
                       "the flows are exported")
    assert found[series("packets_seen_total")] == 200
    assert found[series("wire_bytes_total")] == 200 * 142
    assert found[series("flows_started_total")] == found[series("flows_ended_idle_total")] == 40
    assert found[series("table_flows")] == 0 and found[series("table_flows_limit")] == 1 << 18
    assert found[series("ring_limit_bytes")] == 1 << 25
    assert found["flowxdp_exported_packets_total"] == 200 and found["flowxdp_exported_bytes_total"] == 200 * 128
    safe = veth.until(lambda: (m := metrics(network, sensor)[0])[series("safe_packets_total")] == 200 and m, "the rows are safe")
    assert safe['flowxdp_sink_rows_total{sink="text",index="0"}'] == 40
    assert safe['flowxdp_sink_sent_rows_total{sink="text",index="0"}'] == 40
    assert safe["flowxdp_round_duration_seconds_count"] == safe['flowxdp_round_duration_seconds_bucket{le="+Inf"}'] > 0
    assert safe["flowxdp_round_duration_seconds_sum"] > 0
    assert 0 <= safe["flowxdp_last_round_age_seconds"] < 30
    # Every counter that status has is there, with its value.
    (status,) = network.status(veth0)
    code, kind, body = get(network, sensor, "/status.json")
    assert (code, kind) == (200, "application/json")
    (page,) = json.loads(body)
    assert page["counters"] == status["counters"] and page["packets"] == 200 and page["daemon"]["pid"] == sensor.process.pid
    for name, value in status["counters"].items():
        assert safe[series(name.replace("octets", "bytes") + "_total")] == value, name
    assert get(network, sensor, "/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
    assert get(network, sensor, "/readyz") == (200, "text/plain; charset=utf-8", "ok\n")
    assert get(network, sensor, "/")[0] == get(network, sensor, "/etc/passwd")[0] == 404
    assert sensor.stop()[0] == 0


def promtool_and_deploy_know_them(network, folder):
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--listen", "127.0.0.1:0", "--sink", f"json:{folder}/a.json")
    network.send(1, 1)
    _, text = metrics(network, sensor)
    assert sensor.stop()[0] == 0
    known = dashboards.families(text) | dashboards.FOREIGN
    for where, expression in dashboards.dashboard_expressions() + dashboards.rule_expressions():
        unknown = dashboards.metrics_of(expression) - known
        assert not unknown, f"'{where}' names {unknown}, which a run does not have"
    if not shutil.which("promtool"):
        raise veth.Skip("no promtool (package prometheus)")
    checked = subprocess.run(("promtool", "check", "metrics"), input=text, capture_output=True, text=True)
    assert checked.returncode == 0 and not checked.stdout + checked.stderr, checked


def the_busiest_are_those_of_top(network, folder):
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--listen", "127.0.0.1:0")
    network.send(3, 4)
    network.send(1, 9, port=11)
    code, kind, body = get(network, sensor, "/flows")
    assert (code, kind) == (200, "application/json"), body
    flows = {(f["source"], f["destination"]): f for f in json.loads(body)["flows"]}
    top = json.loads(network.tool("top", "--json", network.veths[0]).stdout)
    assert len(flows) == 4 and set(flows) == {(f["source"], f["destination"]) for f in top["flows"]}
    assert flows["192.0.2.1:20000", "192.0.2.2:11"]["packets"] == 9
    assert flows["192.0.2.1:20000", "192.0.2.2:11"]["octets"] == 9 * 128
    assert flows["192.0.2.1:20002", "192.0.2.2:9"]["packets"] == 4
    (talker,) = json.loads(body)["talkers"]
    assert talker["address"] == "192.0.2.1" and talker["packets"] == 21 and talker["flows"] == 4
    assert sensor.stop()[0] == 0


def hostile_clients_do_not_hold_it_up(network, folder):
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--listen", "127.0.0.1:0", "--idle-timeout", "0.2")
    port = port_of(sensor)
    before = len(os.listdir(f"/proc/{sensor.process.pid}/fd"))
    holders = [network.python(network.sensor, HOLD, port, 300, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for holder in holders:
        assert holder.stdout.readline() == "held\n"
    # Rounds go on: flows that fall due are exported and safe.
    network.send(10, 3)
    veth.until(lambda: network.status(network.veths[0])[0]["books"]["exported"] == 30, "the flows are exported")
    # Threads and descriptors are bounded, whatever is connected.
    threads = len(os.listdir(f"/proc/{sensor.process.pid}/task"))
    assert threads < 30, threads
    assert len(os.listdir(f"/proc/{sensor.process.pid}/fd")) < before + 100
    for holder in holders:
        holder.kill()
        holder.wait()
    found = veth.until(lambda: answers(network, sensor), "it serves again")
    assert found["flowxdp_http_refused_connections_total"] > 0
    # A sender that has no CPU for longer than the idle timeout begins a flow anew.
    assert 10 <= found["flowxdp_exported_flows_total"] <= 30
    # The end does not wait for who holds a connection.
    holder = network.python(network.sensor, HOLD, port, 6, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    code, report = sensor.stop()
    assert code == 0 and "Ledger: 30 packets = 30 in flows" in report, report


def answers(network, sensor):
    try:
        return metrics(network, sensor)[0]
    except subprocess.CalledProcessError:
        return None


def a_slow_sink_is_seen(network, folder):
    """The daemon waits for a receiver that does not read: alive, not ready, and the kernel's counters are those of now."""
    receiver = network.python(network.sensor, STALL, stdout=subprocess.PIPE, text=True)
    port = int(receiver.stdout.readline())
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--listen", "127.0.0.1:0", "--idle-timeout", "0.2", "--sink",
                         f"socket:tcp://127.0.0.1:{port},patience=600")
    network.send(2000, 1)
    code, _, why = veth.until(lambda: (page := get(network, sensor, "/readyz"))[0] == 503 and page, "the daemon waits")
    assert re.match(rf"last round \d+ s ago; sink socket:tcp://127.0.0.1:{port} holds rows", why), why
    assert get(network, sensor, "/healthz")[0] == 200
    network.send(10, 2, port=10)
    seen = f'flowxdp_packets_seen_total{{interface="{network.veths[0]}"}}'
    veth.until(lambda: metrics(network, sensor)[0][seen] == 2020, "the counters are fresh")
    sensor.kill()


def strangers_need_the_token(network, folder):
    token = folder + "/token"
    with open(token, "w") as file:
        file.write("0123456789abcdef\n")
    os.chmod(token, 0o600)
    for options, what in ((("--listen", "0.0.0.0:0"), "can be reached by others"),
                          (("--listen-token-file", token), "nothing listens"),
                          (("--listen", "example.org:80"), "no numeric address")):
        refused = network.tool("attach", network.veths[0], *options, check=False)
        assert refused.returncode == 2 and what in refused.stderr, refused
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--listen", "127.0.0.1:0", "--listen-token-file", token)
    assert "0123456789abcdef" not in sensor.said() + network.tool("status", "-a").stdout
    assert get(network, sensor, "/flows")[0] == get(network, sensor, "/healthz")[0] == 401
    assert get(network, sensor, "/healthz", "Bearer 0123456789abcdef")[0] == 200
    taken = network.tool("attach", network.veths[0], "--listen", f"127.0.0.1:{port_of(sensor)}", "-w", folder + "/b", check=False)
    assert taken.returncode == 1 and "cannot listen on" in taken.stderr, taken
    assert sensor.stop()[0] == 0


def without_the_right_to_open_pins(network, folder):
    """As under systemd: the BPF file system is root's alone, and the daemon is somebody else once attached."""
    there = folder + "/nobodys"
    os.mkdir(there)
    os.chown(there, 65534, 65534)
    closed = ("unshare", "--mount", "sh", "-c", 'mount -t bpf -o mode=0700 bpf /sys/fs/bpf && exec "$@"', "sh")
    sensor = veth.Sensor(network, there + "/a", network.veths[0], "--listen", "127.0.0.1:0", "--user", "nobody", "--idle-timeout",
                         "0.2", wrapper=closed)
    network.send(10, 3)
    seen = f'flowxdp_packets_seen_total{{interface="{network.veths[0]}"}}'
    found = veth.until(lambda: (m := metrics(network, sensor)[0]) and m["flowxdp_exported_flows_total"] == 10 and m, "flows are exported")
    assert found[seen] == 30 and found["flowxdp_sensors_unreadable"] == 0
    (page,) = json.loads(get(network, sensor, "/status.json")[2])
    assert page["packets"] == 30 and page["daemon"]["uid"] == 65534, page
    assert get(network, sensor, "/flows")[0] == 200
    assert sensor.stop()[0] == 0


def messages_are_json(network, folder):
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--log-format", "json")
    assert sensor.stop()[0] == 0
    lines = [json.loads(line) for line in sensor.said().splitlines()]
    assert any("XDP program" in line["message"] for line in lines), lines
    for line in lines:
        assert set(line) == {"time", "level", "message"} and line["level"] in ("error", "warning", "information", "detail")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]), line
    refused = network.tool("attach", "no\"such", "--log-format", "json", check=False)
    why = json.loads(refused.stderr.splitlines()[-1])
    assert refused.returncode == 1 and why["level"] == "error" and 'no"such' in why["message"], refused


veth.main("fxmo", (counters_are_those_of_the_sensor, promtool_and_deploy_know_them, the_busiest_are_those_of_top,
                   hostile_clients_do_not_hold_it_up, a_slow_sink_is_seen, strangers_need_the_token,
                   without_the_right_to_open_pins, messages_are_json))
