/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugin.h - the C descriptor of a plugin's user half. plugin.hpp has the C++ layer that plugins are written with.
 *
 * A user half is a shared object with one exported symbol, flowxdp_plugin(), returning a struct fx_plugin that is
 * checked field by field before anything is called. All hooks of one plugin run on one thread, the pipeline's.
 */
#ifndef FLOWXDP_PLUGIN_H
#define FLOWXDP_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include "flowxdp/option.h"
#include "flowxdp/record_stream.h"
#include "flowxdp/row.h"
#include "flowxdp/totals.h"

/* Goes up with every change that a plugin built before it would not survive. */
#define FX_PLUGIN_API_VERSION 6u

/* A flow direction as a plugin may see it. Valid during the hook. */
struct fx_flow {
    const struct ended_record* ended;
    const struct flow_record* record; /* &ended->record */
    const struct flow_dir* dir;       /* this row's direction */
    const struct flow_dir* opposite;  /* the other one; packets == 0 when there is none */
    const void* slot;                 /* the plugin's hot state in the record, NULL without a kernel half */
    const void* cold;                 /* its cold state, NULL when it has none */
    uint32_t direction;               /* enum flow_direction */
    uint8_t has_opposite;
    char letter;               /* 'A' or 'B' as the dir column prints it */
    int64_t first_ns, last_ns; /* since the epoch */
    /* The tuple from this direction's view; addresses network order, v4-mapped; L2 flows: ip_version 0. */
    const uint8_t *src_address, *dst_address;
    uint16_t src_port, dst_port;
    uint8_t ip_version, ip_proto;
    uint8_t src_mac[6], dst_mac[6]; /* L2 flows: the key's */
    /* Hot and cold states of the plugins named in fx_plugin.dependencies, in that order; NULL where one has none. */
    const void* const* dependency_slots;
    const void* const* dependency_colds;
    /* The plugin's flow memory; NULL when no packet of the flow was wanted, or the memory was dropped. */
    const void* memory;
};

/*
 * A packet as a plugin may see it. Valid during the hook.
 *
 * Order: replay gives packets in input order, each before the end of its flow. Live, and without packet mode, packets
 * of one flow may come in another order than they were counted in, because several CPUs hand them over at once; and a
 * packet may come after the end of its flow, when another CPU's packet ended it in that moment.
 * record->direction_packet_no is a packet's number in its flow's direction, from 1, and packets of one direction have
 * the order of these numbers. A number that never comes was not wanted, or was lost to a full ring; the second is
 * counted, and bit 7 of the flow's fxStat says so.
 */
struct fx_packet {
    const struct packet_record* record;
    const void* state;      /* the plugin's packet state, NULL when it has none */
    const uint8_t* payload; /* record->payload_captured bytes: what the plugin wanted of what was captured, or more */
    void* memory; /* the plugin's flow memory, zero at a flow's first packet; NULL when it has none, or for a row */
    /* record->header_captured bytes, then the payload: from the layer on that a need named, or a lower one; of a frame
     * without an IP header everything behind the link header. Often none. */
    const uint8_t* header;
};

/* In C++ a field that is left out is 0. */
#ifdef __cplusplus
#define FX_ZERO = 0
#else
#define FX_ZERO
#endif

/* What a user half wants to see; the union of all is streamed from the kernel. */
enum fx_need_flag {
    FX_NEED_STREAM = 1,  /* TCP: the bytes of a direction come in order, by on_stream() instead of on_packet() */
    FX_NEED_PAYLOAD = 2, /* packets that claim L7 payload, no others */
    FX_NEED_ALARMED = 4, /* packets of flows with the packet-exact alarm, from the alarm on */
    /* TCP, with first_layer 4: SYNs, and segments with a multipath option, each with its options as header. Of
     * segments other than SYNs options are known only with FLOW_CONFIG_TCP_OPTIONS. */
    FX_NEED_OPTIONS = 8,
};
struct fx_packet_need {
    uint16_t ethertype FX_ZERO; /* frames without a usable IP header, with this ethertype; 0 = IP packets */
    uint8_t ip_proto FX_ZERO;   /* 0 = any */
    /* Where the bytes begin: 7 (0 is 7), 4 or 3. UDP, TCP without FX_NEED_OPTIONS: 7 or 3, and only 7 of what this
     * host sends. */
    uint8_t first_layer FX_ZERO;
    uint16_t port_first FX_ZERO; /* one of both ports lies in this range; 0, 0 = any */
    uint16_t port_last FX_ZERO;
    uint16_t first_packets FX_ZERO; /* of a flow's direction, those without payload included; 0 = all */
    uint16_t payload_bytes FX_ZERO; /* of L7, at most PACKET_MAX_PAYLOAD */
    uint32_t flags FX_ZERO;         /* enum fx_need_flag */
};

/* Bytes of a stream that nobody captured; they are zero. The last gap may reach beyond fx_stream.length. */
struct fx_stream_gap {
    size_t offset, length;
};

/*
 * The head of one TCP direction's byte stream, from its first byte on. All plugins share one head; each gets the bytes
 * up to its own limit. A lost segment is waited for until FX_STREAM_PATIENCE later ones came, then it is a gap. Where
 * bytes came twice the first copy counts. A second connection inside one flow has no head.
 */
