// SPDX-License-Identifier: BSD-2-Clause
// duckdb_library.h - the functions of DuckDB's C interface that the sink uses, of a library loaded at run time.
//
// The interface is stable since DuckDB 1.0; names and arguments are those of its duckdb.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"

namespace flowxdp {

// enum duckdb_type
enum class DuckdbType : int {
    kBigint = 5,
    kUtinyint = 6,
    kUsmallint = 7,
    kUinteger = 8,
    kUbigint = 9,
    kDouble = 11,
    kVarchar = 17,
    kBlob = 18,
    kTimestampNs = 22,
};
struct DuckdbListEntry { // duckdb_list_entry
    std::uint64_t offset, length;
};
struct DuckdbResult { // duckdb_result
    std::uint64_t counts[3];
    void* columns;
    char* error;
    void* data;
};

// Pointers to what the library owns are void: duckdb_database, duckdb_vector, ...
struct DuckdbLibrary {
    // name: a path, or a name that the loader finds. The library stays loaded: it has threads of its own.
    static Result<std::shared_ptr<const DuckdbLibrary>> load(const std::string& name);

    const char* (*library_version)();
    std::uint64_t (*vector_size)();
    void (*free)(void*);
    int (*open_ext)(const char* path, void** database, void* config, char** error);
    void (*close)(void** database);
    int (*connect)(void* database, void** connection);
    void (*disconnect)(void** connection);
    int (*query)(void* connection, const char* sql, DuckdbResult* result);
    const char* (*result_error)(DuckdbResult* result);
    std::int64_t (*value_int64)(DuckdbResult* result, std::uint64_t column, std::uint64_t row);
    char* (*value_varchar)(DuckdbResult* result, std::uint64_t column, std::uint64_t row);
    void (*destroy_result)(DuckdbResult* result);
    int (*appender_create)(void* connection, const char* schema, const char* table, void** appender);
    int (*append_data_chunk)(void* appender, void* chunk);
    int (*appender_flush)(void* appender);
    const char* (*appender_error)(void* appender);
    int (*appender_destroy)(void** appender);
    void* (*create_logical_type)(int type);
    void* (*create_list_type)(void* type);
    void* (*create_decimal_type)(std::uint8_t width, std::uint8_t scale);
    void (*destroy_logical_type)(void** type);
    void* (*create_data_chunk)(void** types, std::uint64_t count);
    void (*destroy_data_chunk)(void** chunk);
    void (*data_chunk_reset)(void* chunk);
    void* (*data_chunk_get_vector)(void* chunk, std::uint64_t column);
    void (*data_chunk_set_size)(void* chunk, std::uint64_t rows);
    void* (*vector_get_data)(void* vector);
    void (*vector_ensure_validity_writable)(void* vector);
    std::uint64_t* (*vector_get_validity)(void* vector);
    void (*validity_set_row_invalid)(std::uint64_t* validity, std::uint64_t row);
    void (*vector_assign_string_element_len)(void* vector, std::uint64_t row, const char* text, std::uint64_t bytes);
    void* (*list_vector_get_child)(void* vector);
    int (*list_vector_reserve)(void* vector, std::uint64_t elements);
    int (*list_vector_set_size)(void* vector, std::uint64_t elements);
};

} // namespace flowxdp
