# SPDX-License-Identifier: BSD-2-Clause
"""Certificates for a test's own servers, made by openssl: an authority, a server of 127.0.0.1, and another authority that nobody trusts."""
import os
import shutil
import subprocess

import sink_server as s


class Certificates:
    """Files below a folder. readers: the user who must read the keys; nothing: this one."""

    def __init__(self, folder, readers=None):
        if not shutil.which("openssl"):
            raise s.Skip("no openssl")
        self.folder = folder + "/certificates"
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o755)
        for authority in ("ca", "stranger"):
            self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                         f"/CN=test {authority}", "-keyout", self.path(authority + ".key"), "-out", self.path(authority + ".pem"))
        self.ca, self.stranger = self.path("ca.pem"), self.path("stranger.pem")
        self.certificate, self.key = self.issue("server", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        if readers:
            os.chown(self.key, readers, -1)

    def issue(self, name, extension):
        """A certificate of the authority, and its key."""
        request, certificate, key = (self.path(f"{name}.{kind}") for kind in ("csr", "pem", "key"))
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        with open(self.path("extension"), "w", encoding="utf-8") as file:
            file.write(extension + "\n")
        self.openssl("x509", "-req", "-in", request, "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"), "-CAcreateserial", "-days", "2",
                     "-extfile", self.path("extension"), "-out", certificate)
        os.chmod(key, 0o600)
        return certificate, key

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def openssl(*words):
        subprocess.run(("openssl", *words), check=True, capture_output=True)
