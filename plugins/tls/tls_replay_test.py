#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tls_replay_test.py FLOWXDP [ENGINE]: real handshakes of OpenSSL's, between two ends in this process, as packets of a capture.

What the rows have to say is what both ends were configured with and agreed on. The segments are cut small, come out of order and twice, and in
one flow one is missing. ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import datetime
import hashlib
import json
import os
import ssl
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../tests/support"))
from frames import ACK, FIN, IPV4, PSH, SYN, TCP, ethernet, ipv4, tcp, write_pcap

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
CLIENT, SERVER = "192.0.2.1", "198.51.100.2"
NAME = "www.example.org"
START = int(datetime.datetime.now().timestamp()) + 60  # the certificate, which is made later, is valid then
CLIENT_SIDE, SERVER_SIDE, ENCRYPTED, SELF_ISSUED, CUT = 0x10000000, 0x20000000, 0x40000, 0x80000, 0x20000
RETRY, OFFERED, RESUMED, NO_START = 0x200000, 0x400000, 0x800000, 0x10000


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                    f"/C=CH/O=Example Org/CN={NAME}", "-set_serial", "0x1234abcd", "-keyout", folder + "/key.pem", "-out",
                    folder + "/cert.pem"], check=True, capture_output=True)
    with open(folder + "/cert.pem") as pem:
        return ssl.PEM_cert_to_DER_cert(pem.read())


def contexts(folder, version, curve=None):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
    server.minimum_version = server.maximum_version = version
    server.set_alpn_protocols(["http/1.1"])
    if curve:
        server.set_ecdh_curve(curve)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(folder + "/cert.pem")
    client.maximum_version = version
    client.set_alpn_protocols(["h2", "http/1.1"])
    return client, server


def handshake(client_context, server_context, session=None):
    """([(from the client, bytes)], the client's end), with a request and an answer behind the handshake."""
    wires = {True: (ssl.MemoryBIO(), ssl.MemoryBIO()), False: (ssl.MemoryBIO(), ssl.MemoryBIO())}
    ends = {True: client_context.wrap_bio(*wires[True], server_hostname=NAME, session=session),
            False: server_context.wrap_bio(*wires[False], server_side=True)}
    turns, done = [], set()

    def move():
        for out in (True, False):
            sent = wires[out][1].read()
            if sent:
                turns.append((out, sent))
                wires[not out][0].write(sent)

    while len(done) < 2:
        for out in (True, False):
            if out not in done:
                try:
                    ends[out].do_handshake()
                    done.add(out)
                except ssl.SSLWantReadError:
                    pass
            move()
    for out, text in ((True, b"GET / HTTP/1.1\r\n\r\n"), (False, b"HTTP/1.1 204 No Content\r\n\r\n")):
        ends[out].write(text)
        move()
        ends[not out].read()
    return turns, ends[True]


