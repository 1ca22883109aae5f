#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""databases_test.py FLOWXDP: a daemon killed with SIGKILL again and again under new flows, whose rows go to ClickHouse, NATS JetStream,
Kafka (librdkafka's mock cluster) and Parquet files. Parquet files have each row once; the others each at least once, and once by its key.

Exit 77 without root or BPF, or without one of the servers. Parquet needs FLOWXDP_LIBDUCKDB (sinks/parquet/README.md).
"""
import glob
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../..")
sys.path[:0] = [ROOT + "/tests/support", ROOT + "/sinks/clickhouse", ROOT + "/sinks/nats", ROOT + "/sinks/parquet"]
import clickhouse_server
import duckdb_reader
import kafka_brokers
import nats_server
import sink_server
import veth
from kill_loop import Killed, once, once_each, senders

FLOWS = 20000


def killed_daemon(network, folder):
    where = ("nsenter", f"--net=/run/netns/{network.sensor}")
    try:
        clickhouse, nats = clickhouse_server.Server(folder, start=False), nats_server.Server(folder)
        if not shutil.which("kcat"):
            raise sink_server.Skip("no kcat (package kcat)")
        with kafka_brokers.Brokers(where=where) as kafka:
            return killed_daemon_of(network, folder, clickhouse, nats, kafka, where)
    except (sink_server.Skip, kafka_brokers.Absent) as skip:
        raise veth.Skip(str(skip)) from None


def killed_daemon_of(network, folder, clickhouse, nats, kafka, where):
    # They run where the sensor is, and answer when they like: rows wait for them.
    servers = [network.start(network.sensor, *server.words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for server in (clickhouse, nats)]
    prefix, library = folder + "/run", duckdb_reader.LIBRARY
    options = ["-s", "--idle-timeout", "0.3", "--sink", clickhouse.target(), "--sink", nats.target() + ",stream=FLOWS",
               "--sink", kafka.target()]
    if library:
        options += ["--sink", f"parquet:{folder}/whole.parquet,library={library}", "--sink",
                    f"parquet:{folder}/flows.parquet,library={library},rotate=700f,packets={folder}/packets.parquet"]
    run = Killed(network, lambda: veth.Sensor(network, prefix, network.veths[0], *options), lambda: senders(network, FLOWS), every=0.8)
    seen = run.sent
    wanted = once_each("text", veth.rows(prefix))
    read = subprocess.run((*where, "kcat", "-C", "-e", "-q", "-b", kafka.servers, "-t", "flows"), check=True, capture_output=True, text=True)
    from_kafka = [(row["flowInd"], row["dir"]) for row in map(json.loads, read.stdout.splitlines())]
    assert {(str(number), direction) for number, direction in from_kafka} == wanted, "rows in Kafka"
    for server in servers:
        server.kill()
        server.wait()
    # Asked here, over the data that they left.
    clickhouse.start()
    with clickhouse:
        rows = clickhouse.query('SELECT toString("flowInd") AS flow, toString(dir) AS dir FROM flows FINAL')
        assert once("clickhouse", ((row["flow"], row["dir"]) for row in rows)) == wanted
        packets = clickhouse.query('SELECT toString("pktNo") AS n FROM packets FINAL')
        assert sorted(int(row["n"]) for row in packets) == list(range(1, seen + 1)), "packet rows in ClickHouse"
    with nats:
        messages = nats.messages()
        assert {(str(row["flowInd"]), row["dir"]) for _, row in messages} == wanted
        assert len({number for number, _ in messages}) == len(wanted)
    said = f"{run.kills} kills, {seen} packets, {len(wanted)} rows, {len(messages)} messages in NATS, {len(from_kafka)} in Kafka"
    if not library:
        print("SKIP: Parquet files: no FLOWXDP_LIBDUCKDB")
        return said
    duckdb = duckdb_reader.Duckdb()
    rotated = sorted(glob.glob(folder + "/flows_*.parquet"))
    assert len(rotated) > 10, rotated
    for files in ([folder + "/whole.parquet"], rotated):
        assert once(files[0], map(tuple, duckdb.ask(f'SELECT "flowInd"::VARCHAR, dir FROM read_parquet({files!r})'))) == wanted
    files = sorted(glob.glob(folder + "/packets_*.parquet"))
    numbers = sorted(int(n) for n, in duckdb.ask(f'SELECT "pktNo"::VARCHAR FROM read_parquet({files!r})'))
    assert numbers == list(range(1, seen + 1)), "packet rows in Parquet files"
    assert not glob.glob(folder + "/*.part*") + glob.glob(folder + "/*.tmp"), os.listdir(folder)
    return said


veth.main("fxdb", (killed_daemon,), quiet=False)
