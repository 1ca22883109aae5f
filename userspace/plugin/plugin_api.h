/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugin_api.h - the C descriptor of a plugin's user half. plugin.h has the C++ layer that plugins are written with.
 *
 * A user half is a shared object with one exported symbol, flowxdp_plugin(), returning a struct fx_plugin that is
 * checked field by field before anything is called. All hooks of one plugin run on one thread, the pipeline's.
 *
 * A row is one direction of a flow (or one packet): fixed cells at offsets, lists and strings in a growing tail.
 * Plugins write cells; sinks read them; nobody formats but the sinks.
 */
#ifndef FLOWXDP_PLUGIN_API_H
#define FLOWXDP_PLUGIN_API_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "record_stream.h"
#include "totals.h"

#define FX_PLUGIN_API_VERSION 1u

/* Type of a cell. Width in bytes of the fixed part in parentheses; T2's type names (reference B) are column_type.h's.
 */
enum fx_type {
    FX_U8 = 1,   /* (1) */
    FX_U16,      /* (2) */
    FX_U32,      /* (4) */
    FX_U64,      /* (8) */
    FX_I64,      /* (8) */
    FX_H8,       /* (1) printed 0x%02x */
    FX_H16,      /* (2) */
    FX_H32,      /* (4) */
    FX_H64,      /* (8) */
    FX_FLOAT,    /* (8) double, printed %.7g */
    FX_TIME,     /* (8) int64 ns since the epoch, printed seconds.nnnnnnnnn */
    FX_DURATION, /* (8) int64 ns */
    FX_MAC,      /* (6) */
    FX_IP,       /* (17) 16 bytes network order, v4-mapped; then 4, 6 or 0 = none */
    FX_STRING,   /* list of bytes: printed quoted and escaped */
    FX_WORD,     /* list of bytes: printed as is (T2 SC) */
    FX_CHAR,     /* (1) */
    FX_MAC_PAIR, /* (16) two MACs and a U32: printed mac_mac_n (T2 MAC_MAC_U) */
    FX_PAYLOAD,  /* list of bytes: captured payload, T2's l7Content escapes */
};

enum fx_column_flag {
    FX_LIST = 1,     /* v1;v2;... : the fixed part is struct fx_span into the row's tail */
    FX_OPTIONAL = 2, /* the cell may be absent and is then printed empty (fx_row.present) */
};

/* One named bit of a bit column, for `flowxdp decode` and report lines. */
struct fx_bit {
    uint64_t mask;
    const char* text;
};

struct fx_column {
    const char* name; /* Tranalyzer2 0.9 name */
    const char* help; /* one line for headers file and README */
    uint8_t type;     /* enum fx_type */
    uint8_t flags;    /* enum fx_column_flag */
    uint16_t bit_count;
    const struct fx_bit* bits; /* NULL or bit_count entries */
};

/* Where the elements of a list or the bytes of a string stand in the row's tail. */
struct fx_span {
    uint32_t offset; /* from the start of the batch's tail */
    uint32_t count;  /* elements; bytes for strings; lists of strings: struct fx_span elements */
};

/* The tail of a batch of rows: their lists and strings, one behind the other. */
struct fx_tail {
    uint8_t* bytes;
    uint32_t used, capacity;
    void (*grow)(struct fx_tail* tail, uint32_t size); /* afterwards capacity - used >= size */
};

/* Copies size bytes to the end of the tail; returns their offset. */
static inline uint32_t fx_tail_append(struct fx_tail* tail, const void* bytes, uint32_t size)
{
    uint32_t at = tail->used;

    if (size > tail->capacity - at)
        tail->grow(tail, size);
    if (size)
        memcpy(tail->bytes + at, bytes, size);
    tail->used = at + size;
    return at;
}

/* The row a hook writes to. cell[i] is the offset of the plugin's i-th column in fixed. */
struct fx_row {
    uint8_t* fixed;
    const uint32_t* cell;
    uint8_t* present; /* one byte per column of the plugin: 0 = empty cell; 1 preset */
    struct fx_tail* tail;
};