def segments(port, turns, size, shuffle=False, lose=None, syn=True, acks=0):
    """The frames of a connection: each turn in segments of size bytes. lose: the number of the server's segment that is not there. acks:
    the client's segments without data behind each turn of the server's."""
    seq = {True: 1000, False: 0xfffffff0}  # the server's numbers wrap

    def frame(out, body=b"", flags=ACK):
        ports = (port, 8443) if out else (8443, port)
        addresses = (CLIENT, SERVER) if out else (SERVER, CLIENT)
        return ethernet(IPV4, ipv4(TCP, tcp(*ports, seq=seq[out] & 0xffffffff, ack=seq[not out] & 0xffffffff, flags=flags, body=body),
                                   *addresses))

    frames = []
    for out in (True, False):
        if syn:
            frames.append(frame(out, flags=SYN if out else SYN | ACK))
        seq[out] += 1
    number = 0
    for out, sent in turns:
        turn = []
        for at in range(0, len(sent), size):
            body = sent[at:at + size]
            if not (not out and number == lose):
                turn.append(frame(out, body, ACK | PSH))
            number += not out
            seq[out] += len(body)
        if shuffle:
            turn = [f for pair in zip(turn[1::2], turn[::2]) for f in (*pair, pair[0])] + turn[len(turn) // 2 * 2:]
        frames += turn + [frame(True)] * (0 if out else acks)
    return frames + [frame(True, flags=FIN | ACK), frame(False, flags=FIN | ACK)]


def rows(folder, frames):
    capture = folder + "/a.pcap"
    write_pcap(capture, [(START * 1000000 + n * 1000, frame) for n, frame in enumerate(frames)])
    done = subprocess.run([FLOWXDP, "replay", "-q", "--engine", ENGINE, capture, "--plugin", "tls", "--sink", "json:-"], capture_output=True,
                          text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {(row["srcPort"] if row["dir"] == "A" else row["dstPort"], row["dir"]): row for row in found}


def check(row, **wanted):
    for name, value in wanted.items():
        found = int(row[name], 0) if name == "sslStat" else row[name]
        assert found == value, (row["srcPort"], row["dir"], name, found, value, row)


def main():
    with tempfile.TemporaryDirectory() as folder:
        der = certificate(folder)
        tls12 = contexts(folder, ssl.TLSVersion.TLSv1_2)
        tls13 = contexts(folder, ssl.TLSVersion.TLSv1_3)
        retried = contexts(folder, ssl.TLSVersion.TLSv1_3, "secp384r1")
        flows = {20001: handshake(*tls12), 20003: handshake(*tls13), 20004: handshake(*retried)}
        flows[20002] = handshake(*tls12, session=flows[20001][1].session)
        assert flows[20002][1].session_reused
        frames = []
        # 150 bytes: hello and certificate lie in several segments each, and the first 24 packets of the server hold them.
        frames += segments(20001, flows[20001][0], 150)
        frames += segments(20011, flows[20001][0], 150, shuffle=True)
        frames += segments(20021, flows[20001][0], 150, lose=2)
        frames += segments(20031, flows[20001][0], 1400, syn=False)
        frames += segments(20041, flows[20001][0], 1400, acks=24)
        for port in (20002, 20003, 20004):
            frames += segments(port, flows[port][0], 700)
        frames += segments(20005, [(True, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (False, b"HTTP/1.1 204 No Content\r\n\r\n")], 700)
        found = rows(folder, frames)

        def cipher(port):
            name = flows[port][1].cipher()[0]
            return "0x%04x" % next(c["id"] & 0xffff for c in ssl.create_default_context().get_ciphers() if c["name"] == name)

        validity = [int(ssl.cert_time_to_seconds(flows[20001][1].getpeercert()[word])) for word in ("notBefore", "notAfter")]
        certificate_cells = dict(
            sslCertVersion=3, sslCertSerial="1234abcd", sslCertSha1FP=hashlib.sha1(der).hexdigest(),
            sslCertSha256FP=hashlib.sha256(der).hexdigest(), sslCSubjectCommonName=NAME, sslCSubjectOrgName="Example Org",
            sslCSubjectCountry="CH", sslCIssuerCommonName=NAME, sslCKeyAlg="id-ecPublicKey", sslCPKeySize=256,
            sslCNotValidBefore_after_lifetime=f"{validity[0]}_{validity[1]}_{validity[1] - validity[0]}")
        for port in (20001, 20011):
            check(found[port, "A"], sslStat=CLIENT_SIDE, sslVersion="0x0303", sslServerName=NAME, sslALPNList=["h2", "http/1.1"],
                  sslNumALPN=2, sslCertSha256FP="")
            assert found[port, "A"]["sslJA4"].startswith("t12d") and found[port, "A"]["sslJA4"][8:11] == "h2_", found[port, "A"]["sslJA4"]
            check(found[port, "B"], sslStat=SERVER_SIDE | SELF_ISSUED, sslVersion="0x0303", sslCipher=cipher(20001),
                  sslALPNList=["http/1.1"], sslProto="0x00000001", sslJA4="", **certificate_cells)
            # ServerHello to ServerHelloDone may share records: change_cipher_spec and the encrypted Finished are certain.
            assert found[port, "B"]["sslNumCC_A_H_AD_HB"].startswith("1_0_"), found[port, "B"]["sslNumCC_A_H_AD_HB"]
        assert found[20001, "A"]["sslJA4"] == found[20011, "A"]["sslJA4"]
        check(found[20021, "B"], sslStat=SERVER_SIDE | CUT, sslCertSha256FP="", sslCipher=cipher(20001))
        check(found[20031, "A"], sslStat=CLIENT_SIDE | NO_START, sslServerName=NAME)
        check(found[20031, "B"], sslStat=SERVER_SIDE | SELF_ISSUED | NO_START, **certificate_cells)
        # What the client sent behind its hello lies beyond its first 24 packets.
        check(found[20041, "A"], sslStat=CLIENT_SIDE | CUT, sslServerName=NAME)
        check(found[20041, "B"], sslStat=SERVER_SIDE | SELF_ISSUED, **certificate_cells)
        check(found[20002, "A"], sslStat=CLIENT_SIDE | OFFERED)
        check(found[20002, "B"], sslStat=SERVER_SIDE | RESUMED, sslCertSha256FP="")
        check(found[20003, "A"], sslStat=CLIENT_SIDE, sslVersion="0x0304", sslServerName=NAME)
        check(found[20003, "B"], sslStat=SERVER_SIDE | ENCRYPTED, sslVersion="0x0304", sslCipher=cipher(20003), sslCertSha256FP="",
              sslSuppVer=["0x0304"], sslALPNList=[])
        check(found[20004, "A"], sslStat=CLIENT_SIDE, sslServerName=NAME)
        check(found[20004, "B"], sslStat=SERVER_SIDE | ENCRYPTED | RETRY, sslVersion="0x0304", sslCipher=cipher(20004))
        for side in "AB":
            check(found[20005, side], sslStat=0, sslVersion="0x0000", sslNumRecVer=0, sslServerName=None, sslGMTTime=None)
    print("tls_replay_test: ok")


if __name__ == "__main__":
    main()
