/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sink.h - the C descriptor of a sink: rows go there. sink.hpp has the C++ layer that sinks are written with.
 *
 * A sink is a shared object NAME.so with one exported symbol, flowxdp_sink(), returning a struct fx_sink that is
 * checked field by field before anything is called. It is loaded only when it is named. Each sink has a queue and a
 * thread of its own: all hooks of an instance are called on one thread at a time, the counts are read by any thread.
 */
#ifndef FLOWXDP_SINK_H
#define FLOWXDP_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "flowxdp/option.h"
#include "flowxdp/row.h"

/* Goes up with every change that a sink built before it would not survive. */
#define FX_SINK_API_VERSION 1u

enum fx_sink_policy {
    FX_SINK_BLOCK = 0, /* a full queue makes the pipeline wait: replay slows down, live delays eviction */
    FX_SINK_DROP = 1,  /* a full queue drops the rows and counts them */
};

enum fx_sink_flag {
    /* Takes the rows of -w PREFIX, and those of a run that names no sink. One sink of an installation does. */
    FX_SINK_TAKES_PREFIX = 1,
};

/*
 * The counts of a sink. Any thread reads them, so they change by __atomic_fetch_add(..., __ATOMIC_RELAXED). When a run
 * is over, every row is sent, dropped or skipped.
 */
struct fx_sink_counts {
    uint64_t rows;               /* accepted; flowxdp counts them */
    uint64_t sent;               /* rows written or sent */
    uint64_t retried;            /* attempts repeated */
    uint64_t dropped;            /* rows given up, of any cause */
    uint64_t dropped_queue_full; /* of those: the queue was full under policy drop; flowxdp counts them */
    uint64_t unread;             /* rows for a standard output whose reader closed it (head) */
    uint64_t skipped;            /* rows that the format has no place for */
    uint64_t errors;             /* hooks that failed; flowxdp counts them */
};

/* The facts that a sink gets before the first row. Valid during the hook, the schemas as long as the instance. */
struct fx_sink_context {
    const struct fx_schema* flow_schema;
    const struct fx_schema* packet_schema; /* NULL without packet mode */
    const char* output_prefix;             /* of -w; "" when rows go to standard output */
    const char* const* header_lines;       /* what the run says of itself, header_line_count lines */
    size_t header_line_count;
    /*
     * After a crash: what positions() gave at the last safe point. Output after it is cut off, and its rows come again.
     * None, or zeros: a fresh start.
     */
    const uint64_t* resume;
    size_t resume_count;
    /* Live: drawn when the sensor was made. flow_id is unique with it; a daemon that takes over has the same. Else 0.
     */
    uint64_t boot;
    int64_t attached_ns; /* live: when the sensor was made, ns since the epoch */
    /*
     * The name of an interface id of row headers, any time while the instance lives. Copies at most size bytes, without
     * a zero byte; returns its length, 0 = no name.
     */
    size_t (*interface_name)(void* names, uint32_t if_id, char* text, size_t size);
    void* names;
    uint32_t sensor_id;
    uint8_t rows_to_stdout; /* no -w, or -w - */
    uint8_t live;
    uint8_t has_figures; /* 1: figure and figures are there; an older flowxdp has none */
    uint8_t has_end;     /* 1: end_began and end, likewise */
    /*
     * A figure of a plugin that runs (plugin.h, fx_figure), any time while the instance lives. The plugin may be ahead
     * of the rows; at flush(final) it has seen the whole run. Returns 1 and sets *value; 0: there is none.
     */
    int (*figure)(void* figures, const char* plugin, const char* name, uint64_t* value);
    void* figures;
    /*
     * When the run began to end (a signal, the end of the input), ns of CLOCK_MONOTONIC; 0: it goes on. Any thread, any
     * time while the instance lives. A hook that waits for a receiver asks again and again: the rest of the rows and
     * flush(final) come when it returns, so that a dead receiver does not hold up the end for longer than it may.
     */
    int64_t (*end_began)(void* end);
    void* end;
};

/* A file that a sink writes. Words: where in positions() its length, its identity and the number of its piece stand. */
struct fx_sink_file {
    const char* path;
    uint8_t pieces;    /* 1: and others with another number at the end */
    uint8_t resumable; /* 0: a daemon that takes over writes it anew */
    uint8_t length_word, identity_word, piece_word;
};

/* Gets the files, one call each. */
struct fx_sink_files {
    void* context;
    void (*file)(void* context, const struct fx_sink_file* file);
};

