#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""nats_server_test.py FLOWXDP: replays into nats-servers of this test's own, which are killed, stopped and asked again. What must
stand in the stream is what the JSON sink wrote, each row once."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
import sink_server as s
from certificates import Certificates
from nats_key import NatsKey
from nats_server import Server, free_port


ORIGIN = {"sensor": 666, "boot": "0x0000000000000000"}


def compare(messages, rows):
    """Each row once, in its order, as the JSON sink has it."""
    assert [row for _, row in messages] == [{**ORIGIN, **row} for row in rows], (len(messages), len(rows))
    assert [number for number, _ in messages] == [f"666:0000000000000000:{r['flowInd']}:{r['dir']}" for r in rows]
    assert sum(row["pktsSnt"] for _, row in messages) == sum(r["pktsSnt"] for r in rows)


def rows_are_those_of_the_run_and_come_once(folder):
    with Server(folder) as server:
        target = server.target() + ",stream=FLOWS"
        rows, report = s.replay(target, folder)
        assert s.sink_report(report, "nats")["sent"] == len(rows) > 10, (len(rows), report["sinks"])
        compare(server.messages(), rows)
        # The same rows once more: the server knows their ids.
        _, report = s.replay(target, folder, name="again.json")
        assert s.sink_report(report, "nats")["sent"] == len(rows)
        compare(server.messages(), rows)
        # Another sensor's rows are others. The stream takes the subject, so it needs no name.
        s.replay(server.target(), folder, "-x", "7", name="other.json")
        assert server.count() == 2 * len(rows)


def packet_rows_have_a_subject(folder):
    with Server(folder) as server:
        server.ask(("STREAM.CREATE.PACKETS", {"name": "PACKETS", "subjects": ["net.packets"], "storage": "file"}))
        _, report = s.replay(server.target() + ",stream=FLOWS,packet_subject=net.packets", folder, "-s", files=[s.EXAMPLES + "/dns.pcap"])
        assert [row["pktNo"] for _, row in server.messages("PACKETS")] == list(range(1, report["packets"] + 1))


def without_a_stream_nothing_is_acknowledged(folder):
    with Server(folder) as server:
        rows, report = s.replay(server.target() + ",drain=0", folder, code=3)
        sink = s.sink_report(report, "nats")
        assert sink["dropped"] == len(rows) and sink["sent"] == 0 and "no stream takes the subject 'net.flows'" in sink["last_error"], sink
        server.ask(("STREAM.CREATE.OTHER", {"name": "OTHER", "subjects": ["net.flows"], "storage": "file"}))
        rows, report = s.replay(server.target() + ",drain=0,stream=FLOWS", folder, code=3)
        sink = s.sink_report(report, "nats")
        assert sink["dropped"] == len(rows) and "FLOWS" in sink["last_error"] and server.count("OTHER") == 0, sink


def killed_and_started_again(folder):
    with Server(folder) as server:
        fed = s.Fed(s.many_flows(4000), server.target() + ",stream=FLOWS,patience=120,drain=120,linger=0,batch=500", folder)
        fed.feed(0.5)
        s.until(server.count, "rows come")
        server.kill()
        fed.feed(0.8)
        server.start().wait()
        rows, report = fed.end()
        sink = s.sink_report(report, "nats")
        assert sink["sent"] == len(rows) and sink["dropped"] == 0 and sink["retried"] > 0, sink
        compare(server.messages(), rows)


def stopped_in_the_middle(folder):
    """A server that hangs: its connection is given up, and what it took after all is there once."""
    with Server(folder) as server:
        fed = s.Fed(s.many_flows(4000), server.target() + ",stream=FLOWS,patience=120,drain=120,linger=0,batch=500,step=500ms", folder)
        fed.feed(0.5)
        s.until(server.count, "rows come")
        before = sockets(fed)
        server.process.send_signal(signal.SIGSTOP)
        fed.feed(0.9)
        s.until(lambda: sockets(fed) - before, "another connection is tried")
        server.process.send_signal(signal.SIGCONT)
        rows, report = fed.end()
        sink = s.sink_report(report, "nats")
        assert sink["sent"] == len(rows) and sink["dropped"] == 0 and sink["retried"] > 0, sink
        compare(server.messages(), rows)


