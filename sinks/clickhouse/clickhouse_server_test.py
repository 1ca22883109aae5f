#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""clickhouse_server_test.py FLOWXDP: replays into a ClickHouse of this test's own, which is killed, stopped, full and asked again.
What must stand in the table is what the JSON sink wrote. FLOWXDP_LIBCHDB=libchdb.so: the same rows into a current engine, too."""
import ipaddress
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
import frames
import sink_server as s
from certificates import Certificates
from clickhouse_server import Engine, Server


def address(text):
    if text == "-":
        return None
    found = ipaddress.ip_address(text)
    return str(getattr(found, "ipv4_mapped", None) or found)


def ns(text):
    """Of seconds with nine digits, or of a table's number."""
    seconds, dot, digits = str(text).partition(".")
    return int(seconds + digits.ljust(9, "0")) if dot else int(seconds)


def keys(rows):
    return sorted((int(r["flowInd"]), r["dir"], int(r["pktsSnt"]), int(r["l7BytesSnt"]), r["srcPort"], r["dstPort"],
                   address(r["dstIP"]), tuple(m.lower() for m in r["srcMac"]), ns(r["timeLast"]),
                   float(r["duration"])) for r in rows)


def compare(server, rows, table="flows FINAL"):
    assert keys(server.rows(table)) == keys(rows)
    total = server.query(f'SELECT toString(sum("pktsSnt")) AS p, count() AS n FROM {table}')[0]
    assert int(total["p"]) == sum(r["pktsSnt"] for r in rows), (total, len(rows))


def rows_come_and_repeated_ones_are_removed(server, folder):
    rows, report = s.replay(server.target(), folder)
    assert s.sink_report(report, "clickhouse")["sent"] == len(rows) > 10, (len(rows), report["sinks"])
    compare(server, rows)
    assert server.query("SELECT DISTINCT sensor, toString(boot) AS boot FROM flows") == [{"sensor": 666, "boot": "0"}]
    days = {row["day"] for row in server.query("SELECT DISTINCT toString(day) AS day FROM flows")}
    parts = {row["partition"] for row in server.query("SELECT DISTINCT partition FROM system.parts WHERE active AND table = 'flows'")}
    assert parts == days, (parts, days)
    # The same rows once more: the key removes them.
    s.replay(server.target(), folder, name="again.json")
    assert server.count("flows") >= len(rows) == server.count()
    server.ask("OPTIMIZE TABLE flows FINAL")
    assert server.count("flows") == len(rows)
    # Sensors whose first byte is a line's end or a blank, which stand behind the statement.
    for number, sensor in enumerate((9, 10, 13, 32), 2):
        s.replay(server.target(), folder, "-x", str(sensor), name="other.json")
        assert server.count() == number * len(rows)
        compare(server, rows, f"(SELECT * FROM flows FINAL WHERE sensor = {sensor})")
    # A run with other plugins adds columns.
    s.replay(server.target() + ",table=few", folder, "--plugins", "basic_flow,basic_stats", name="few.json")
    s.replay(server.target() + ",table=few", folder, "-x", "8", name="more.json")
    assert server.count("few FINAL WHERE \"tcpWinStat\" > 0") > 0


def a_table_of_other_types_is_named(server, folder):
    server.ask('CREATE TABLE odd (sensor UInt32, boot UInt64, day Date, "flowInd" UInt16, dir FixedString(1)) ENGINE = MergeTree '
               "ORDER BY sensor")
    rows, report = s.replay(server.target() + ",table=odd,drain=0", folder, code=3)
    sink = s.sink_report(report, "clickhouse")
    assert sink["dropped"] == len(rows) and "'flowInd'" in sink["last_error"] and "UInt16" in sink["last_error"], sink
    rows, report = s.replay(server.target() + ",table=absent,make=0,drain=0", folder, code=3)
    sink = s.sink_report(report, "clickhouse")
    assert sink["dropped"] == len(rows) and "absent" in sink["last_error"], sink


def a_block_has_the_partitions_that_a_server_takes(server, folder):
    """150 flows, one a day."""
    packet = frames.ethernet(frames.IPV4, frames.ipv4(frames.UDP, frames.udp(1, 2, b"x")))
    path = folder + "/days.pcap"
    frames.write_pcap(path, [(1600000000 * 10**6 + 86400 * 10**6 * n, packet) for n in range(150)])
    rows, report = s.replay(server.target() + ",table=days", folder, files=[path])
    sink = s.sink_report(report, "clickhouse")
    assert sink["sent"] == len(rows) == 150 and sink["dropped"] == 0, sink
    assert server.query("SELECT uniq(day) AS d FROM days")[0]["d"] in (150, "150")


