#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""fleet_test.py FLOWXDP [--write]: deploy/fleet the whole way. Sensors -> brokers -> ClickHouse, with the files that are shipped.

Replays stand for the sensors, librdkafka's mock cluster for the brokers, Debian's ClickHouse reads them by its own Kafka engine. The ten
questions must have the answers that the flow files give; after each part was killed or hung, each row must be there once. --write writes
deploy/fleet/answers from the flow files. FLOWXDP_LIBCHDB=libchdb.so: a current engine, too
(sinks/clickhouse/README.md). Exit 77 without a server.
"""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "sinks/clickhouse")]
import clickhouse_server
import fleet_answers
import kafka_brokers
import sink_server as s
from fleet_server import FLEET, database, make_tables, statements, tell

# The captures that each sensor saw. 2 and 6 stand on one path.
SENSORS = {1: "ftp-session", 2: "http", 3: "dns", 4: "control", 5: "stalled-reader", 6: "http"}


def replay(sensor, captures, folder, brokers, *words):
    prefix = f"{folder}/sensor{sensor}"
    ran = subprocess.run((s.FLOWXDP, "replay", *captures, "-x", str(sensor), "-w", prefix, "--json", "--sink", brokers.target(), *words),
                         capture_output=True, text=True)
    assert ran.returncode == 0, ran
    rows = fleet_answers.read(prefix + "_flows.txt", sensor)
    assert s.sink_report(json.loads(ran.stdout), "kafka")["sent"] == len(rows) > 0, ran.stdout
    return rows


def question(server, name):
    return server.ask((FLEET / f"questions/{name}.sql").read_text() + " FORMAT TabSeparated")


def there(server, sensor):
    return int(server.ask(f"SELECT count() FROM flows FINAL WHERE sensor = {sensor}"))


def sums(server):
    """Packets of the tables of sums by the minute."""
    return [int(server.ask(f"SELECT sum(packets) FROM {table}")) for table in ("services_by_minute", "talkers_by_minute")]


def rebuild(server, rows):
    """Sums by the minute are made anew, while nothing comes."""
    server.ask("DETACH TABLE queue")
    for day in {fleet_answers.utc(r.last)[:10] for r in rows}:
        tell(server, *statements("rebuild.sql", day=day))
    server.ask("ATTACH TABLE queue")


def cells(server):
    """What a flow file and the table both have, each cell in the flow file's words."""
    text = server.ask("SELECT sensor, toString(dir), flowInd, src, srcPort, dst, dstPort, l4Proto, pktsSnt, l7BytesSnt, intDiv(timeLast, 1000000000), "
                      "tcpWinThCnt, boot FROM flows FINAL")
    return sorted(tuple(line.split("\t")) for line in text.splitlines())


def six_sensors(brokers, folder):
    return [row for sensor, capture in SENSORS.items()
            for row in replay(sensor, [f"{s.EXAMPLES}/{capture}.pcap"], folder, brokers, "--plugins", "basic_flow,basic_stats,tcp_states,tcp_win")]


def wait_and_ask(server, rows):
    packets = sum(r.sent for r in rows)
    s.until(lambda: server.count() == len(rows) and min(sums(server)) >= packets, "every row is in the tables")
    if max(sums(server)) > packets:
        # A reader that was slow was taken out of the group and came back: rows came twice.
        rebuild(server, rows)
    for name, answer in fleet_answers.answers(rows).items():
        assert (found := question(server, name)) == answer, f"{name}:\n{found}instead of\n{answer}"


def questions_have_the_answers_of_the_flow_files(folder):
    with kafka_brokers.Brokers() as brokers, database(folder) as server:
        make_tables(server, brokers)
        rows = six_sensors(brokers, folder)
        wanted = fleet_answers.answers(rows)
        assert len(wanted) == 10 and all(wanted.values()), wanted
        if "--write" in sys.argv:
            for name, answer in wanted.items():
                (FLEET / f"answers/{name}.tsv").write_text(answer)
        assert {path.stem: path.read_text() for path in (FLEET / "answers").glob("*.tsv")} == wanted, "deploy/fleet/answers are not those of the flow files"
        assert {path.stem for path in (FLEET / "questions").glob("*.sql")} == set(wanted)
        wait_and_ask(server, rows)
        packets = sum(r.sent for r in rows)
        assert cells(server) == sorted(tuple(map(str, (r.sensor, r.dir, r.number, r.src, r.src_port, r.dst, r.dst_port, r.proto, r.sent, r.bytes_sent,
                                                       r.last, r.below, 0))) for r in rows)
        # The queue is read again by another group: only sums by the minute count a row twice, until the day is made anew.
        server.ask("DROP TABLE queue")
        tell(server, statements("queue.sql", brokers=brokers.servers)[0].replace("'flowxdp'", "'flowxdp2'"))
        s.until(lambda: min(sums(server)) >= 2 * packets, "every row came twice")
        rebuild(server, rows)
        assert sums(server) == [packets, packets]
        for name, answer in wanted.items():
            assert question(server, name) == answer, name
        # What is older than the retention is dropped, and nothing else.
        old = replay(9, old_capture(folder), folder, brokers)
        packets += sum(r.sent for r in old)
        s.until(lambda: there(server, 9) == len(old) and min(sums(server)) >= packets, "the old rows come")
        dropped = server.ask(statements("drop_old.sql")[0]).splitlines()
        assert len(dropped) == 3 and all("'2023-11-14'" in statement for statement in dropped), dropped
        tell(server, *(statement.rstrip(";") for statement in dropped))
        assert server.count("flows FINAL WHERE sensor = 9") == 0 and len(cells(server)) == len(rows)


