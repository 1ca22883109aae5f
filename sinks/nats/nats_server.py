# SPDX-License-Identifier: BSD-2-Clause
"""A nats-server of a test's own, and questions to its JetStream."""
import base64
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess

import sink_server as s


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Client:
    """The few words of NATS' protocol that ask JetStream."""

    def __init__(self, port, login=None, ca=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb", buffering=1 if ca else -1)
        assert self.file.readline().startswith(b"INFO ")
        if ca:  # from the first line on
            self.socket = ssl.create_default_context(cafile=ca).wrap_socket(self.socket, server_hostname="127.0.0.1")
            self.file = self.socket.makefile("rb")
        options = {"verbose": False, "headers": True, "no_responders": True, "pedantic": False, "lang": "test", "version": "1"}
        self.send(b"CONNECT " + json.dumps({**options, **(login or {})}).encode() + b"\r\nSUB in.* 1\r\n")

    def send(self, text):
        self.socket.sendall(text)

    def ask(self, *questions):
        """(subject, object) each; the answers in their order."""
        self.send(b"".join(b"PUB $JS.API.%s in.%d %d\r\n%s\r\n" % (subject.encode(), n, len(body), body) for n, (subject, body) in enumerate(
            (subject, json.dumps(thing).encode() if thing else b"") for subject, thing in questions)))
        answers = {}
        while len(answers) < len(questions):
            words = self.file.readline().split()
            if not words:
                raise OSError("the server hung up")
            if words[0] == b"PING":
                self.send(b"PONG\r\n")
            elif words[0] == b"MSG":
                answers[int(words[1].split(b".")[1])] = json.loads(self.file.read(int(words[-1])))
                self.file.readline()
            elif words[0] == b"HMSG":  # no responders: JetStream is not up
                self.file.read(int(words[-1]) + 2)
                raise OSError("no JetStream")
            elif words[0] == b"-ERR":
                raise OSError(words)
        return [answers[n] for n in range(len(questions))]

    def close(self):
        self.file.close()
        self.socket.close()


class Server:
    def __init__(self, folder, name="one", config="", port=None, login=None, certificates=None):
        self.binary = shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not self.binary:
            raise s.Skip("no nats-server (package nats-server)")
        self.port = port or free_port()
        self.login = login
        self.ca = certificates and certificates.ca
        if certificates:
            config += f'\ntls {{ cert_file: "{certificates.certificate}", key_file: "{certificates.key}" }}'
        self.config = f"{folder}/{name}.conf"
        self.words = (self.binary, "-c", self.config)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'server_name: {name}\nhost: 127.0.0.1\nport: {self.port}\njetstream {{ store_dir: "{folder}/{name}" }}\n{config}\n')

    def start(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def wait(self):
        s.until(lambda: self.try_ask(("INFO", None)), "nats-server answers")
        return self

    def try_ask(self, *questions):
        try:
            client = Client(self.port, self.login, self.ca)
        except (OSError, AssertionError):
            return None
        try:
            return client.ask(*questions)
        except OSError:
            return None
        finally:
            client.close()

    def ask(self, *questions):
        return s.until(lambda: self.try_ask(*questions), "JetStream answers")

    def count(self, stream="FLOWS"):
        answers = self.try_ask((f"STREAM.INFO.{stream}", None))
        return answers[0].get("state", {}).get("messages", 0) if answers else 0

    def messages(self, stream="FLOWS"):
        """(id, row) of all, in the stream's order."""
        state = self.ask((f"STREAM.INFO.{stream}", None))[0]["state"]
        numbers = range(state["first_seq"], state["last_seq"] + 1) if state["messages"] else ()
        found = self.ask(*((f"STREAM.MSG.GET.{stream}", {"seq": n}) for n in numbers)) if numbers else []
        rows = []
        for answer in found:
            message = answer["message"]
            head = dict(line.split(": ", 1) for line in base64.b64decode(message["hdrs"]).decode().split("\r\n")[1:] if line)
            rows.append((head["Nats-Msg-Id"], json.loads(base64.b64decode(message["data"]))))
        assert len(rows) == state["messages"], (len(rows), state)
        return rows

    def target(self, *others):
        return f"nats:{'tls' if self.ca else 'nats'}://" + ";".join(f"127.0.0.1:{x.port}" for x in (self, *others)) + "/net.flows"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self.start().wait()

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.kill()