def rows_are_those_of_the_run(folder):
    with Server(folder) as server:
        rows_come_and_repeated_ones_are_removed(server, folder)
        a_table_of_other_types_is_named(server, folder)
        a_block_has_the_partitions_that_a_server_takes(server, folder)


def packet_rows_have_a_table(folder):
    with Server(folder) as server:
        _, report = s.replay(server.target(), folder, "-s", files=[s.EXAMPLES + "/dns.pcap"])
        found = [int(r["n"]) for r in server.query('SELECT toString("pktNo") AS n FROM packets')]
        assert sorted(found) == list(range(1, report["packets"] + 1))


def killed_and_started_again(folder):
    with Server(folder) as server:
        fed = s.Fed(s.many_flows(4000), server.target() + ",patience=120,drain=120,linger=0,batch=500", folder)
        fed.feed(0.5)
        s.until(server.count, "rows come")
        server.kill()
        fed.feed(0.8)
        server.start()
        rows, report = fed.end()
        sink = s.sink_report(report, "clickhouse")
        assert sink["sent"] == len(rows) and sink["dropped"] == 0 and sink["retried"] > 0, sink
        compare(server, rows)


def stopped_in_the_middle(folder):
    """A server that hangs: the request ends, and its rows are sent again; those that it took after all are there once."""
    with Server(folder) as server:
        fed = s.Fed(s.many_flows(4000), server.target() + ",patience=120,drain=120,linger=0,batch=500,step=500ms", folder)
        fed.feed(0.5)
        s.until(server.count, "rows come")
        server.process.send_signal(signal.SIGSTOP)
        fed.feed(0.9)
        # Rows wait in the sink for as long as it takes that a request is given up.
        until_waits(fed)
        server.process.send_signal(signal.SIGCONT)
        rows, report = fed.end()
        sink = s.sink_report(report, "clickhouse")
        assert sink["sent"] == len(rows) and sink["dropped"] == 0 and sink["retried"] > 0, sink
        compare(server, rows)


def until_waits(fed):
    """A request was given up: the socket that the sink has now is another one."""
    def sockets():
        links = []
        for fd in os.listdir(f"/proc/{fed.process.pid}/fd"):
            try:
                links.append(os.readlink(f"/proc/{fed.process.pid}/fd/{fd}"))
            except FileNotFoundError:
                pass
        return {link for link in links if link.startswith("socket:")}
    before = s.until(sockets, "a request is under way")
    s.until(lambda: sockets() - before, "the next one is under way")


def full_disk(folder):
    """Nothing is acknowledged while the server's disk is full; all of it is there afterwards."""
    data = folder + "/small"
    os.mkdir(data)
    if subprocess.run(("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", data), capture_output=True).returncode:
        print("SKIP: full_disk: no right to mount a tmpfs")
        return
    try:
        with Server(folder, data) as server:
            fed = s.Fed(s.many_flows(4000), server.target() + ",patience=120,drain=120,linger=0,batch=500", folder)
            fed.feed(0.4)
            s.until(server.count, "rows come")
            with open(data + "/filler", "wb") as filler:
                try:
                    while True:
                        filler.write(bytes(65536))
                        filler.flush()
                except OSError:
                    pass
            fed.feed(0.9)
            errors = s.until(lambda: server_errors(folder), "the server refuses a block")
            os.remove(data + "/filler")
            rows, report = fed.end()
            sink = s.sink_report(report, "clickhouse")
            assert sink["sent"] == len(rows) and sink["dropped"] == 0 and sink["retried"] > 0, (sink, errors)
            compare(server, rows)
    finally:
        subprocess.run(("umount", data), check=True)


def server_errors(folder):
    with open(folder + "/errors", encoding="utf-8", errors="replace") as file:
        return [line for line in file if "space" in line.lower()]


def away_for_good(folder):
    rows, report = s.replay("clickhouse:http://127.0.0.1:9/x,drain=0", folder, code=3)
    sink = s.sink_report(report, "clickhouse")
    assert sink["dropped"] == len(rows) and sink["sent"] == 0 and "127.0.0.1:9" in sink["last_error"], sink