/* A flow direction as a plugin may see it. Valid during the hook. */
struct fx_flow {
    const struct ended_record* ended;
    const struct flow_record* record; /* &ended->record */
    const struct flow_dir* dir;       /* this row's direction */
    const struct flow_dir* opposite;  /* the other one; packets == 0 when there is none */
    const void* slot;                 /* the plugin's state in the record, NULL without a kernel half */
    uint32_t direction;               /* enum flow_direction */
    uint8_t has_opposite;
    char letter;               /* 'A' or 'B' as the dir column prints it */
    int64_t first_ns, last_ns; /* since the epoch */
    /* The tuple from this direction's view; addresses network order, v4-mapped; L2 flows: ip_version 0. */
    const uint8_t *src_address, *dst_address;
    uint16_t src_port, dst_port;
    uint8_t ip_version, ip_proto;
    uint8_t src_mac[6], dst_mac[6]; /* L2 flows: the key's */
    /* Slots of the plugins named in fx_plugin.dependencies, in that order; NULL where one has no kernel half. */
    const void* const* dependency_slots;
};

struct fx_packet {
    const struct packet_record* record;
    const void* state;      /* the plugin's packet state, NULL when it has none */
    const uint8_t* payload; /* record->payload_captured bytes */
};

/* An option of a plugin: NAME=VALUE in --plugin name:NAME=VALUE. */
struct fx_option {
    const char* name;
    const char* default_value;
    const char* help;
};

/* What a plugin may ask of its host. */
struct fx_host {
    void* context;
    /* Level 0 error, 1 warning, 2 information. Each distinct warning is printed once. */
    void (*log)(void* context, int level, const char* text);
    /* Country and organisation of an address (geo.h); the strings live as long as the host. */
    void (*geo)(void* context, const uint8_t address[16], int ip_version, const char** country, size_t* country_len,
                const char** organisation, size_t* organisation_len);
    /* 1 when a geo database is loaded. */
    int (*has_geo)(void* context);
    const char* output_prefix; /* of -w, "" when rows go to stdout */
    uint32_t sensor_id;
};

/* Text sink for report hooks: one call a line, without newline. */
struct fx_report {
    void* context;
    void (*line)(void* context, const char* text);
    const struct packet_totals* totals;
    uint64_t packets, flows; /* processed so far */
};

struct fx_plugin {
    uint32_t api_version;       /* FX_PLUGIN_API_VERSION; checked first */
    uint32_t descriptor_size;   /* sizeof(struct fx_plugin) */
    uint32_t state_size;        /* of its slot; must equal the bundle's; 0 = no kernel half */
    uint32_t packet_state_size; /* likewise */
    uint32_t config_size;       /* of its options in flow_config; likewise */
    uint16_t number;            /* order of columns and hooks */
    uint16_t default_on;
    const char* name;
    const char* version;
    const char* help;
    const char* const* dependencies; /* NULL-terminated names; must have lower numbers */
    const struct fx_option* options; /* option_count of them */
    size_t option_count;
    const struct fx_column* columns;
    size_t column_count;
    const struct fx_column* packet_columns;
    size_t packet_column_count;
    int can_alarm;

    /*
     * values: one string per option, in order. kernel_config: config_size zeroed bytes to fill. Returns the instance,
     * or NULL with a sentence in error (at most error_size bytes).
     */
    void* (*create)(const char* const* values, void* kernel_config, const struct fx_host* host, char* error,
                    size_t error_size);
    void (*destroy)(void* instance);
    /* Fills every column of the row; returns the number of alarms this direction raises (alarm mode), usually 0. */
    uint64_t (*on_flow_end)(void* instance, const struct fx_flow* flow, struct fx_row* row);
    /* Fills the packet columns. NULL when there are none. */
    void (*on_packet)(void* instance, const struct fx_packet* packet, struct fx_row* row);
    /* Lines of the end report, and of monitoring. NULL = nothing to say. */
    void (*report)(void* instance, const struct fx_report* report);
    /* Writes summary files at the end. NULL = none. */
    void (*summary)(void* instance);
    /* 1 when this plugin's options may make its kernel half end flows or want all TCP options (flow_config flags). */
    uint32_t (*flow_config_flags)(void* instance);
};

#ifdef __cplusplus
extern "C"
#endif
    __attribute__((visibility("default"))) const struct fx_plugin*
    flowxdp_plugin(void);

#endif