def sockets(fed):
    links = set()
    for fd in os.listdir(f"/proc/{fed.process.pid}/fd"):
        try:
            links.add(os.readlink(f"/proc/{fed.process.pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return {link for link in links if link.startswith("socket:")}


def one_of_three_is_killed(folder):
    """The stream's leader, with three copies: the others elect another, and go on."""
    routes = [free_port() for _ in range(3)]
    listed = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
    nodes = [Server(folder, f"n{n}", f'cluster {{ name: c, host: 127.0.0.1, port: {port}, routes: [{listed}] }}')
             for n, port in enumerate(routes)]
    with contextlib.ExitStack() as running:
        for node in nodes:  # they answer when two of them are there
            running.callback(node.start().kill)
        target = nodes[0].target(*nodes[1:]) + ",stream=FLOWS,replicas=3,patience=120,drain=120,linger=0,batch=500,step=2s"
        fed = s.Fed(s.many_flows(4000), target, folder)
        fed.feed(0.5)
        s.until(nodes[0].count, "rows come")
        leader = nodes[0].ask(("STREAM.INFO.FLOWS", None))[0]["cluster"]["leader"]
        killed = nodes[int(leader[1])]
        killed.kill()
        fed.feed(0.9)
        rows, report = fed.end()
        sink = s.sink_report(report, "nats")
        assert sink["sent"] == len(rows) and sink["dropped"] == 0 and sink["retried"] > 0, sink
        alive = next(node for node in nodes if node is not killed)
        info = s.until(lambda: led(alive), "another node leads the stream")
        assert info["cluster"]["leader"] != leader and len(info["cluster"]["replicas"]) == 2, info["cluster"]
        compare(alive.messages(), rows)


def led(node):
    answers = node.try_ask(("STREAM.INFO.FLOWS", None))
    return answers[0] if answers and answers[0].get("cluster", {}).get("leader") else None


def a_row_that_is_too_large_is_dropped_alone(folder):
    rows, _ = s.replay(f"json:{folder}/sizes.json", folder)
    sizes = sorted(len(json.dumps({**ORIGIN, **row}, separators=(",", ":"))) for row in rows)
    most = sizes[len(sizes) * 3 // 4]
    with Server(folder, config=f"max_payload: {most}") as server:
        rows, report = s.replay(server.target() + ",stream=FLOWS", folder, code=3)
        sink = s.sink_report(report, "nats")
        assert sink["dropped"] > 0 and sink["sent"] > 0 and sink["sent"] + sink["dropped"] == len(rows), sink
        stored = server.messages()
        assert len(stored) == sink["sent"]
        there = {number for number, _ in stored}
        missing = [row for row in rows if f"666:0000000000000000:{row['flowInd']}:{row['dir']}" not in there]
        smallest = min(len(json.dumps({**ORIGIN, **row}, separators=(",", ":"))) for row in missing)
        # Headers of a message count, too: NATS/1.0, its id, the stream's name.
        assert len(missing) == sink["dropped"] and smallest > most - 120, (smallest, most)


def away_for_good(folder):
    rows, report = s.replay("nats:nats://127.0.0.1:9/x,drain=0", folder, code=3)
    sink = s.sink_report(report, "nats")
    assert sink["dropped"] == len(rows) and sink["sent"] == 0 and "127.0.0.1:9" in sink["last_error"], sink


def a_user_logs_in(folder):
    with Server(folder, config='authorization { user: sensor, password: "s3cret" }', login={"user": "sensor", "pass": "s3cret"}) as server:
        for password, code in (("s3cret", 0), ("wr0ng", 3)):
            with open(folder + "/password", "w", encoding="utf-8") as file:
                file.write(password + "\n")
            ran = subprocess.run((s.FLOWXDP, "replay", s.captures()[0], "--json", "--sink", server.target() +
                                  f",stream=FLOWS,user=sensor,drain=0,password_file={folder}/password"), capture_output=True, text=True)
            assert ran.returncode == code and password not in ran.stdout + ran.stderr, (ran, password)
        assert server.count() > 0


def over_tls_with_a_password(folder):
    """tls:// with an authority of one's own: rows and password go to the server that it vouches for, and to no other."""
    certificates = Certificates(folder)
    with open(folder + "/password", "w", encoding="utf-8") as file:
        file.write("s3cret\n")
    words = f",stream=FLOWS,user=sensor,drain=0,password_file={folder}/password"
    users = {"config": 'authorization { user: sensor, password: "s3cret" }', "login": {"user": "sensor", "pass": "s3cret"}}
    with Server(folder, certificates=certificates, **users) as server:
        for ca in (certificates.stranger, None, folder + "/none.pem"):
            rows, report = s.replay(server.target() + words + (f",ca={ca}" if ca else ""), folder, code=3)
            sink = s.sink_report(report, "nats")
            assert sink["dropped"] == len(rows) and sink["sent"] == 0 and sink["last_error"], (ca, sink)
        plain = server.target().replace("tls://", "nats://")
        rows, report = s.replay(plain + words, folder, code=3)
        assert s.sink_report(report, "nats")["sent"] == 0
        rows, report = s.replay(f"{server.target()}{words},ca={certificates.ca}", folder)
        assert s.sink_report(report, "nats")["sent"] == len(rows)
        compare(server.messages(), rows)
    # The certificate of another name, though of the same authority.
    certificates.certificate, certificates.key = certificates.issue("elsewhere", "subjectAltName=DNS:nats.example.org")
    server = Server(folder, name="elsewhere", certificates=certificates, **users).start()  # the test itself would not trust it
    try:
        s.until(lambda: can_connect(server.port), "nats-server listens")
        rows, report = s.replay(f"{server.target()}{words},ca={certificates.ca}", folder, code=3)
        assert s.sink_report(report, "nats")["sent"] == 0, report
    finally:
        server.kill()


def with_a_file_of_credentials(folder):
    """A server whose users have JWTs: the file of one opens it, that of an account which it does not know does not."""
    operator, account, unknown = (NatsKey(kind) for kind in ("operator", "account", "account"))
    system = NatsKey("account")
    limits = {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1, "mem_storage": -1,
              "disk_storage": -1, "streams": -1, "consumer": -1}
    accounts = {key: operator.sign(key.public, "account", {"limits": limits if key is account else {**limits, "mem_storage": 0, "disk_storage": 0}})
                for key in (account, system)}
    preload = "\n".join(f"{key.public}: {jwt}" for key, jwt in accounts.items())
    config = (f"operator: {operator.sign(operator.public, 'operator', {'system_account': system.public})}\nsystem_account: {system.public}\n"
              f"resolver: MEMORY\nresolver_preload {{ {preload} }}")
    for name, issuer in (("known", account), ("unknown", unknown)):
        user = NatsKey("user")
        with open(f"{folder}/{name}.creds", "w", encoding="utf-8") as file:
            file.write(f"-----BEGIN NATS USER JWT-----\n{issuer.sign(user.public, 'user', {'subs': -1, 'data': -1, 'payload': -1})}\n"
                       f"------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{user.seed()}\n------END USER NKEY SEED------\n")
    server = Server(folder, config=config)
    server.start()
    try:
        s.until(lambda: can_connect(server.port), "nats-server listens")
        rows, report = s.replay(f"{server.target()},stream=FLOWS,creds={folder}/unknown.creds,drain=0", folder, code=3)
        sink = s.sink_report(report, "nats")
        assert sink["sent"] == 0 and sink["dropped"] == len(rows) and "Authentication" in sink["last_error"], sink
        rows, report = s.replay(f"{server.target()},stream=FLOWS,creds={folder}/known.creds", folder)
        sink = s.sink_report(report, "nats")
        assert sink["sent"] == len(rows) > 10 and sink["dropped"] == 0, sink
    finally:
        server.kill()


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    except OSError:
        return False


s.main(rows_are_those_of_the_run_and_come_once, packet_rows_have_a_subject, without_a_stream_nothing_is_acknowledged,
       killed_and_started_again, stopped_in_the_middle, one_of_three_is_killed, a_row_that_is_too_large_is_dropped_alone, away_for_good,
       a_user_logs_in, over_tls_with_a_password, with_a_file_of_credentials)
