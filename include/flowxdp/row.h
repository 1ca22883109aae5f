/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * row.h - columns and cells: what plugins fill and sinks read. C; row.hpp is the C++ layer over it.
 *
 * A row is one direction of a flow, or one packet: cells of fixed width at offsets, lists and strings in a tail that
 * grows. Nothing is formatted here; that is the sinks' business.
 */
#ifndef FLOWXDP_ROW_H
#define FLOWXDP_ROW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Type of a cell, with the bytes of its fixed part. Numbers are in host byte order. */
enum fx_type {
    FX_U8 = 1,   /* 1 */
    FX_U16,      /* 2 */
    FX_U32,      /* 4 */
    FX_U64,      /* 8 */
    FX_I64,      /* 8 */
    FX_H8,       /* 1: printed 0x%02x; bits or a code */
    FX_H16,      /* 2 */
    FX_H32,      /* 4 */
    FX_H64,      /* 8 */
    FX_FLOAT,    /* 8: a double, printed %.7g */
    FX_TIME,     /* 8: int64, ns since the epoch, printed as seconds with nine digits */
    FX_DURATION, /* 8: int64, ns, printed likewise */
    FX_MAC,      /* 6 */
    FX_IP,       /* 17: 16 bytes in network order, IPv4 mapped into IPv6; then 4, 6, or 0 = no address */
    FX_STRING,   /* struct fx_span of bytes, printed quoted and escaped */
    FX_WORD,     /* struct fx_span of bytes, printed as it is (T2's SC) */
    FX_CHAR,     /* 1 */
    FX_MAC_PAIR, /* 16: two MAC addresses and a uint32 count (T2's MAC_MAC_U) */
    FX_PAYLOAD,  /* struct fx_span of bytes: captured payload, printed with T2's escapes of l7Content */
};

enum fx_column_flag {
    FX_LIST = 1,     /* the fixed part is a struct fx_span of elements; printed v1;v2;... */
    FX_OPTIONAL = 2, /* a cell may be absent; it is then printed empty (fx_row.present) */
};

/* One named bit of a column of bits, for `flowxdp decode` and report lines. */
struct fx_bit {
    uint64_t mask;
    const char* text;
};

/* An IPFIX Information Element (RFC 7012). All zero: the column has none. */
struct fx_element {
    uint32_t
        enterprise; /* 0 = IANA's registry; FX_ELEMENT_OWN = the number that the exporter is configured with (pen=) */
    uint16_t id;
    uint16_t octets;    /* in the template; 0 = the type's own */
    uint8_t reversible; /* has a reverse element in biflow records (RFC 5103) */
};
#define FX_ELEMENT_OWN 0xffffffffu

struct fx_column {
    const char* name;          /* Tranalyzer2 0.9's where it has the column */
    const char* help;          /* one line for headers file, listing and documents */
    const char* unit;          /* "B", "packets", "ns", "s", "B/s"...; NULL = none */
    const char* sql_name;      /* lower case, words joined by _; NULL = made from the name */
    const struct fx_bit* bits; /* NULL or bit_count entries */
    struct fx_element element;
    uint16_t bit_count;
    uint8_t type;  /* enum fx_type */
    uint8_t flags; /* enum fx_column_flag */
};

/* Where the elements of a list or the bytes of a string stand in the tail. */
struct fx_span {
    uint32_t offset; /* from the start of the tail */
    uint32_t count;  /* elements; bytes of a string; a list of strings: struct fx_span elements */
};

/* The tail of a batch of rows: their lists and strings, one after the other. */
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

/* The start of every row, in host byte order. */
struct fx_row_header {
    int64_t end_clock_ns; /* when the flow ended, ns since the epoch; packet rows: the packet's time */
    uint64_t flow_id;
    uint64_t alarms;      /* raised by this row's plugins */
    uint8_t reason;       /* why the flow ended, IPFIX element 136: 0 a packet row */
    uint8_t direction;    /* 0 = A, 1 = B */
    uint8_t pair_follows; /* 1: this is A and the next row is its B */
    uint8_t pair_second;  /* 1: this is the B of the row before */
    uint32_t if_id;
};

/* A column of a run, and where its cell stands in each row. */
struct fx_field {
    struct fx_column column;
    uint32_t offset;         /* of the fixed part in the row; unaligned */
    uint32_t present_offset; /* of a byte of the row: 0 = the cell is absent */
};

/* The columns of a run, fixed before the first row. */
struct fx_schema {
    const struct fx_field* fields;
    size_t field_count;
    uint32_t row_size; /* bytes of a row's fixed part: header, presence bytes, cells */
    uint32_t reserved;
};

/*
 * Rows of one schema that nobody changes any more: row i begins at rows + i * row_size. FX_TAIL_SLACK bytes after the
 * tail's last text may be read, so that a short text is copied with one fixed length.
 */
#define FX_TAIL_SLACK 16u
struct fx_rows {
    const uint8_t* rows;
    const uint8_t* tail;
    size_t count;
};

/* The row that a hook writes to. Every cell is zero and present at first. */
struct fx_row {
    uint8_t* fixed;
    const uint32_t* cell; /* cell[i]: where the plugin's column i begins in fixed; unaligned */
    uint8_t* present;     /* one byte for each column of the plugin; 0 = the cell is absent */
    struct fx_tail* tail;
};

#endif
