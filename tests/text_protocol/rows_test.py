#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""rows_test.py FLOWXDP [ENGINE]: the plugins http, ssh, ftp, smtp and sip over a capture that is made here.

Conversations go over the wire in segments of a few bytes, some twice, some in another order, one lost; SIP over UDP, too. Cells are
what the conversations say. ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
from frames import ACK, FIN, IPV4, PSH, SYN, TCP, UDP, ethernet, ipv4, tcp, udp, with_checksums, write_pcap

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
CLIENT, SERVER = "192.0.2.10", "198.51.100.20"


class Connection:
    """A TCP connection: turns that each side says, in segments of this many bytes."""

    def __init__(self, client_port, server_port, size):
        self.ports, self.size = (client_port, server_port), size
        self.next = [1000, 5000]
        self.packets = []
        self.send(0, b"", SYN)
        self.send(1, b"", SYN | ACK)
        self.send(0, b"", ACK)

    def send(self, side, body, flags=ACK | PSH):
        ports, ends = (self.ports, (CLIENT, SERVER)) if side == 0 else (self.ports[::-1], (SERVER, CLIENT))
        segment = tcp(*ports, seq=self.next[side], ack=self.next[1 - side], flags=flags, body=body)
        self.packets.append(ethernet(IPV4, with_checksums(ipv4(TCP, segment, *ends))))
        self.next[side] += len(body) + (1 if flags & (SYN | FIN) else 0)

    def say(self, side, text, lost=None):
        """lost: number of the segment that the capture lacks."""
        for n, at in enumerate(range(0, len(text), self.size)):
            self.send(side, text[at:at + self.size])
            if n == lost:
                self.packets.pop()
            elif n % 5 == 3:  # twice
                self.packets.append(self.packets[-1])
            elif n % 5 == 1:  # in another order
                self.packets[-2:] = self.packets[-1:] + self.packets[-2:-1]
        return self

    def close(self):
        self.send(0, b"", FIN | ACK)
        self.send(1, b"", FIN | ACK)
        self.send(0, b"", ACK)
        return self.packets


def ssh_string(text):
    return struct.pack("!I", len(text)) + text


