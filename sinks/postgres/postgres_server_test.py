#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""postgres_server_test.py FLOWXDP: replays into a PostgreSQL of this test's own, which is killed, stopped and asked again. What
must stand in the table is what the JSON sink wrote."""
import csv
import glob
import io
import os
import pwd
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
import sink_server as s
from certificates import Certificates


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Server:
    """certificates: it listens on loopback over TLS, too, and wants a password there."""

    def __init__(self, folder, certificates=None):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        if not found:
            raise s.Skip("no PostgreSQL (package postgresql)")
        self.bin = os.path.dirname(found[-1])
        self.port = 5432
        self.user = {}
        self.folder = folder + "/pg"
        os.mkdir(self.folder)
        if os.geteuid() == 0:
            try:
                user = pwd.getpwnam("postgres")
            except KeyError:
                raise s.Skip("PostgreSQL does not run as root, and there is no user postgres") from None
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        subprocess.run((self.bin + "/initdb", "-D", self.folder + "/data", "-A", "trust", "-U", "postgres", "-N"), check=True,
                       capture_output=True, cwd=self.folder, **self.user)
        self.words = ("-c", "listen_addresses=")
        if certificates:
            self.listen(certificates)
        self.start()

    def listen(self, certificates):
        self.port = free_port()
        self.words = ("-c", "listen_addresses=127.0.0.1", "-p", str(self.port), "-c", "ssl=on", "-c", f"ssl_cert_file={certificates.certificate}", "-c",
                      f"ssl_key_file={certificates.key}")
        if self.user:
            os.chown(certificates.key, self.user["user"], -1)
        with open(self.folder + "/data/pg_hba.conf", "w", encoding="utf-8") as file:
            file.write("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")

    def start(self):
        self.process = subprocess.Popen((self.bin + "/postgres", "-D", self.folder + "/data", "-k", self.folder, *self.words, "-c", "fsync=off"), cwd=self.folder, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, **self.user)
        s.until(lambda: self.psql("SELECT 1", check=False).returncode == 0, "PostgreSQL answers")

    def kill(self):
        """At once, as a crash: SIGQUIT of the server aborts its sessions."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def sessions(self):
        """The processes that serve flowxdp."""
        return [int(pid) for pid in self.psql("SELECT pid FROM pg_stat_activity WHERE application_name = 'flowxdp'").stdout.split()]

    def psql(self, statement, check=True):
        ran = subprocess.run(("psql", "-X", "-h", self.folder, "-p", str(self.port), "-U", "postgres", "-At", "-c", statement), capture_output=True,
                             text=True, cwd=self.folder)
        assert not check or ran.returncode == 0, ran.stderr
        return ran

    def query(self, statement):
        text = self.psql(f"COPY ({statement}) TO STDOUT (FORMAT csv, HEADER)").stdout
        return list(csv.DictReader(io.StringIO(text)))

    def target(self):
        return f"postgres:postgresql://postgres@/postgres?host={self.folder}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


def keys(rows):
    return sorted((int(r["flowInd"]), r["dir"], int(r["pktsSnt"]), int(r["l7BytesSnt"]), r["srcPort"] and int(r["srcPort"]),
                   r["dstPort"] and int(r["dstPort"]), r["dstIP"] if r["dstIP"] != "-" else "", r["srcMac"]) for r in rows)


def of_table(server, table="flows"):
    return server.query(f'SELECT "flowInd", dir, "pktsSnt", "l7BytesSnt", "srcPort", "dstPort", host("dstIP") AS "dstIP", '
                        f'array_to_string("srcMac"::text[], \';\') AS "srcMac", boot, sensor, day, "timeLast", "duration" FROM {table}')


def flat(rows):
    for row in rows:
        row["srcMac"] = ";".join(row["srcMac"]) if isinstance(row["srcMac"], list) else row["srcMac"]
    return rows


def rows_are_those_of_the_run_and_come_once(folder):
    with Server(folder) as server:
        rows, report = s.replay(server.target(), folder)
        assert s.sink_report(report, "postgres")["sent"] == len(rows) > 10, (len(rows), report["sinks"])
        found = of_table(server)
        assert keys(found) == keys(flat(rows))
        assert {(r["sensor"], r["boot"]) for r in found} == {("666", "0")}
        # The columns are typed, so SQL can count.
        total = server.query('SELECT sum("pktsSnt") AS p, min("timeFirst") AS t, count(DISTINCT day) AS d FROM flows')[0]
        assert int(total["p"]) == sum(r["pktsSnt"] for r in rows)
        partitions = server.query("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'flows'::regclass")
        assert {p["name"] for p in partitions} == {"flows_other"} | {f"flows_{r['day'].replace('-', '')}" for r in found}
        assert server.query("SELECT count(*) AS n FROM flows_other")[0]["n"] == "0"
        # The same rows once more: the key removes them.
        again, _ = s.replay(server.target(), folder, name="again.json")
        assert len(again) == len(rows) and len(of_table(server)) == len(rows)
        # Another sensor's rows are others.
        s.replay(server.target(), folder, "-x", "7", name="other.json")
        assert len(of_table(server)) == 2 * len(rows)
        # A run with other plugins adds columns.
        s.replay(server.target() + ",table=few", folder, "--plugins", "basic_flow,basic_stats", name="few.json")
        s.replay(server.target() + ",table=few", folder, "-x", "8", name="more.json")
        assert int(server.query('SELECT count("tcpWinStat") AS n FROM few')[0]["n"]) == len(rows)


