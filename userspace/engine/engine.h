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

#include "counters.h"
#include "flow_config.h"
#include "packet.h"
#include "record_stream.h"
#include "totals.h"

#define BUNDLE_ABI_VERSION 1u

/* One kernel half of the bundle. */
struct half_descriptor {
    const char* name;
    __u32 state_size;        /* bytes of its slot in a flow record */
    __u32 packet_state_size; /* bytes it adds to a packet record, 0 = none */
    __u32 config_offset;     /* of its options in struct flow_config */
    __u32 config_size;
};

/*
 * Where an engine writes records. reserve() returns size bytes, 8-aligned, or ships the chunk that is full first; the
 * engine fills them before the next call. It never fails: a slow reader makes it wait.
 */
struct stream_writer {
    __u8 *at, *limit;                                  /* free space of the current chunk */
    void (*ship)(struct stream_writer* w, __u32 need); /* afterwards limit - at >= need */
    void* context;
};

static inline void* stream_reserve(struct stream_writer* w, __u32 size)
{
    void* p;

    if ((__u64)(w->limit - w->at) < size)
        w->ship(w, size);
    p = w->at;
    w->at += size;
    return p;
}

/* A frame behind the link-type step. bytes need not be aligned. */
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
    __u32 max_flows; /* biflows */
    struct stream_writer* out;
};

struct bundle_descriptor {
    __u32 abi_version; /* BUNDLE_ABI_VERSION */
    __u32 half_count;
    const struct half_descriptor* halves;
    __u64 layout_id; /* hash of every layout below: pins and captures of another layout are refused */
    __u32 record_core_size, ended_core_size, packet_record_core_size, config_size;

    /* The native engine. One thread per engine; engines do not share anything. */
    struct engine* (*open)(const struct engine_options* options); /* NULL: out of memory */
    /* Feeds frames in input order. */
    void (*feed)(struct engine* e, const struct engine_frame* frames, __u32 n);
    /* Advances the clock without a packet (live): ends what is due. */
    void (*advance)(struct engine* e, __s64 clock_ns);
    /* End of input: ends everything, in DESIGN's order. */
    void (*finish)(struct engine* e);
    const struct engine_counts* (*counts)(const struct engine* e);
    void (*close)(struct engine* e);
};

#ifdef __cplusplus
extern "C"
#endif
    __attribute__((visibility("default"))) const struct bundle_descriptor*
    flowxdp_bundle(void);

#endif
