// SPDX-License-Identifier: BSD-2-Clause
// A plugin of one column, in C terms and in many wrong ways: CMakeLists.txt compiles it once for each with other
// macros.
#include "flowxdp/plugin.h"

#ifndef PLUGIN_NAME
#define PLUGIN_NAME "alpha"
#endif
#ifndef PLUGIN_NUMBER
#define PLUGIN_NUMBER 500
#endif
#ifndef PLUGIN_API
#define PLUGIN_API FX_PLUGIN_API_VERSION
#endif
#ifndef PLUGIN_BYTES
#define PLUGIN_BYTES sizeof(fx_plugin)
#endif
#ifndef PLUGIN_STATE
#define PLUGIN_STATE 0
#endif
#ifndef PLUGIN_COLD
#define PLUGIN_COLD 0
#endif
#ifndef PLUGIN_MEMORY
#define PLUGIN_MEMORY 0
#endif
#ifndef PLUGIN_HELP
#define PLUGIN_HELP "a plugin for tests"
#endif
#ifndef PLUGIN_DEFAULT
#define PLUGIN_DEFAULT 0
#endif
#ifndef PLUGIN_SYMBOL
#define PLUGIN_SYMBOL flowxdp_plugin
#endif
#ifndef PLUGIN_COLUMNS
#define PLUGIN_COLUMNS columns
#endif
#ifndef PLUGIN_FLOW_END
#define PLUGIN_FLOW_END on_flow_end
#endif

#ifndef PLUGIN_FIGURES
#define PLUGIN_FIGURES figures
#endif
#ifndef PLUGIN_FIGURE_NAME
#define PLUGIN_FIGURE_NAME "answers_given"
#endif
#ifndef PLUGIN_FIGURE_VALUES
#define PLUGIN_FIGURE_VALUES figure_values
#endif

#ifdef PLUGIN_CONSTRUCTOR
#include <cstdio>
#include <cstdlib>
// Runs when it is loaded, before anybody could ask what it is.
__attribute__((constructor)) static void leave_a_trace()
{
    if (const char* path = std::getenv("SMALL_PLUGIN_TRACE"))
        if (std::FILE* file = std::fopen(path, "w"))
            std::fclose(file);
}
#endif

namespace {

[[maybe_unused]] const fx_column columns[] = {
    {PLUGIN_NAME "Column", "one number", nullptr, nullptr, nullptr, {0, 0, 0, 0}, 0, FX_U32, 0}};
[[maybe_unused]] const fx_figure figures[] = {{PLUGIN_FIGURE_NAME, "rows that got the answer", FX_FIGURE_COUNTER}};
const fx_option options[] = {{"answer", "42", "what the column says; no is refused", 0, 0, FX_OPTION_TEXT, 0, nullptr}};
#ifdef PLUGIN_DEPENDS
const char* const dependencies[] = {PLUGIN_DEPENDS, nullptr};
#else
const char* const* const dependencies = nullptr;
#endif

uint32_t answer;

void* create(const fx_value* values, void*, const fx_host*, char* error, size_t error_size)
{
    if (values[0].text[0] == 'n') {
        const char text[] = "the answer must not be no";
        for (size_t i = 0; i < sizeof text && i < error_size; i++)
            error[i] = text[i];
        return nullptr;
    }
    answer = 0;
    for (const char* c = values[0].text; *c; c++)
        answer = answer * 10 + static_cast<uint32_t>(*c - '0');
    return &answer;
}
void destroy(void*) {}
uint64_t answers_given;
[[maybe_unused]] const uint64_t* figure_values(void*)
{
    return &answers_given;
}
[[maybe_unused]] uint64_t on_flow_end(void*, const fx_flow*, fx_row* row)
{
    __builtin_memcpy(row->fixed + row->cell[0], &answer, sizeof answer);
    __atomic_store_n(&answers_given, answers_given + 1, __ATOMIC_RELAXED);
    return 0;
}

const fx_plugin plugin = {PLUGIN_API,
                          PLUGIN_BYTES,
                          PLUGIN_STATE,
                          PLUGIN_COLD,
                          0,
                          0,
                          PLUGIN_NUMBER,
                          PLUGIN_DEFAULT,
                          PLUGIN_NAME,
                          "1.0",
                          PLUGIN_HELP,
                          dependencies,
                          options,
                          1,
                          PLUGIN_COLUMNS,
                          1,
                          nullptr,
                          0,
                          0,
                          PLUGIN_MEMORY,
                          0,
                          PLUGIN_FIGURES,
                          1,
                          create,
                          destroy,
                          PLUGIN_FLOW_END,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr,
                          PLUGIN_FIGURE_VALUES,
                          nullptr,
                          nullptr,
                          nullptr};

} // namespace

#ifndef PLUGIN_SAYS_NOTHING
FX_PLUGIN_INTERFACE(PLUGIN_API, PLUGIN_BYTES);
#endif
extern "C" __attribute__((visibility("default"))) const fx_plugin* PLUGIN_SYMBOL();
extern "C" __attribute__((visibility("default"))) const fx_plugin* PLUGIN_SYMBOL()
{
    return &plugin;
}
