#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""kafka_server_test.py FLOWXDP: what `conf` says of TLS and SASL, against a broker of this test's own that speaks as much of Kafka's
protocol as a producer needs (librdkafka's mock cluster knows neither)."""
import contextlib
import os
import socket
import ssl
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
import sink_server as s
from certificates import Certificates

# https://kafka.apache.org/protocol: ApiKeys, and the one version of each that the broker takes (librdkafka wants to see two of the handshake).
PRODUCE, FETCH, METADATA, SASL_HANDSHAKE, API_VERSIONS, INIT_PRODUCER_ID, SASL_AUTHENTICATE = 0, 1, 3, 17, 18, 22, 36
VERSIONS = {PRODUCE: 3, FETCH: 4, METADATA: 1, SASL_HANDSHAKE: 1, API_VERSIONS: 0, INIT_PRODUCER_ID: 0, SASL_AUTHENTICATE: 0}
UNSUPPORTED_VERSION, SASL_AUTHENTICATION_FAILED = 35, 58
RECORD_COUNT = 57  # of a record batch, version 2


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        (value,) = struct.unpack_from("!" + form, self.data, self.at)
        self.at += struct.calcsize("!" + form)
        return value

    def bytes(self, form):
        length = max(0, self.take(form))
        self.at += length
        return self.data[self.at - length:self.at]


def text(value):
    return struct.pack("!h", len(value)) + value.encode()


class Broker:
    """One node with the topic flows, over TLS. login: (user, password) of SASL PLAIN, or nothing."""

    def __init__(self, certificate, key, login=None):
        self.login, self.records, self.logins = login, 0, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        trusted = not self.login
        # A client that does not trust the certificate hangs up.
        with contextlib.suppress(OSError), self.context.wrap_socket(connection, server_side=True) as tls, tls.makefile("rb") as stream:
            while head := stream.read(4):
                request = Reader(stream.read(struct.unpack("!i", head)[0]))
                key, version, correlation = request.take("h"), request.take("h"), request.take("i")
                request.bytes("h")  # the client's name
                if not trusted and key not in (API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE):
                    return
                answer = self.answer(key, version, request)
                trusted = trusted or (key == SASL_AUTHENTICATE and answer.startswith(b"\0\0"))
                tls.sendall(struct.pack("!ii", 4 + len(answer), correlation) + answer)

    def answer(self, key, version, request):
        if key == API_VERSIONS:
            error = UNSUPPORTED_VERSION if version else 0
            return struct.pack("!hi", error, len(VERSIONS)) + b"".join(struct.pack("!hhh", k, 0 if k == SASL_HANDSHAKE else v, v) for k, v in VERSIONS.items())
        assert version == VERSIONS[key], (key, version)
        if key == SASL_HANDSHAKE:
            return struct.pack("!hi", 0, 1) + text("PLAIN")
        if key == SASL_AUTHENTICATE:
            _, user, password = request.bytes("i").decode().split("\0")
            self.logins.append((user, password))
            if (user, password) == self.login:
                return struct.pack("!hhi", 0, -1, 0)
            return struct.pack("!h", SASL_AUTHENTICATION_FAILED) + text("not known here") + struct.pack("!i", 0)
        if key == METADATA:
            node = struct.pack("!ii", 1, 1) + text("127.0.0.1") + struct.pack("!ih", self.port, -1) + struct.pack("!i", 1)
            partition = struct.pack("!hiiiiii", 0, 0, 1, 1, 1, 1, 1)
            return node + struct.pack("!ih", 1, 0) + text("flows") + struct.pack("!bi", 0, 1) + partition
        if key == INIT_PRODUCER_ID:
            return struct.pack("!ihqh", 0, 0, 4711, 0)
        if key == PRODUCE:
            request.bytes("h"), request.take("h"), request.take("i")  # transaction, acks, timeout
            assert request.take("i") == 1 and request.bytes("h") == b"flows" and request.take("i") == 1 and request.take("i") == 0
            offset, batch = self.records, request.bytes("i")
            self.records += struct.unpack_from("!i", batch, RECORD_COUNT)[0]
            return struct.pack("!i", 1) + text("flows") + struct.pack("!iihqq", 1, 0, 0, offset, -1) + struct.pack("!i", 0)
        raise AssertionError(key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def run(folder, broker, code, *lines):
    path = folder + "/kafka.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.chmod(path, 0o600)
    rows, report = s.replay(f"kafka:127.0.0.1:{broker.port}/flows,conf={path},drain={10 if code == 0 else 2}", folder, code=code)
    return rows, s.sink_report(report, "kafka")


def tls(folder):
    """Rows go to the broker that the authority vouches for, and to no other."""
    certificates = Certificates(folder)
    with Broker(certificates.certificate, certificates.key) as broker:
        rows, sink = run(folder, broker, 3, "security.protocol=ssl", f"ssl.ca.location={certificates.stranger}")
        assert sink["dropped"] == len(rows) and "certificate" in sink["last_error"], sink
        rows, sink = run(folder, broker, 3, "security.protocol=plaintext")
        assert sink["dropped"] == len(rows) and broker.records == 0, sink
        rows, sink = run(folder, broker, 0, "security.protocol=ssl", f"ssl.ca.location={certificates.ca}")
        assert sink["sent"] == len(rows) == broker.records > 10, (sink, broker.records)
    with Broker(*certificates.issue("elsewhere", "subjectAltName=DNS:kafka.example.org")) as broker:
        rows, sink = run(folder, broker, 3, "security.protocol=ssl", f"ssl.ca.location={certificates.ca}")
        assert sink["dropped"] == len(rows) and broker.records == 0, sink


def sasl(folder):
    """A user and a password over TLS; they stand in the file and in no message."""
    certificates = Certificates(folder)
    with Broker(certificates.certificate, certificates.key, login=("sensor", "s3cret")) as broker:
        words = ("security.protocol=sasl_ssl", f"ssl.ca.location={certificates.ca}", "sasl.mechanism=PLAIN", "sasl.username=sensor")
        rows, sink = run(folder, broker, 3, *words, "sasl.password=wr0ng")
        assert sink["dropped"] == len(rows) and broker.records == 0 and "not known here" in sink["last_error"], sink
        assert "wr0ng" not in str(sink) and set(broker.logins) == {("sensor", "wr0ng")}, (sink, broker.logins)
        rows, sink = run(folder, broker, 0, *words, "sasl.password=s3cret")
        assert sink["sent"] == len(rows) == broker.records > 10, (sink, broker.records)


s.main(tls, sasl)
