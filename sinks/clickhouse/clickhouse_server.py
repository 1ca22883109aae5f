# SPDX-License-Identifier: BSD-2-Clause
"""A ClickHouse of a test's own, and questions to it."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import sink_server as s

CONFIG = """<yandex>
<logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
<http_port>{port}</http_port>{tls}<listen_host>127.0.0.1</listen_host>
<path>{data}/</path><tmp_path>{folder}/tmp/</tmp_path><mark_cache_size>5368709120</mark_cache_size>
<users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
</yandex>"""
USERS = """<yandex><profiles><default/></profiles><quotas><default/></quotas><users>
<default><password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default>
<sensor><password>s3cret</password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></sensor>
</users></yandex>"""


TLS = """<https_port>{port}</https_port><openSSL><server><certificateFile>{certificate}</certificateFile><privateKeyFile>{key}</privateKeyFile>
<verificationMode>none</verificationMode><loadDefaultCAFile>false</loadDefaultCAFile></server></openSSL>"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Answers:
    """What asks a server over HTTP."""
    TIME_NS = '"{}"'
    IP = 'IPv6NumToString(assumeNotNull("{}"))'

    def __init__(self):
        self.port = free_port()

    def ask(self, statement):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/?wait_end_of_query=1", statement.encode(), timeout=30) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            error.msg = error.read().decode() + statement  # what the server has against it
            raise

    def answers(self):
        try:
            return self.ask("SELECT 1") == "1\n"
        except OSError:
            return False

    def query(self, statement):
        return [json.loads(line) for line in self.ask(statement + " FORMAT JSONEachRow").splitlines()]

    def count(self, table="flows FINAL"):
        try:
            return int(self.query(f"SELECT count() AS n FROM {table}")[0]["n"])
        except urllib.error.HTTPError:
            return 0

    def rows(self, table="flows FINAL"):
        text = self.ask(f'SELECT toString("flowInd") AS flowInd, toString("dir") AS dir, toString("pktsSnt") AS pktsSnt, '
                        f'toString("l7BytesSnt") AS l7BytesSnt, "srcPort" AS srcPort, "dstPort" AS dstPort, '
                        f'if(isNull("dstIP"), \'-\', {self.IP.format("dstIP")}) AS dstIP, '
                        f'arrayMap(m -> MACNumToString(m), "srcMac") AS srcMac, toString({self.TIME_NS.format("timeLast")}) AS timeLast, '
                        f'toString("duration") AS duration FROM {table} FORMAT JSONEachRow')
        return [json.loads(line) for line in text.splitlines()]

    def target(self, database="default"):
        return f"clickhouse:http://127.0.0.1:{self.port}/{database}"

    def __enter__(self):
        return self


class Server(Answers):
    """One of Debian's. start: it runs now, and is waited for. certificate: and its key; it answers over https, too, at tls_port."""

    def __init__(self, folder, data=None, start=True, certificate=None):
        super().__init__()
        self.binary = shutil.which("clickhouse-server", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not self.binary:
            raise s.Skip("no ClickHouse (package clickhouse-server)")
        os.mkdir(folder + "/tmp")
        tls = ""
        if certificate:
            self.tls_port = free_port()
            tls = TLS.format(port=self.tls_port, certificate=certificate[0], key=certificate[1])
        for name, text in (("config.xml", CONFIG), ("users.xml", USERS)):
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
                file.write(text.format(folder=folder, port=self.port, data=data or folder + "/data", tls=tls) if name == "config.xml" else text)
        self.words = (self.binary, f"--config-file={folder}/config.xml")
        if start:
            self.start()

    def start(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        s.until(self.answers, "ClickHouse answers")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.kill()


class Engine(Answers):
    """A current engine, behind a bridge of HTTP."""
    TIME_NS = 'toUnixTimestamp64Nano("{}")'
    IP = 'toString("{}")'

    def __init__(self, folder, library):
        super().__init__()
        os.mkdir(folder + "/engine")
        bridge = os.path.join(os.path.dirname(os.path.realpath(__file__)), "engine_bridge.py")
        self.process = subprocess.Popen((sys.executable, "-B", bridge, library, folder + "/engine", str(self.port)))
        s.until(self.answers, "the engine answers")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