struct fx_stream {
    const struct packet_record* record; /* the packet that made this call; NULL when the flow ended */
    const uint8_t* bytes;
    size_t length;                    /* never shrinks */
    size_t known_before;              /* length at the plugin's call before this one */
    int64_t ts_ns;                    /* of the direction's newest packet, since the epoch */
    const struct fx_stream_gap* gaps; /* in order */
    size_t gap_count;
    uint8_t direction;  /* enum flow_direction */
    uint8_t from_start; /* 1: the SYN was seen, so bytes[0] is the connection's first byte */
    uint8_t complete;   /* 1: the last call: the head is full, or the flow ended */
    void* memory;       /* the plugin's flow memory; NULL when it has none */
};
#define FX_STREAM_PATIENCE 16
#define FX_STREAM_MAX_BYTES 65536

/*
 * A number of the run that the plugin keeps: a cell of monitoring lines (-M; plugin dns, name questions: dnsQuestions),
 * a metric of --listen (flowxdp_plugin_dns_questions_total; a gauge without _total).
 */
enum fx_figure_kind {
    FX_FIGURE_COUNTER = 0, /* only grows; monitoring lines may print its difference */
    FX_FIGURE_GAUGE = 1,   /* as it is at this moment */
};
struct fx_figure {
    const char* name; /* lower case, digits and _, at most 48 characters; one figure of the plugin has it */
    const char* help;
    uint32_t kind; /* enum fx_figure_kind */
};

/* What a plugin may ask of its host. */
struct fx_host {
    void* context;
    /* Level 0 error, 1 warning, 2 information. Each distinct warning is printed once. */
    void (*log)(void* context, int level, const char* text);
    /* Country and organisation of an address; "-" where nothing is known. The strings live as long as the host. */
    void (*geo)(void* context, const uint8_t address[16], int ip_version, const char** country, size_t* country_len,
                const char** organisation, size_t* organisation_len);
    /* 1 when a geo database is loaded. */
    int (*has_geo)(void* context);
    /*
     * Text as the flow file prints it, without a zero byte at its end: an address; bytes in quotes, escaped. Return its
     * length; what is longer than size was cut.
     */
    size_t (*ip_text)(void* context, const uint8_t address[16], int ip_version, char* text, size_t size);
    size_t (*quoted_text)(void* context, const char* bytes, size_t length, char* text, size_t size);
    /*
     * Opens a file of the plugin's own for writing, empty, and returns its descriptor; -1 with the reason in error.
     * Careful where others may write to the folder: use it for every file.
     */
    int (*open_output)(void* context, const char* path, char* error, size_t error_size);
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
    uint32_t state_size;        /* of its hot state; must equal the bundle's; 0 = no kernel half */
    uint32_t cold_size;         /* of its cold state; likewise; 0 = none */
    uint32_t packet_state_size; /* likewise */
    uint32_t config_size;       /* of its options in the bundle's block; likewise */
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
    /* Of what the plugin keeps of a live flow, from its first wanted packet to its end; multiple of 8; 0 = nothing. All
     * memories of a run are bounded: when they are used up, the oldest is dropped and counted. */
    uint32_t flow_memory_size;
    uint32_t stream_bytes; /* of a stream's head that it wants, at most FX_STREAM_MAX_BYTES; 0 = no streams */
    const struct fx_figure* figures;
    size_t figure_count;

    /*
     * values: one for each option, in order, checked. kernel_config: config_size zeroed bytes to fill, NULL without a
     * kernel half. Returns the instance, or NULL with a sentence in error (at most error_size bytes).
     */
    void* (*create)(const struct fx_value* values, void* kernel_config, const struct fx_host* host, char* error,
                    size_t error_size);
    void (*destroy)(void* instance);
    /* Fills every column of the row; returns the number of alarms this direction raises (alarm mode), usually 0. */
    uint64_t (*on_flow_end)(void* instance, const struct fx_flow* flow, struct fx_row* row);
    /* The packets that it wants, when its kernel half does not say so; *needs lives as long as the instance. Returns
     * their number. NULL = none. */
    size_t (*packet_needs)(void* instance, const struct fx_packet_need** needs);
    /* A packet that the kernel half wanted (NAME_packet_wanted), or one of packet_needs. NULL = it wants none. */
    void (*on_packet)(void* instance, const struct fx_packet* packet);
    /* More of a stream that it wants. Returns 1 while it wants more of this direction. NULL = it wants none. */
    int (*on_stream)(void* instance, const struct fx_stream* stream);
    /* Packet mode: fills the packet columns of any packet. NULL when there are none. */
    void (*on_packet_row)(void* instance, const struct fx_packet* packet, struct fx_row* row);
    /* Values of its figures, in their order. The plugin stores them atomically, because other threads read them at any
     * time. The array lives as long as the instance. NULL without figures. */
    const uint64_t* (*figure_values)(void* instance);
    /* Lines of the end report. NULL = nothing to say. */
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

/*
 * FX_PLUGIN_INTERFACE(VERSION, SIZE) beside flowxdp_plugin(): version and descriptor size once more, as data that are
 * read from the file. A plugin of another interface is refused before it is loaded, and none of its code runs.
 */
#ifdef __cplusplus
#define FX_EXTERN_C extern "C"
#else
#define FX_EXTERN_C extern
#endif
#define FX_PLUGIN_INTERFACE(version, size)                                                                             \
    FX_EXTERN_C __attribute__((visibility("default"))) const uint32_t flowxdp_plugin_interface[2];                     \
    const uint32_t flowxdp_plugin_interface[2] = {version, size}

#endif
