# SPDX-License-Identifier: BSD-2-Clause
"""A ClickHouse that is set up as deploy/fleet says."""
import pathlib
import shutil

import clickhouse_server

FLEET = pathlib.Path(__file__).resolve().parents[2] / "deploy/fleet"


def statements(name, **words):
    text = "\n".join(line for line in (FLEET / name).read_text().splitlines() if not line.startswith("--"))
    for before, after in words.items():
        assert (old := {"brokers": "kafka.example.org:9092", "day": "2026-11-23"}[before]) in text
        text = text.replace(old, after)
    return [statement for statement in (text + "\n").split(";\n") if statement.strip()]


def database(folder):
    """A ClickHouse with the settings that are shipped, but for the seconds that it waits for more rows of a block."""
    for part in ("config.d", "users.d"):
        shutil.copytree(FLEET / "clickhouse" / part, f"{folder}/{part}")
    with open(f"{folder}/users.d/soon.xml", "w", encoding="utf-8") as file:
        file.write("<yandex><profiles><default><stream_flush_interval_ms>500</stream_flush_interval_ms></default></profiles></yandex>")
    return clickhouse_server.Server(folder)


def tell(server, *all_of_them):
    for statement in all_of_them:
        server.ask(statement)


def make_tables(server, brokers, readers=1):
    queue = statements("queue.sql", brokers=brokers.servers)
    assert "kafka_num_consumers = 1" in queue[0]
    tell(server, *statements("tables.sql"), queue[0].replace("kafka_num_consumers = 1", f"kafka_num_consumers = {readers}"), *queue[1:])
