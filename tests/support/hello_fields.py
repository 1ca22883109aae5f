# SPDX-License-Identifier: BSD-2-Clause
"""hello_fields.py - the first hello of a TLS or QUIC direction in tshark's fields, and the JA4 that follows from them."""

import hashlib

HANDSHAKE = "tls.handshake."
CLIENT_FIELDS = [HANDSHAKE + name for name in
                 ("type", "version", "ciphersuite", "extension.type", "extensions_server_name", "extensions_alpn_str",
                  "extensions.supported_version", "sig_hash_alg", "sig_hash_alg_len", "ja3", "extensions_supported_group")]
SERVER_FIELDS = [HANDSHAKE + name for name in ("type", "ja3s", "random")]
RETRY_RANDOM = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
JA4_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}


def is_grease(value):
    return value & 0x0f0f == 0x0a0a and value >> 8 == value & 0xff


def short_hash(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


class Hello:
    """fields: tshark's values of one packet, in which this is the only hello."""

    def __init__(self, kind, fields):
        def numbers(name):
            return [int(value, 0) for value in fields[HANDSHAKE + name]]

        self.kind = kind
        self.ciphers = numbers("ciphersuite")
        self.extensions = numbers("extension.type")
        self.versions = numbers("extensions.supported_version")
        self.legacy_version = numbers("version")[0]
        self.protocols = fields[HANDSHAKE + "extensions_alpn_str"]
        names = fields[HANDSHAKE + "extensions_server_name"]
        self.server_name = names[0] if names else None
        ja3 = fields[HANDSHAKE + ("ja3" if kind == "client" else "ja3s")]
        self.ja3 = ja3[0] if ja3 else ""
        # The field stands in other extensions, too (delegated credentials, 34): the lists follow one another.
        algorithms, self.algorithms = numbers("sig_hash_alg"), []
        lengths = numbers("sig_hash_alg_len")
        for extension in self.extensions:
            if extension in (13, 34, 50) and lengths:
                size = lengths.pop(0) // 2
                if extension == 13:
                    self.algorithms = algorithms[:size]
                algorithms = algorithms[size:]

    @classmethod
    def first(cls, packets):
        """The first hello; behind a HelloRetryRequest the ServerHello. None without one that tshark takes apart alone."""
        retry = None
        for packet in packets:
            types = packet.fields[HANDSHAKE + "type"]
            if "1" in types and packet.fields[HANDSHAKE + "version"]:
                return cls("client", packet.fields)
            if "2" in types and packet.fields[HANDSHAKE + "version"]:
                hello = cls("server", packet.fields)
                if packet.fields.get(HANDSHAKE + "random", [""])[0].replace(":", "") != RETRY_RANDOM:
                    return hello
                retry = retry or hello
        return retry

    @property
    def version(self):
        return max([version for version in self.versions if not is_grease(version)], default=self.legacy_version)

    def ja4(self, transport):
        ciphers = [cipher for cipher in self.ciphers if not is_grease(cipher)]
        extensions = [extension for extension in self.extensions if not is_grease(extension)]
        algorithms = [algorithm for algorithm in self.algorithms if not is_grease(algorithm)]
        first = self.protocols[0] if self.protocols else ""
        ends = "00"
        if first:
            ends = first[0] + first[-1]
            if not (ends.isascii() and ends.isalnum()):
                digits = first.encode().hex()
                ends = digits[0] + digits[-1]
        rest = ",".join(f"{e:04x}" for e in sorted(extensions) if e not in (0, 16))
        if rest and algorithms:
            rest += "_" + ",".join(f"{a:04x}" for a in algorithms)
        return (f"{transport}{JA4_VERSIONS.get(self.version, '00')}{'d' if 0 in extensions else 'i'}{min(len(ciphers), 99):02d}"
                f"{min(len(extensions), 99):02d}{ends}_{short_hash(','.join(f'{c:04x}' for c in sorted(ciphers)))}_"
                f"{short_hash(rest)}")
