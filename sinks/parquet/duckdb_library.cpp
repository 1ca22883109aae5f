// SPDX-License-Identifier: BSD-2-Clause
#include "duckdb_library.h"

#include <dlfcn.h>

#include <fmt/format.h>

#include "core/printable.h"

namespace flowxdp {
namespace {

template <typename Function>
bool find(void* handle, const char* name, Function* function)
{
    *function = reinterpret_cast<Function>(::dlsym(handle, name));
    return *function != nullptr;
}

} // namespace

Result<std::shared_ptr<const DuckdbLibrary>> DuckdbLibrary::load(const std::string& name)
{
    void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle)
        return Error{fmt::format("cannot load '{}': {}: name DuckDB's library with library=PATH (the npm package "
                                 "@duckdb/node-bindings-linux-x64 has it)",
                                 name, printable(::dlerror()))};
    auto library = std::make_shared<DuckdbLibrary>();
    const char* missing = nullptr;
    const auto take = [&](const char* function, auto* place) {
        if (!find(handle, function, place) && !missing)
            missing = function;
    };
#define FLOWXDP_DUCKDB(function) take("duckdb_" #function, &library->function)
    FLOWXDP_DUCKDB(library_version);
    FLOWXDP_DUCKDB(vector_size);
    FLOWXDP_DUCKDB(free);
    FLOWXDP_DUCKDB(open_ext);
    FLOWXDP_DUCKDB(close);
    FLOWXDP_DUCKDB(connect);
    FLOWXDP_DUCKDB(disconnect);
    FLOWXDP_DUCKDB(query);
    FLOWXDP_DUCKDB(result_error);
    FLOWXDP_DUCKDB(value_int64);
    FLOWXDP_DUCKDB(value_varchar);
    FLOWXDP_DUCKDB(destroy_result);
    FLOWXDP_DUCKDB(appender_create);
    FLOWXDP_DUCKDB(append_data_chunk);
    FLOWXDP_DUCKDB(appender_flush);
    FLOWXDP_DUCKDB(appender_error);
    FLOWXDP_DUCKDB(appender_destroy);
    FLOWXDP_DUCKDB(create_logical_type);
    FLOWXDP_DUCKDB(create_list_type);
    FLOWXDP_DUCKDB(create_decimal_type);
    FLOWXDP_DUCKDB(destroy_logical_type);
    FLOWXDP_DUCKDB(create_data_chunk);
    FLOWXDP_DUCKDB(destroy_data_chunk);
    FLOWXDP_DUCKDB(data_chunk_reset);
    FLOWXDP_DUCKDB(data_chunk_get_vector);
    FLOWXDP_DUCKDB(data_chunk_set_size);
    FLOWXDP_DUCKDB(vector_get_data);
    FLOWXDP_DUCKDB(vector_ensure_validity_writable);
    FLOWXDP_DUCKDB(vector_get_validity);
    FLOWXDP_DUCKDB(validity_set_row_invalid);
    FLOWXDP_DUCKDB(vector_assign_string_element_len);
    FLOWXDP_DUCKDB(list_vector_get_child);
    FLOWXDP_DUCKDB(list_vector_reserve);
    FLOWXDP_DUCKDB(list_vector_set_size);
#undef FLOWXDP_DUCKDB
    if (missing)
        return Error{fmt::format("'{}' is no library of DuckDB, or an old one: it has no {}", name, missing)};
    return std::shared_ptr<const DuckdbLibrary>(std::move(library));
}

} // namespace flowxdp
