/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * engine.h - the C ABI of a bundle: parser, flow update, end rule and kernel halves compiled together.
 *
 * A bundle is two files made from one source: an engine library with this interface and a BPF object. Both describe
 * themselves by struct bundle_descriptor; flowxdp loads one bundle and refuses what does not match. The library exports
 * one symbol, flowxdp_bundle().
 */
#ifndef FLOWXDP_ENGINE_H
#define FLOWXDP_ENGINE_H

#include "flowxdp/counters.h"
#include "flowxdp/flow_config.h"
#include "flowxdp/flow_slots.h"
#include "flowxdp/packet.h"
#include "flowxdp/record_stream.h"
#include "flowxdp/totals.h"

#define BUNDLE_ABI_VERSION 5u

/* One kernel half of the bundle. */
struct half_descriptor {
    const char* name;
    __u32 state_size;        /* bytes of its hot state in a flow record */
    __u32 cold_size;         /* bytes of its cold state there, 0 = none */
    __u32 packet_state_size; /* bytes it adds to a packet record, 0 = none */
    __u32 has_need;          /* 1: it says which packets its user half wants */
    __u32 config_offset;     /* of its options in the bundle's block of options */
    __u32 config_size;
};

/*
 * Where an engine writes records. stream_reserve() returns size bytes, 8-aligned, and hands a full chunk over first;
 * the engine fills them before the next call. It never fails: a slow reader makes it wait.
 */
struct stream_writer {
    __u8 *at, *limit; /* free space of the current chunk */
    /* Hands the chunk over to its reader and takes an empty one: afterwards limit - at >= need. */
    void (*hand_over)(struct stream_writer* w, __u32 need);
    void* context;
};

static inline void* stream_reserve(struct stream_writer* w, __u32 size)
{
    void* p;

    if ((__u64)(w->limit - w->at) < size)
        w->hand_over(w, size);
    p = w->at;
    w->at += size;
    return p;
}

/* A frame after the link-type step. bytes need not be aligned. */
struct engine_frame {
    const __u8* bytes;
    struct frame_meta meta; /* clock_ns is filled by the engine */
    __u64 packet_no;
};

/* What an engine counts; the reader takes a copy between calls. */
struct engine_counts {
    __u64 counter[COUNTER_COUNT];
    struct packet_totals totals;
    __u64 live_flows; /* biflows in the table */
    __u64 live_directions;
    __u64 peak_directions; /* most directions alive at once */
};

struct engine;

struct engine_options {
    struct flow_config flow;
    const void* plugin_options; /* the options of all halves, each at its config_offset; copied */
    __u32 plugin_options_size;  /* as in the descriptor */
    __u32 max_flows;            /* biflows */
    struct stream_writer* out;
};

struct bundle_descriptor {
    __u32 abi_version; /* BUNDLE_ABI_VERSION */
    __u32 half_count;
    const struct half_descriptor* halves;
    /* Layout id of this library's BPF object (record_layout.h): an object or pins with another one are refused. */
    __u64 layout_id;
    __u32 record_core_size, ended_core_size, packet_record_core_size, flow_config_size;
    __u32 plugin_options_size; /* of the block that holds the options of all halves */

    /* The native engine. One thread per engine, but for parse(); engines do not share anything. */
    /* NULL: out of memory, or the options of another bundle. */
    struct engine* (*open)(const struct engine_options* options);
    /* Feeds frames in input order. parsed: what parse() made of them; NULL: feed() parses them itself. */
    void (*feed)(struct engine* e, const struct engine_frame* frames, __u32 n, void* parsed);
    /* The part of feed() that depends on nothing but the frame: n parsed frames of parsed_size bytes each, 8-aligned.
     * For a thread that has time; any thread, at any time between open() and close(). */
    void (*parse)(const struct engine* e, const struct engine_frame* frames, __u32 n, void* parsed);
    __u32 parsed_size;
    /* Advances the clock without a packet (live): ends what is due. */
    void (*advance)(struct engine* e, __s64 clock_ns);
    /* End of input: ends all flows, in the order of rows. */
    void (*finish)(struct engine* e);
    const struct engine_counts* (*counts)(const struct engine* e);
    void (*close)(struct engine* e);
};

/* Lays the records of a run out: the states of the halves that enabled names by a bit each, where flow_slots.h says. */
static inline void bundle_lay_out(const struct bundle_descriptor* bundle, __u32 enabled, struct flow_config* flow)
{
    __u32 i;

    flow_slots_begin(flow);
    for (i = 0; i < bundle->half_count; i++)
        if (enabled & (1u << i))
            flow_slot_add(flow, i, bundle->halves[i].state_size, bundle->halves[i].packet_state_size);
    for (i = 0; i < bundle->half_count; i++)
        if (enabled & (1u << i))
            flow_cold_slot_add(flow, i, bundle->halves[i].cold_size);
}

#ifdef __cplusplus
extern "C"
#endif
    __attribute__((visibility("default"))) const struct bundle_descriptor*
    flowxdp_bundle(void);

/* BUNDLE_ABI_VERSION and the descriptor's size, as data that the loader reads from the file before it loads it. */
#ifdef __cplusplus
extern "C"
#else
extern
#endif
    __attribute__((visibility("default"))) const __u32 flowxdp_bundle_interface[2];

#endif
