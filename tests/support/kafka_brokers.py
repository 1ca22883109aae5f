# SPDX-License-Identifier: BSD-2-Clause
"""Kafka brokers of a test's own: librdkafka's mock cluster in a process of its own, which other programs reach over loopback.

It speaks the protocol with consumer groups and keeps what it gets in memory, the newest 5 MiB of a partition. A broker of it may be down
and come up again with what it had; the process may hang. Killing the process loses everything, which no broker with a disk does.
As a program: kafka_brokers.py COUNT TOPIC PARTITIONS; it says where the brokers are, then obeys lines `down N`, `up N`, and ends with
its standard input.
"""
import ctypes
import ctypes.util
import os
import signal
import subprocess
import sys

PRODUCER = 0


class Absent(Exception):
    pass


class Brokers:
    """Where: what starts the process, for a network namespace."""

    def __init__(self, count=3, topic="flows", partitions=6, where=()):
        if not ctypes.util.find_library("rdkafka"):
            raise Absent("no librdkafka (package librdkafka1)")
        self.process = subprocess.Popen((*where, sys.executable, "-B", os.path.realpath(__file__), str(count), topic, str(partitions)),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.servers = self.process.stdout.readline().strip()
        assert self.servers, "the mock cluster did not start"

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n", words

    def down(self, broker):
        self.tell("down", broker)

    def up(self, broker):
        self.tell("up", broker)

    def hang(self, yes):
        self.process.send_signal(signal.SIGSTOP if yes else signal.SIGCONT)

    def target(self, topic="flows"):
        """As the sink's target: its commas are semicolons."""
        return f"kafka:{self.servers.replace(',', ';')}/{topic}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


def main():
    count, topic, partitions = int(sys.argv[1]), sys.argv[2].encode(), int(sys.argv[3])
    library = ctypes.CDLL(ctypes.util.find_library("rdkafka"))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    error = ctypes.create_string_buffer(512)
    owner = ctypes.c_void_p(library.rd_kafka_new(PRODUCER, ctypes.c_void_p(library.rd_kafka_conf_new()), error, len(error)))
    if not owner:
        sys.exit(error.value.decode())
    cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(owner, count))
    failed = library.rd_kafka_mock_topic_create(cluster, topic, partitions, min(count, 3))
    if failed:
        sys.exit(f"topic {topic}: error {failed}")
    print(library.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)
    for line in sys.stdin:
        word, broker = line.split()
        failed = getattr(library, "rd_kafka_mock_broker_set_" + word)(cluster, ctypes.c_int32(int(broker)))
        print("done" if not failed else f"error {failed}", flush=True)


if __name__ == "__main__":
    main()
