# SPDX-License-Identifier: BSD-2-Clause
"""Asks Parquet files by DuckDB's library, which FLOWXDP_LIBDUCKDB names."""
import ctypes
import os

import sink_server as s

LIBRARY = os.environ.get("FLOWXDP_LIBDUCKDB", "")


class Duckdb:
    class Result(ctypes.Structure):
        _fields_ = [("words", ctypes.c_void_p * 6)]

    def __init__(self):
        if not LIBRARY:
            raise s.Skip("no FLOWXDP_LIBDUCKDB")
        self.lib = ctypes.CDLL(LIBRARY)
        database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        assert self.lib.duckdb_open(None, ctypes.byref(database)) == 0
        assert self.lib.duckdb_connect(database, ctypes.byref(self.connection)) == 0
        self.lib.duckdb_result_error.restype = ctypes.c_char_p
        self.lib.duckdb_value_varchar.restype = ctypes.c_char_p
        self.lib.duckdb_value_is_null.restype = ctypes.c_bool
        self.lib.duckdb_row_count.restype = self.lib.duckdb_column_count.restype = ctypes.c_uint64

    def ask(self, sql):
        """Rows of texts; NULL is None."""
        result = self.Result()
        failed = self.lib.duckdb_query(self.connection, sql.encode(), ctypes.byref(result))
        assert not failed, self.lib.duckdb_result_error(ctypes.byref(result)).decode()
        at = ctypes.byref(result)
        wide = ctypes.c_uint64
        rows = [[None if self.lib.duckdb_value_is_null(at, wide(c), wide(r)) else self.lib.duckdb_value_varchar(at, wide(c), wide(r)).decode()
                 for c in range(self.lib.duckdb_column_count(at))] for r in range(self.lib.duckdb_row_count(at))]
        self.lib.duckdb_destroy_result(at)
        return rows