def packet_rows_have_a_table(folder):
    with Server(folder) as server:
        _, report = s.replay(server.target(), folder, "-s", files=[s.EXAMPLES + "/dns.pcap"])
        found = server.query('SELECT "pktNo" FROM packets')
        assert sorted(int(r["pktNo"]) for r in found) == list(range(1, report["packets"] + 1))


def killed_and_started_again(folder):
    with Server(folder) as server:
        fed = s.Fed(s.many_flows(4000), server.target() + ",patience=120,drain=120,linger=0,batch=50", folder)
        fed.feed(0.5)
        s.until(lambda: server.psql("SELECT count(*) FROM flows", check=False).stdout.strip() not in ("", "0"), "rows come")
        server.kill()
        fed.feed(0.8)
        server.start()
        rows, report = fed.end()
        sink = s.sink_report(report, "postgres")
        assert sink["sent"] == len(rows) and sink["dropped"] == 0, sink
        assert keys(of_table(server)) == keys(flat(rows))


def stopped_in_the_middle(folder):
    """A server that hangs: the step ends, the session is given up, the rows come with the next one, none twice."""
    with Server(folder) as server:
        fed = s.Fed(s.many_flows(4000), server.target() + ",patience=120,drain=120,linger=0,batch=50,step=500ms", folder)
        fed.feed(0.5)
        stopped = s.until(server.sessions, "a session is there")
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        fed.feed(0.9)
        s.until(lambda: set(server.sessions()) - set(stopped), "another session takes over")
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        rows, report = fed.end()
        sink = s.sink_report(report, "postgres")
        assert sink["sent"] == len(rows) and sink["dropped"] == 0 and sink["retried"] > 0, sink
        assert keys(of_table(server)) == keys(flat(rows))


def away_for_good(folder):
    rows, report = s.replay("postgres:postgresql://postgres@/x?host=/nowhere,drain=0", folder, code=3)
    sink = s.sink_report(report, "postgres")
    assert sink["dropped"] == len(rows) and sink["sent"] == 0 and "/nowhere" in sink["last_error"], sink


def over_tls_with_a_password(folder):
    """sslmode=verify-full: rows and password go to the server that the authority vouches for, and to no other."""
    certificates = Certificates(folder)
    with Server(folder, certificates) as server:
        server.psql("CREATE ROLE sensor LOGIN PASSWORD 's3cret'")
        server.psql("GRANT CREATE ON SCHEMA public TO sensor")

        def run(code, mode, ca, password="s3cret", host="127.0.0.1"):
            passfile = folder + "/passfile"
            with open(passfile, "w", encoding="utf-8") as file:
                file.write(f"*:*:*:sensor:{password}\n")
            os.chmod(passfile, 0o600)
            rows, report = s.replay(f"postgres:postgresql://sensor@{host}:{server.port}/postgres?sslmode={mode}&sslrootcert={ca},passfile={passfile},drain=0",
                                    folder, code=code)
            sink = s.sink_report(report, "postgres")
            assert password not in str(report), "the password is told"
            assert code == 0 or sink["dropped"] == len(rows) and sink["sent"] == 0, sink
            return rows, sink

        assert "certificate" in run(3, "verify-full", certificates.stranger)[1]["last_error"]
        assert "password" in run(3, "verify-full", certificates.ca, password="wr0ng")[1]["last_error"]
        assert "pg_hba" in run(3, "disable", certificates.ca)[1]["last_error"]
        rows, sink = run(0, "verify-full", certificates.ca)
        assert sink["sent"] == len(rows) > 10 and keys(of_table(server)) == keys(flat(rows))


def a_password_in_the_target_is_refused(folder):
    for target in ("postgresql://u:se%63ret@h/d", "host=h password=secret"):
        ran = subprocess.run((s.FLOWXDP, "replay", s.captures()[0], "--sink", "postgres:" + target), capture_output=True, text=True)
        assert ran.returncode == 2 and "passfile" in ran.stderr, ran
        assert "cret" not in ran.stderr.replace(target, ""), ran.stderr


s.main(rows_are_those_of_the_run_and_come_once, packet_rows_have_a_table, killed_and_started_again, stopped_in_the_middle,
       away_for_good, a_password_in_the_target_is_refused, over_tls_with_a_password)
