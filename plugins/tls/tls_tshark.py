#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tls_tshark.py --flowxdp BIN CAPTURE...: the columns of tls against tshark's dissector, for each direction of each flow.

JA4, which tshark 4.0 does not have, is computed here from tshark's lists. Exit 1 on a difference that EXPLAINED does not name, 77 without
tshark.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from hello_fields import CLIENT_FIELDS, SERVER_FIELDS, Hello
from tshark_fields import Comparison, arguments, because, by_row, flow_rows, tshark_packets

CERTIFICATE = ["tls.handshake.certificate"]
FIELDS = sorted({*CLIENT_FIELDS, *SERVER_FIELDS, *CERTIFICATE, "tcp.seq"})
CUT, PROTOCOLS_CUT, ENCRYPTED, CLIENT, SERVER = 0x20000, 0x600, 0x40000, 0x10000000, 0x20000000
SSL2 = 0x01
FRONT = "bytes of the message are missing: tshark reads whole ones, here its front is taken"
MALFORMED = "lengths of the hello that do not fit: no fingerprint is made of it, or nothing of it is read"
EXPLAINED = {
    **because("tshark's text of a protocol name that is no UTF-8 has lost its bytes; JA4 takes two of their digits", ["tls-non-ascii-alpn.pcapng"],
              ["ja4"]),
    **because(FRONT, ("4in6tunnel.pcap", "KakaoTalk_chat.pcap", "capwap_data.pcapng", "tls_missing_ch_frag.pcap"), ["hello"]),
    **because(FRONT, ("KakaoTalk_chat.pcap", "imaps.pcap", "pops.pcapng", "tls_client_certificate_with_missing_server_one.pcapng",
                      "tls_port_80.pcapng"), ["certificate"]),
    **because("a ServerHello of draft 14 has another format", ["tls__tls13_draft14.pcap"], ["hello"]),
    **because(MALFORMED, ["tls_cipher_lens.pcap"], ("hello", "ja3", "ja4")),
    **because(MALFORMED, ["tls_invalid_reads.pcap"], ("hello", "flow", "ja3", "ja4")),
}


def cause_of(row, hello, sent):
    """Why a direction is not compared, or None."""
    status = int(row["sslStat"], 0)
    if not status & (CLIENT | SERVER) and sent[0].fields["tcp.seq"][0] != "1":
        return "another protocol begins the stream (STARTTLS, a proxy)"
    if int(row["sslFlags"], 0) & SSL2:
        return "a hello in SSL 2.0's format: tshark has no list of its ciphers"
    if hello and hello.legacy_version >> 8 == 0x7f:
        return "a ServerHello of a draft of TLS 1.3 before 22"
    return None


def compare(check, capture, row, sent):
    status = int(row["sslStat"], 0)

    def add(field, wanted, found):
        check.add(capture, row, field, wanted, found)

    hello = Hello.first(sent)
    cause = cause_of(row, hello, sent)
    if cause:
        check.causes[cause] += 1
        return
    kind = "client" if status & CLIENT else "server" if status & SERVER else "none"
    wanted_kind = hello.kind if hello else "none"
    add("hello", wanted_kind, kind)
    if hello and kind == hello.kind:
        whole = not status & CUT or row["sslJA3Hash"]
        add("version", f"0x{hello.version:04x}", row["sslVersion"])
        add("cipher", f"0x{hello.ciphers[0]:04x}" if hello.ciphers else "0x0000", row["sslCipher"])
        add("ciphers", len(hello.ciphers), row["sslNumCipher"])
        if whole:
            add("extensions", [f"0x{e:04x}" for e in hello.extensions[:32]], row["sslExtList"])
            add("ja3", hello.ja3, row["sslJA3Hash"])
            if not status & PROTOCOLS_CUT:
                add("alpn", hello.protocols, row["sslALPNList"])
            if kind == "client":
                add("server name", hello.server_name, row["sslServerName"])
                add("ja4", hello.ja4("t"), row["sslJA4"])
    if status & ENCRYPTED:  # tshark may have the keys
        add("certificate", "", row["sslCertSha256FP"])
        return
    certificates = [packet.fields["tls.handshake.certificate"] for packet in sent if packet.fields["tls.handshake.certificate"]]
    if row["sslCertSha256FP"] or (certificates and not status & CUT):
        from hashlib import sha1, sha256

        der = bytes.fromhex(certificates[0][0].replace(":", "")) if certificates else b""
        add("certificate", (sha1(der).hexdigest(), sha256(der).hexdigest()), (row["sslCertSha1FP"], row["sslCertSha256FP"]))
        if der:
            compare_certificate(add, der, row)


def compare_certificate(add, der, row):
    """Its texts by `openssl x509`, which decodes with the same library; tshark gives no texts that can be told apart."""
    import re
    import subprocess

    text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-serial", "-dates", "-dateopt", "iso_8601", "-subject",
                           "-issuer", "-nameopt", "sep_multiline,utf8,lname"], input=der, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode(errors="replace")

    def name(part, attribute):
        block = re.search(rf"^{part}=\n((?:    .*\n)*)", text, re.M)
        found = re.search(rf"^ *{attribute}=(.*)$", block[1], re.M) if block else None
        return found[1][:64] if found else None

    add("serial", re.search("^serial=(.*)$", text, re.M)[1].lower(), row["sslCertSerial"])
    for part, column in (("subject", "Subject"), ("issuer", "Issuer")):
        for attribute, end in (("commonName", "CommonName"), ("organizationName", "OrgName"), ("countryName", "Country")):
            found = row[f"sslC{column}{end}"]
            add(f"{part} {attribute}", name(part, attribute), found)
    from datetime import datetime, timezone

    times = [int(datetime.fromisoformat(re.search(f"^{word}=(.*)Z$", text, re.M)[1]).replace(tzinfo=timezone.utc).timestamp())
             for word in ("notBefore", "notAfter")]
    add("validity", f"{times[0]}_{times[1]}_{times[1] - times[0]}", row["sslCNotValidBefore_after_lifetime"])


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        rows = flow_rows(flowxdp, capture, "tls")
        # tshark knows TLS by some ports, and by its first bytes where no other protocol has the port.
        ports = {row["dstPort"] for row in rows if int(row["sslStat"], 0) & CLIENT}
        known = [word for port in sorted(ports) for word in ("-d", f"tcp.port=={port},tls")]
        packets = tshark_packets(capture, "tls && tcp && !quic", FIELDS, *known, "-o", "tcp.reassemble_out_of_order:TRUE")
        for row, sent in by_row(rows, packets):
            if row is None:
                for packet in sent:
                    if packet.fields["tls.handshake.type"]:
                        check.add(capture, None, "flow", f"packet {packet.number}", "none")
            elif row["l4Proto"] == 6 and (Hello.first(sent) or int(row["sslStat"], 0) & (CLIENT | SERVER)):
                compare(check, capture, row, sent)
    return check.summary()


if __name__ == "__main__":
    sys.exit(main())
