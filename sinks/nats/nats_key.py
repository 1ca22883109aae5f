# SPDX-License-Identifier: BSD-2-Clause
"""Keys of NATS (nkeys: Ed25519, base32 with a prefix and CRC-16) and the JWTs that they sign, by openssl."""
import base64
import hashlib
import json
import os
import subprocess
import tempfile
import time

PREFIX = {"operator": 14 << 3, "account": 0, "user": 20 << 3}  # O, A, U
SEED = 18 << 3  # S


def crc16(data):
    """XMODEM's."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def text_of(data):
    return base64.b32encode(data + crc16(data).to_bytes(2, "little")).rstrip(b"=").decode()


def url_text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class NatsKey:
    def __init__(self, kind):
        self.kind = kind
        self.pem = self.openssl("genpkey", "-algorithm", "ed25519")
        # RFC 8410: the raw key ends the structure.
        self.raw = self.openssl("pkey", "-outform", "DER", stdin=self.pem)[-32:]
        self.public = text_of(bytes([PREFIX[kind]]) + self.openssl("pkey", "-pubout", "-outform", "DER", stdin=self.pem)[-32:])

    @staticmethod
    def openssl(*words, stdin=b""):
        return subprocess.run(("openssl", *words), input=stdin, check=True, capture_output=True).stdout

    def seed(self):
        prefix = PREFIX[self.kind]
        return text_of(bytes([SEED | prefix >> 5, (prefix & 31) << 3]) + self.raw)

    def sign(self, subject, kind, body):
        """The JWT of this key for a subject."""
        claims = {"iat": int(time.time()), "iss": self.public, "name": kind, "sub": subject, "nats": {**body, "type": kind, "version": 2}}
        claims["jti"] = base64.b32encode(hashlib.sha256(json.dumps(claims).encode()).digest()).rstrip(b"=").decode()
        text = ".".join(url_text(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, claims))
        with tempfile.TemporaryDirectory() as folder:  # a key and a text are one too many for standard input
            key, message = os.path.join(folder, "key"), os.path.join(folder, "text")
            for path, data in ((key, self.pem), (message, text.encode())):
                with open(path, "wb") as file:
                    file.write(data)
            return text + "." + url_text(self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", message))