/* Gets lines of a report, one call each, without newline. */
struct fx_sink_lines {
    void* context;
    void (*line)(void* context, const char* text);
};

/*
 * Hooks that return int: 0, or -1 with a sentence in error (at most error_size bytes, with a zero byte). After open()
 * an error is counted and remembered, and the sink goes on. NULL = nothing to do, where it says so.
 */
struct fx_sink {
    uint32_t api_version;     /* FX_SINK_API_VERSION; checked first */
    uint32_t descriptor_size; /* sizeof(struct fx_sink) */
    uint32_t flags;           /* enum fx_sink_flag; the same as in the interface */
    uint32_t policy;          /* enum fx_sink_policy, unless the user gives one */
    const char* name;         /* letters, digits, _; that of its file */
    const char* version;
    const char* help;                /* one line */
    const char* target_help;         /* what TARGET is, e.g. "PATH" or "udp://HOST:PORT" */
    const struct fx_option* options; /* option_count of them */
    size_t option_count;
    const char* const* required_columns; /* NULL-terminated: their plugins are enabled with it; NULL = any */

    /* values: one for each option, in order, checked. Checks target, opens nothing. NULL: an error. */
    void* (*create)(const char* target, const struct fx_value* values, char* error, size_t error_size);
    void (*destroy)(void* instance);
    struct fx_sink_counts* (*counts)(void* instance);
    /*
     * Files that it will write, asked before open() and again after it: no two outputs may share one. "-" is standard
     * output; a socket is no file. NULL = none.
     */
    void (*files)(void* instance, const struct fx_sink_context* context, const struct fx_sink_files* files);
    /* An error ends the start. */
    int (*open)(void* instance, const struct fx_sink_context* context, char* error, size_t error_size);
    /* Flow rows in the order in which flows end: A, then its B. */
    int (*write)(void* instance, const struct fx_rows* rows, char* error, size_t error_size);
    /* Packet rows in input order, in packet mode. NULL = they are counted as skipped. */
    int (*write_packets)(void* instance, const struct fx_rows* rows, char* error, size_t error_size);
    /*
     * The packet clock, ns since the epoch, has moved by 250 ms or more: live at least every 250 ms of real time, in
     * replay after some rows. Rows carry their clock themselves. NULL = nothing to do.
     */
    int (*tick)(void* instance, int64_t clock_ns, char* error, size_t error_size);
    /* The queue is empty: send what has waited long enough; final: the end of input. NULL = nothing to do. */
    int (*flush)(void* instance, int final, char* error, size_t error_size);
    /*
     * Live, before the kernel releases the records: brings every row so far to its destination. Returns when the rows
     * are in the file, sent by UDP, acknowledged by the receiver, or given up and counted as dropped. When a receiver
     * has not moved for the sink's patience, rows may still wait: positions() says how many, and a daemon that takes
     * over after a kill counts them as dropped. NULL = flush(0).
     */
    int (*commit)(void* instance, char* error, size_t error_size);
    /*
     * SIGHUP: ends a file whose name no longer leads to it (logrotate) and begins a new one by that name. Everything
     * before was committed. NULL = nothing to do.
     */
    int (*reopen)(void* instance, char* error, size_t error_size);
    /*
     * After commit(), live: where open() resumes after a crash. Writes at most room words, returns how many there are:
     * as many as after open(), at most a handful: lengths of files and the like, 0 where an output cannot be resumed.
     * NULL = none.
     */
    size_t (*positions)(void* instance, uint64_t* words, size_t room);
    /* Lines for the end report and for status. NULL = none. */
    void (*report)(void* instance, const struct fx_sink_lines* lines);
};

#ifdef __cplusplus
extern "C"
#endif
    __attribute__((visibility("default"))) const struct fx_sink*
    flowxdp_sink(void);

/*
 * FX_SINK_INTERFACE(VERSION, SIZE, FLAGS) beside flowxdp_sink(): version, descriptor size and flags once more, as data
 * that are read from the file. A sink of another interface is refused before it is loaded, and none of its code runs.
 */
#ifdef __cplusplus
#define FX_SINK_EXTERN extern "C"
#else
#define FX_SINK_EXTERN extern
#endif
#define FX_SINK_INTERFACE(version, size, flags)                                                                        \
    FX_SINK_EXTERN __attribute__((visibility("default"))) const uint32_t flowxdp_sink_interface[3];                    \
    const uint32_t flowxdp_sink_interface[3] = {version, size, flags}

#endif
