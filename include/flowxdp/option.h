/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * option.h - options of plugins and sinks: declared with type and range, read and checked by flowxdp alone, handed over
 * as values. C; option.hpp is the C++ layer over it.
 */
#ifndef FLOWXDP_OPTION_H
#define FLOWXDP_OPTION_H

#include <stdint.h>

enum fx_option_type {
    FX_OPTION_TEXT = 1, /* any text; number is 0 */
    FX_OPTION_NUMBER,   /* a whole decimal number from low to high */
    FX_OPTION_DURATION, /* seconds, or with a unit (500ms, 30s, 5m, 2h); number is in ms, low and high too */
    FX_OPTION_SWITCH,   /* 0 or 1 */
    FX_OPTION_WORD,     /* one of words; number is its place among them, from 0 */
};

struct fx_option {
    const char* name;
    const char* default_value; /* as a user would write it; "" = not set: the text is empty then, the number 0 */
    const char* help;          /* one line */
    uint64_t low, high;        /* FX_OPTION_NUMBER, FX_OPTION_DURATION */
    uint32_t type;             /* enum fx_option_type */
    uint32_t reserved;
    const char* words; /* FX_OPTION_WORD: "crlf|lf"; else NULL */
};

/* What an option was set to. The text is valid while the plugin or sink is created. */
struct fx_value {
    const char* text;
    uint64_t number;
};

#endif