def old_capture(folder):
    path = folder + "/old.pcap"
    with open(path, "wb") as file:
        file.write(s.many_flows(10))
    return [path]


def parts_are_killed_and_nothing_is_lost(folder):
    """Each part in turn while rows are under way: what brokers have confirmed is in the table in the end, once."""
    with kafka_brokers.Brokers() as brokers, database(folder) as server:
        make_tables(server, brokers)
        capture = s.many_flows(6000)
        fed = s.Fed(capture, brokers.target() + ",patience=120,drain=120", folder, "-x", "20")
        fed.feed(0.2)
        s.until(lambda: there(server, 20), "rows come")
        brokers.down(1)  # a third of the partitions
        fed.feed(0.4)
        server.kill()
        fed.feed(0.6)
        brokers.up(1)
        brokers.hang(True)
        fed.feed(0.8)
        server.start()
        brokers.hang(False)
        server.kill()  # while it reads what had waited, or joins the group
        server.start()
        rows, report = fed.end()
        sink = s.sink_report(report, "kafka")
        assert sink["sent"] == len(rows) == 6000 and sink["dropped"] == 0, sink
        # A sensor is killed between its rows. A replay begins anew; what it sends twice has the same key.
        killed = s.Fed(capture, brokers.target(), folder, "-x", "21", name="killed.json")
        killed.feed(0.5)
        s.until(lambda: there(server, 21), "rows of the sensor that will be killed come")
        killed.process.kill()
        killed.process.communicate()
        again = s.Fed(capture, brokers.target(), folder, "-x", "21", name="again.json")
        again.end()
        for sensor in (20, 21):
            s.until(lambda: there(server, sensor) == len(rows), f"each row of sensor {sensor} is in the table")
            numbers = server.ask(f"SELECT flowInd, dir, pktsSnt, l7BytesSnt FROM flows FINAL WHERE sensor = {sensor}").splitlines()
            assert sorted(numbers) == sorted(f"{r['flowInd']}\t{r['dir']}\t{r['pktsSnt']}\t{r['l7BytesSnt']}" for r in rows)
        # A kill between two views leaves a block in one of them, and it comes again for all.
        s.until(lambda: min(sums(server)) >= 12000, "the views have their rows")
        server.ask("DETACH TABLE queue")  # no more rows for this day
        tell(server, *statements("rebuild.sql", day="2023-11-14"))
        for table in ("services_by_minute", "talkers_by_minute"):
            assert server.ask(f"SELECT sensor, sum(packets) FROM {table} GROUP BY sensor ORDER BY sensor") == "20\t6000\n21\t6000\n", table


def a_current_engine_reads_the_same(folder):
    library = os.environ.get("FLOWXDP_LIBCHDB")
    if not library:
        print("SKIP: a_current_engine_reads_the_same: no FLOWXDP_LIBCHDB")
        return
    with kafka_brokers.Brokers() as brokers, clickhouse_server.Engine(folder, library) as engine:
        make_tables(engine, brokers)
        wait_and_ask(engine, six_sensors(brokers, folder))
        tell(engine, *statements("retention.sql"))


def the_example_is_a_configuration(folder):
    text = (FLEET / "sensor.toml").read_text()
    assert "conf=/etc/flowxdp/kafka.conf" in text
    path = pathlib.Path(folder, "sensor.toml")
    path.write_text(text.replace("/etc/flowxdp/kafka.conf", str(FLEET / "kafka.conf")))
    said = subprocess.run((s.FLOWXDP, "config", "check", path), capture_output=True, text=True)
    assert said.returncode == 0 and "fit for attach" in said.stdout, said


try:
    s.main(the_example_is_a_configuration, questions_have_the_answers_of_the_flow_files, a_current_engine_reads_the_same,
           parts_are_killed_and_nothing_is_lost)
except kafka_brokers.Absent as absent:
    print("SKIP:", absent)
    sys.exit(77)
