#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""syslog_server_test.py FLOWXDP: a replay into rsyslogd over TCP and over a unix socket; what it stored is what the JSON sink
wrote."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
import sink_server as s

RSYSLOGD = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
CONFIG = """
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="all")
input(type="imuxsock" socket="{folder}/log" ruleset="all" ratelimit.interval="0" useSpecialParser="off" parseHostname="on")
template(name="line" type="string" string="%pri%|%timestamp:::date-rfc3339%|%hostname%|%app-name%|%msgid%|%structured-data%|%msg%\\n")
ruleset(name="all") {{ action(type="omfile" file="{folder}/stored" template="line" asyncWriting="off") }}
"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def stored(folder):
    try:
        with open(folder + "/stored") as lines:
            return [line.rstrip("\n").split("|", 6) for line in lines]
    except FileNotFoundError:
        return []


def into(target, folder, port):
    if not os.path.exists(RSYSLOGD):
        raise s.Skip("no rsyslogd (package rsyslog)")
    with open(folder + "/conf", "w") as file:
        file.write(CONFIG.format(folder=folder, port=port))
    server = subprocess.Popen((RSYSLOGD, "-n", "-f", folder + "/conf", "-i", folder + "/pid"), stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
    try:
        s.until(lambda: server.poll() is not None or listens(folder, port), "rsyslogd listens")
        assert server.poll() is None, server.stderr.read()
        rows, report = s.replay(f"syslog:{target},host=edge-1", folder)
        assert s.sink_report(report, "syslog")["sent"] == len(rows) > 10, (len(rows), report["sinks"])
        messages = s.until(lambda: len(m := stored(folder)) >= len(rows) and m, "everything is stored")
    finally:
        server.kill()
        server.wait()
    assert len(messages) == len(rows)
    for row, (priority, time, host, app, kind, data, text) in zip(rows, messages):
        assert (priority, host, app, kind, data) == ("134", "edge-1", "flowxdp", "flow", "-"), (priority, host, app, kind, data)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|\+00:00)", time), time
        found = json.loads(text)
        assert found.pop("sensor") == 666 and found.pop("boot") == "0x0000000000000000"
        assert found == row, (found, row)


def listens(folder, port):
    with socket.socket() as probe:
        return os.path.exists(folder + "/log") and probe.connect_ex(("127.0.0.1", port)) == 0


def over_tcp(folder):
    port = free_port()
    into(f"tcp://127.0.0.1:{port}", folder, port)


def over_a_unix_socket(folder):
    into(f"unix:{folder}/log", folder, free_port())


s.main(over_tcp, over_a_unix_socket)