def ssh_packet(payload):
    padding = 4 + (8 - (5 + len(payload) + 4) % 8) % 8
    return struct.pack("!IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


def kex_init(*lists):
    return ssh_packet(b"\x14" + bytes(16) + b"".join(ssh_string(text) for text in lists) + bytes(8 + 5))


CLIENT_LISTS = [b"curve25519-sha256,ecdh-sha2-nistp256", b"ssh-ed25519", b"aes128-ctr", b"aes256-ctr", b"hmac-sha1", b"hmac-sha2-256",
                b"none", b"none,zlib"]
SERVER_LISTS = [b"ecdh-sha2-nistp256", *CLIENT_LISTS[1:]]
SDP = b"v=0\r\no=a 77 1 IN IP4 192.0.2.10\r\nc=IN IP4 192.0.2.11\r\nm=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
INVITE = (b"INVITE sip:b@example.com SIP/2.0\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: c1\r\n"
          b"User-Agent: phone\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(SDP)) + SDP
RINGING = b"SIP/2.0 180 Ringing\r\nCall-ID: c1\r\nContent-Length: 0\r\n\r\n"


def conversations():
    http = Connection(40001, 8080, 9)
    http.say(0, b"GET /one?x HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: test \"1\"\r\n\r\n")
    http.say(1, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 30\r\n\r\n" + b"HTTP/1.1 500 body\r\n" + b"x" * 11)
    http.say(0, b"POST /two HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 3\r\n\r\na=b")
    http.say(1, b"HTTP/1.1 404 Not Found\r\nServer: s/1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")

    gap = Connection(40002, 80, 10)
    gap.say(0, b"GET /gap HTTP/1.1\r\nUser-Agent: lost agent\r\nHost: gap.example.com\r\n\r\n", lost=3)
    gap.say(1, b"HTTP/1.1 204 No Content\r\n\r\n")

    ssh = Connection(40003, 2222, 50)
    ssh.say(0, b"SSH-2.0-client\r\n").say(1, b"SSH-2.0-server\r\n").say(0, kex_init(*CLIENT_LISTS)).say(1, kex_init(*SERVER_LISTS))
    ssh.say(0, ssh_packet(b"\x1e" + ssh_string(b"e" * 65)))
    ssh.say(1, ssh_packet(b"\x1f" + ssh_string(ssh_string(b"ssh-ed25519") + ssh_string(b"k" * 32)) + ssh_string(b"f") + ssh_string(b"s")))
    ssh.say(1, ssh_packet(b"\x15")).say(0, ssh_packet(b"\x15"))

    ftp = Connection(40004, 21, 7)
    for side, text in ((1, b"220 ready\r\n"), (0, b"USER me\r\n"), (1, b"331 password\r\n"), (0, b"PASS secret\r\n"), (1, b"230 in\r\n"),
                       (0, b"EPSV\r\n"), (1, b"229 Extended (|||50000|)\r\n"), (0, b"PORT 192,0,2,10,10,1\r\n"), (1, b"200 ok\r\n"),
                       (0, b"RETR file name\r\n"), (1, b"226 done\r\n")):
        ftp.say(side, text)

    smtp = Connection(40005, 25, 8)
    for side, text in ((1, b"220 mx.example.com ready\r\n"), (0, b"EHLO host.example.com\r\n"), (1, b"250-mx\r\n250 AUTH LOGIN\r\n"),
                       (0, b"AUTH LOGIN\r\n"), (1, b"334 VXNlcm5hbWU6\r\n"), (0, b"dGVzdA==\r\n"), (1, b"334 UGFzc3dvcmQ6\r\n"),
                       (0, b"MTIzNA==\r\n"), (1, b"235 ok\r\n"), (0, b"MAIL FROM:<a@example.com>\r\n"), (1, b"250 ok\r\n"),
                       (0, b"RCPT TO:<b@example.com>\r\n"), (1, b"250 ok\r\n"), (0, b"DATA\r\n"), (1, b"354 go\r\n"),
                       (0, b"From: x\r\n\r\nRCPT TO:<body@example.com>\r\n.\r\n"), (1, b"250 ok\r\n"), (0, b"QUIT\r\n"), (1, b"221 bye\r\n")):
        smtp.say(side, text)

    sip = Connection(40006, 5060, 11)
    sip.say(0, INVITE).say(1, RINGING).say(0, INVITE.replace(b"INVITE", b"OPTIONS"))

    datagrams = [ethernet(IPV4, with_checksums(ipv4(UDP, udp(40007, 5060, INVITE), CLIENT, SERVER))),
                 ethernet(IPV4, with_checksums(ipv4(UDP, udp(5060, 40007, RINGING), SERVER, CLIENT)))]
    return [http.close(), gap.close(), ssh.close(), ftp.close(), smtp.close(), sip.close(), datagrams]


def hassh(lists, sent):
    return hashlib.md5(b";".join([lists[0], *lists[2 + sent:8:2]])).hexdigest()


# (port of the client, direction): cells
EXPECTED = {
    (40001, "A"): {"httpStat": "0x0008", "httpMethods": "0x0a", "httpURL": ["/one?x", "/two"], "httpHosts": ["www.example.com"],
                   "httpUsrAg": ["test \"1\""], "httpReqCnt": 2, "httpGetCnt": 1, "httpPostCnt": 1, "httpRSCode": []},
    (40001, "B"): {"httpStat": "0x0018", "httpRSCode": [200, 404], "httpRSCnt": 2, "httpMimes": ["text/html"], "httpServ": ["s/1"],
                   "httpHeadMimes": "0x0040"},
    (40002, "A"): {"httpStat": "0x0108", "httpURL": ["/gap"], "httpHosts": ["gap.example.com"], "httpUsrAg": []},
    (40002, "B"): {"httpStat": "0x0008", "httpRSCode": [204]},
    (40003, "A"): {"sshStat": "0x104b", "sshVersion": ["SSH-2.0-client"], "sshHassh": [hassh(CLIENT_LISTS, 0)],
                   "sshKEX": ["ecdh-sha2-nistp256"], "sshEncSC": ["aes256-ctr"], "sshHostKeyType": []},
    (40003, "B"): {"sshStat": "0x1089", "sshVersion": ["SSH-2.0-server"], "sshHassh": [hassh(SERVER_LISTS, 1)],
                   "sshKEX": ["ecdh-sha2-nistp256"], "sshHostKeyType": ["ssh-ed25519"], "sshKEXList": ["ecdh-sha2-nistp256"]},
    (40004, "A"): {"ftpStat": "0x09", "ftpCC": ["USER", "PASS", "EPSV", "PORT", "RETR"], "ftpUser": ["me"], "ftpNumPass": 1, "ftpPass": [],
                   "ftpCP": ["192,0,2,10,10,1", "file name"], "ftpDataIP": ["192.0.2.10"], "ftpDataPort": [2561]},
    (40004, "B"): {"ftpStat": "0x03", "ftpRC": [220, 331, 230, 229, 200, 226], "ftpDataIP": [SERVER], "ftpDataPort": [50000]},
    (40005, "A"): {"smtpStat": "0x01", "smtpCC": ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"], "smtpUsr": ["test"], "smtpPW": [],
                   "smtpSA": ["host.example.com"], "smtpESA": ["a@example.com"], "smtpERA": ["b@example.com"], "smtpERANum": 1},
    (40005, "B"): {"smtpStat": "0x01", "smtpRC": [220, 250, 334, 235, 354, 221], "smtpSA": ["mx.example.com"]},
    (40006, "A"): {"voipStat": "0x00000244", "sipReq": ["INVITE", "OPTIONS"], "sipCallID": ["c1"], "sipFrom": ["sip:a@example.com"],
                   "sipReqCnt": 2, "sipUsrAgnt": "phone", "sdpRFAdd": ["192.0.2.11"], "sdpRAFPrt": [4000], "sdpRTPMap": ["PCMU/8000"],
                   "sdpSessID": ["77"]},
    (40006, "B"): {"voipStat": "0x00000004", "sipStat": [180], "sipStatCnt": 1},
    (40007, "A"): {"voipStat": "0x00000244", "sipReq": ["INVITE"], "sipTo": ["sip:b@example.com"], "sdpRFAdd": ["192.0.2.11"]},
    (40007, "B"): {"voipStat": "0x00000004", "sipStat": [180], "sipCallID": ["c1"]},
}


def replay(capture, *options):
    plugins = [word for name in ("http", "ssh", "ftp", "smtp", "sip") for word in ("--plugin", name + options[0] if name in "ftp smtp" else name)]
    done = subprocess.run([FLOWXDP, "replay", "-q", "--engine", ENGINE, capture, *plugins, "--sink", "json:-"], capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done
    return {(row["srcPort" if row["dir"] == "A" else "dstPort"], row["dir"]): row for row in map(json.loads, done.stdout.splitlines())}


def main():
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, "text.pcap")
        # Turns of all connections, one packet of each after the other.
        packets, waiting = [], conversations()
        while any(waiting):
            for connection in waiting:
                if connection:
                    packets.append((1_700_000_000_000_000 + 100 * len(packets), connection.pop(0)))
        write_pcap(capture, packets)
        rows = replay(capture, "")
        shown = replay(capture, ":pass=1")
    assert rows.keys() == EXPECTED.keys(), rows.keys()
    wrong = 0
    for key, cells in EXPECTED.items():
        for column, cell in cells.items():
            if rows[key][column] != cell:
                print(f"{key} {column}: {rows[key][column]!r}, expected {cell!r}")
                wrong += 1
    assert not wrong
    assert shown[40004, "A"]["ftpPass"] == ["secret"] and shown[40005, "A"]["smtpPW"] == ["1234"]
    assert "secret" not in json.dumps(list(rows.values())), "a password is shown without being asked for"
    print(sum(map(len, EXPECTED.values())), "cells are as the conversations say")


main()
