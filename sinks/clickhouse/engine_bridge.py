# SPDX-License-Identifier: BSD-2-Clause
"""A current ClickHouse behind HTTP: the engine as a library (libchdb.so of the npm package @chdb/lib-linux-x64-gnu), which has no
server, and the few words of the HTTP interface that the sink uses. Run as a program: engine_bridge.py LIBRARY FOLDER PORT."""
import ctypes
import http.server
import json
import os
import re
import sys
import urllib.parse


class Engine:
    def __init__(self, library, folder):
        self.lib = ctypes.CDLL(library)
        self.lib.chdb_connect.restype = ctypes.POINTER(ctypes.c_void_p)
        self.lib.chdb_connect.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
        for name, result, words in (("query", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]),
                                    ("result_error", ctypes.c_char_p, [ctypes.c_void_p]),
                                    ("result_buffer", ctypes.c_void_p, [ctypes.c_void_p]),
                                    ("result_length", ctypes.c_size_t, [ctypes.c_void_p]),
                                    ("destroy_query_result", None, [ctypes.c_void_p])):
            function = getattr(self.lib, "chdb_" + name)
            function.restype, function.argtypes = result, words
        words = (ctypes.c_char_p * 2)(b"clickhouse", f"--path={folder}".encode())
        self.connection = self.lib.chdb_connect(2, words)[0]
        self.folder = folder
        self.files = 0

    def query(self, statement, form="TabSeparated"):
        """The answer's bytes, or the server's sentence as an exception."""
        result = self.lib.chdb_query(self.connection, statement.encode(), form.encode())
        try:
            error = self.lib.chdb_result_error(result)
            if error:
                raise ValueError(error.decode())
            return ctypes.string_at(self.lib.chdb_result_buffer(result), self.lib.chdb_result_length(result))
        finally:
            self.lib.chdb_destroy_query_result(result)

    def insert(self, statement, rows):
        """INSERT INTO TABLE (COLUMNS) FORMAT RowBinary: the library reads rows from a file, with the table's types."""
        table, columns = re.fullmatch(r"INSERT INTO (`(?:[^`\\]|\\.)*`) \((.*)\) FORMAT RowBinary", statement).groups()
        description = self.query(f"DESCRIBE TABLE {table}", "JSONEachRow").decode()
        types = {row["name"]: row["type"] for row in map(json.loads, description.splitlines())}
        names = re.findall(r"`((?:[^`\\]|\\.)*)`", columns)
        structure = ", ".join(f"`{name}` {types[name]}" for name in names).replace("\\", "\\\\").replace("'", "\\'")
        self.files += 1
        path = f"{self.folder}/rows.{self.files}"
        with open(path, "wb") as file:
            file.write(rows)
        try:
            self.query(f"INSERT INTO {table} ({columns}) SELECT * FROM file('{path}', RowBinary, '{structure}')")
        finally:
            os.remove(path)


def main():
    library, folder, port = sys.argv[1:]
    engine = Engine(library, folder)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            words = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            code, status, answer = 0, 200, b""
            try:
                if body.startswith(b"INSERT"):
                    # What the sink promises of each INSERT, besides the rows.
                    assert words["async_insert"] == ["0"] and words["wait_end_of_query"] == ["1"], words
                    statement, _, rows = body.partition(b"\n")
                    engine.insert(statement.decode(), rows)
                else:
                    answer = engine.query(body.decode())
            except Exception as error:  # every kind is the client's to know
                found = re.search(r"Code: (\d+)", str(error))
                code, status, answer = int(found[1]) if found else 1001, 500, str(error).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            if code:
                self.send_header("X-ClickHouse-Exception-Code", str(code))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    http.server.HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
