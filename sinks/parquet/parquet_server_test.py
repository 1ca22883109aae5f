#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""parquet_server_test.py FLOWXDP: replays into Parquet files, and asks DuckDB for what is in them. FLOWXDP_LIBDUCKDB=libduckdb.so names
its library (npm package @duckdb/node-bindings-linux-x64)."""
import glob
import os
import signal
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
import sink_server as s
from duckdb_reader import LIBRARY, Duckdb


def target(path, words=""):
    return f"parquet:{path},library={LIBRARY}{words}"


def nanoseconds(text):
    seconds, _, digits = text.partition(".")
    return str(int(seconds + digits))


def compare(duckdb, files, rows):
    """The rows, in their order, as the JSON sink has them."""
    found = duckdb.ask('SELECT "flowInd"::VARCHAR, dir, "pktsSnt"::VARCHAR, "srcPort"::VARCHAR, "dstIP", array_to_string("srcMac", \';\'), '
                       'epoch_ns("timeLast")::VARCHAR, duration::VARCHAR, sensor::VARCHAR, boot::VARCHAR, '
                       f'array_to_string("hdrDesc", \';\') FROM read_parquet({files!r})')
    wanted = [[str(r["flowInd"]), r["dir"], str(r["pktsSnt"]), str(r["srcPort"]) if r["srcPort"] is not None else None,
               None if r["dstIP"] == "-" else r["dstIP"], ";".join(r["srcMac"]), nanoseconds(r["timeLast"]), r["duration"], "666", "0",
               ";".join(r["hdrDesc"])] for r in rows]
    assert found == wanted, next((pair for pair in zip(found, wanted) if pair[0] != pair[1]), (len(found), len(wanted)))


def rows_are_those_of_the_run(folder):
    duckdb = Duckdb()
    path = folder + "/flows.parquet"
    rows, report = s.replay(target(path), folder)
    assert s.sink_report(report, "parquet")["sent"] == len(rows) > 10, report["sinks"]
    assert sorted(os.path.basename(name) for name in glob.glob(folder + "/flows*")) == ["flows.parquet"]
    with open(path, "rb") as file:  # the format's own words
        content = file.read()
    footer = struct.unpack("<I", content[-8:-4])[0]
    assert content[:4] == content[-4:] == b"PAR1" and 0 < footer < len(content), footer
    compare(duckdb, [path], rows)
    types = dict((name, kind) for name, kind in duckdb.ask(f"SELECT column_name, column_type FROM (DESCRIBE FROM '{path}')"))
    assert (types["timeFirst"], types["duration"], types["pktsSnt"], types["srcMac"], types["flowStat"]) == (
        "TIMESTAMP_NS", "DECIMAL(18,9)", "UBIGINT", "VARCHAR[]", "UBIGINT"), types
    # Once more: the file is another one.
    again, _ = s.replay(target(path), folder, files=[s.EXAMPLES + "/dns.pcap"])
    compare(duckdb, [path], again)


def packet_rows_have_a_file(folder):
    duckdb = Duckdb()
    path = folder + "/packets.parquet"
    _, report = s.replay(target(folder + "/flows.parquet", f",packets={path}"), folder, "-s", files=[s.EXAMPLES + "/dns.pcap"])
    assert duckdb.ask(f"SELECT \"pktNo\"::VARCHAR FROM '{path}'") == [[str(n)] for n in range(1, report["packets"] + 1)]


def files_rotate(folder):
    duckdb = Duckdb()
    capture = folder + "/many.pcap"
    with open(capture, "wb") as file:
        file.write(s.many_flows(5000))
    rows, _ = s.replay(target(folder + "/flows.parquet", ",rotate=1000f"), folder, "--idle-timeout", "1ms", files=[capture])
    files = sorted(glob.glob(folder + "/flows*"))
    counts = [int(duckdb.ask(f"SELECT count(*)::VARCHAR FROM '{file}'")[0][0]) for file in files]
    assert len(rows) == 5000 and counts == [1000] * 5, (files, counts)
    compare(duckdb, files, rows)


def a_killed_runs_rows_get_a_file_of_their_own(folder):
    """More rows than are kept in memory, then SIGKILL: the next run finishes what is in the database, and its own."""
    duckdb = Duckdb()
    path = folder + "/flows.parquet"
    fed = s.Fed(s.many_flows(150000), target(path), folder)
    fed.feed(0.95)
    s.until(lambda: sum(os.path.getsize(name) for name in glob.glob(path + ".part*")) > 1 << 20, "rows are in the database")
    fed.process.send_signal(signal.SIGKILL)
    fed.process.communicate()
    assert not os.path.exists(path)
    rows, _ = s.replay(target(path), folder, files=[s.EXAMPLES + "/http.pcap"])
    compare(duckdb, [path], rows)
    left = [name for name in glob.glob(folder + "/flows*") if name != path]
    assert len(left) == 1 and left[0].endswith(".parquet"), left
    # A transaction has 100,000 rows: all of them, or none.
    assert duckdb.ask(f"SELECT count(*)::VARCHAR, count(DISTINCT \"flowInd\")::VARCHAR FROM '{left[0]}'") == [["100352", "100352"]]


def a_full_disk(folder):
    Duckdb()
    small = folder + "/small"
    os.mkdir(small)
    if subprocess.run(("mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", small), capture_output=True).returncode:
        print("SKIP: a_full_disk: no right to mount a tmpfs")
        return
    try:
        capture = folder + "/many.pcap"
        with open(capture, "wb") as file:
            file.write(s.many_flows(30000))
        rows, report = s.replay(target(small + "/flows.parquet"), folder, "--idle-timeout", "1ms", files=[capture], code=3)
        sink = s.sink_report(report, "parquet")
        assert sink["dropped"] == len(rows) and sink["sent"] == 0 and sink["last_error"], sink
    finally:
        subprocess.run(("umount", small), check=True)


def without_the_library_the_start_says_what_is_missing(folder):
    ran = subprocess.run((s.FLOWXDP, "replay", s.captures()[0], "--sink", f"parquet:{folder}/x.parquet,library={folder}/none.so"),
                         capture_output=True, text=True)
    assert ran.returncode not in (0, 3) and "none.so" in ran.stderr and "library=" in ran.stderr, ran


s.main(without_the_library_the_start_says_what_is_missing, rows_are_those_of_the_run, packet_rows_have_a_file, files_rotate,
       a_killed_runs_rows_get_a_file_of_their_own, a_full_disk)