def a_user_logs_in(folder):
    with Server(folder) as server:
        for password, code in (("s3cret", 0), ("wr0ng", 3)):
            with open(folder + "/password", "w", encoding="utf-8") as file:
                file.write(password + "\n")
            ran = subprocess.run((s.FLOWXDP, "replay", s.captures()[0], "--json", "--sink", server.target() +
                                  f",user=sensor,drain=0,password_file={folder}/password"), capture_output=True, text=True)
            assert ran.returncode == code and password not in ran.stdout + ran.stderr, (ran, password)
        ran = subprocess.run((s.FLOWXDP, "replay", s.captures()[0], "--sink", server.target() + ",drain=0"), capture_output=True, text=True,
                             env={**os.environ, "CLICKHOUSE_USER": "sensor", "CLICKHOUSE_PASSWORD": "s3cret"})
        assert ran.returncode == 0, ran
        assert server.count() > 0


def over_tls_with_a_password(folder):
    """https with an authority of one's own: rows and password go to the server that it vouches for, and to no other."""
    certificates = Certificates(folder)
    with open(folder + "/password", "w", encoding="utf-8") as file:
        file.write("s3cret\n")
    login = f",user=sensor,password_file={folder}/password,drain=0"
    with Server(folder, certificate=(certificates.certificate, certificates.key)) as server:
        target = f"clickhouse:https://127.0.0.1:{server.tls_port}/default"
        for ca in (certificates.stranger, None, folder + "/none.pem"):
            rows, report = s.replay(target + login + (f",ca={ca}" if ca else ""), folder, code=3)
            sink = s.sink_report(report, "clickhouse")
            assert sink["dropped"] == len(rows) and "certificate" in sink["last_error"].lower(), (ca, sink)
        rows, report = s.replay(f"{target}{login},ca={certificates.ca}", folder)
        assert s.sink_report(report, "clickhouse")["sent"] == len(rows)
        compare(server, rows)
        # A server that does not speak TLS.
        rows, report = s.replay(f"clickhouse:https://127.0.0.1:{server.port}/default{login},ca={certificates.ca}", folder, code=3)
        assert s.sink_report(report, "clickhouse")["sent"] == 0
    # The certificate of another name, though of the same authority.
    other = folder + "/other"
    os.mkdir(other)
    with Server(other, certificate=certificates.issue("elsewhere", "subjectAltName=DNS:db.example.org")) as server:
        rows, report = s.replay(f"clickhouse:https://127.0.0.1:{server.tls_port}/default{login},ca={certificates.ca}", folder, code=3)
        assert s.sink_report(report, "clickhouse")["sent"] == 0


def a_current_engine_takes_the_same(folder):
    library = os.environ.get("FLOWXDP_LIBCHDB")
    if not library:
        print("SKIP: a_current_engine_takes_the_same: no FLOWXDP_LIBCHDB")
        return
    with Engine(folder, library) as engine:
        print("engine:", engine.ask("SELECT version()").strip())
        rows_come_and_repeated_ones_are_removed(engine, folder)
        a_table_of_other_types_is_named(engine, folder)
        a_block_has_the_partitions_that_a_server_takes(engine, folder)
        # A value that the table refuses: its row alone is dropped.
        engine.ask("CREATE TABLE strict AS flows")
        engine.ask('ALTER TABLE strict ADD CONSTRAINT c CHECK "flowInd" != 3')
        rows, report = s.replay(engine.target() + ",table=strict", folder, code=3, files=[s.EXAMPLES + "/http.pcap"])
        sink = s.sink_report(report, "clickhouse")
        refused = [r for r in rows if r["flowInd"] == 3]
        assert sink["dropped"] == len(refused) > 0 and sink["sent"] == len(rows) - len(refused), sink
        compare(engine, [r for r in rows if r["flowInd"] != 3], "strict FINAL")
        # deploy's schema is what a current server reads.
        engine.ask("DROP TABLE flows")
        with open(s.EXAMPLES + "/../deploy/clickhouse/tables.sql", encoding="utf-8") as file:
            for statement in file.read().split(";\n"):
                if statement.strip():
                    engine.ask(statement)
        rows, _ = s.replay(engine.target() + ",make=0", folder)
        compare(engine, rows)


s.main(over_tls_with_a_password, rows_are_those_of_the_run, packet_rows_have_a_table, killed_and_started_again, stopped_in_the_middle, full_disk, away_for_good,
       a_user_logs_in, a_current_engine_takes_the_same)
