// SPDX-License-Identifier: BSD-2-Clause
//! The C interface of flowxdp's plugins, as plugin.h, row.h, option.h and flow_record.h in include/flowxdp declare it.
//! A field that this plugin does not look into is a pointer to `c_void`. `cargo test` prints the layout of every struct;
//! tests/plugin_rust compares it with the headers.
#![allow(dead_code)] // all of the interface, whether or not this plugin uses it

use std::os::raw::{c_char, c_int, c_void};

/// FX_PLUGIN_API_VERSION. flowxdp refuses a plugin with another one, before any of its code runs.
pub const API_VERSION: u32 = 6;

// enum fx_type
pub const TYPE_FLOAT: u8 = 10;
pub const TYPE_DURATION: u8 = 12;
// enum fx_column_flag
pub const COLUMN_OPTIONAL: u8 = 2;
// enum fx_option_type
pub const OPTION_NUMBER: u32 = 2;
// enum fx_figure_kind
pub const FIGURE_COUNTER: u32 = 0;

/// Declares structs with the layout of C, and `layouts()`, which says where their fields are.
macro_rules! c_structs {
    ($($(#[$about:meta])* struct $name:ident = $c_name:literal { $($field:ident: $type:ty,)* })*) => {
        $($(#[$about])* #[repr(C)] pub struct $name { $(pub $field: $type,)* })*

        /// Of each struct: its name in C, its size, and name, offset and size of its fields.
        #[cfg(test)]
        pub fn layouts() -> Vec<(&'static str, usize, Vec<(&'static str, usize, usize)>)> {
            use std::mem::{size_of, MaybeUninit};
            use std::ptr::addr_of;
            vec![$({
                let place = MaybeUninit::<$name>::uninit();
                let start = place.as_ptr();
                // The place is never read: only addresses in it are taken.
                let fields = vec![$({
                    let at = unsafe { addr_of!((*start).$field) } as usize - start as usize;
                    (stringify!($field).trim_start_matches("r#"), at, size_of::<$type>())
                }),*];
                ($c_name, size_of::<$name>(), fields)
            }),*]
        }
    };
}

c_structs! {
    struct Option_ = "fx_option" {
        name: *const c_char,
        default_value: *const c_char,
        help: *const c_char,
        low: u64,
        high: u64,
        r#type: u32,
        reserved: u32,
        words: *const c_char,
    }

    struct Value = "fx_value" {
        text: *const c_char,
        number: u64,
    }

    struct Bit = "fx_bit" {
        mask: u64,
        text: *const c_char,
    }

    struct Element = "fx_element" {
        enterprise: u32,
        id: u16,
        octets: u16,
        reversible: u8,
    }

    struct Column = "fx_column" {
        name: *const c_char,
        help: *const c_char,
        unit: *const c_char,
        sql_name: *const c_char,
        bits: *const Bit,
        element: Element,
        bit_count: u16,
        r#type: u8,
        flags: u8,
    }

    struct Row = "fx_row" {
        fixed: *mut u8,
        cell: *const u32,
        present: *mut u8,
        tail: *mut c_void,
    }

    struct Figure = "fx_figure" {
        name: *const c_char,
        help: *const c_char,
        kind: u32,
    }

    /// What the core counted in one direction of a flow.
    struct FlowDir = "flow_dir" {
        packets: u64,
        octets: u64,
        status: u64,
        first_ns: i64,
        last_ns: i64,
        last_clock_ns: i64,
        timeout_ms: u32,
        if_id: u32,
        last_ip_id: u16,
        sensor_status: u16,
        flags: u8,
        tos: u8,
        ttl: u8,
        pad: u8,
    }

    struct Flow = "fx_flow" {
        ended: *const c_void,
        record: *const c_void,
        dir: *const FlowDir,
        opposite: *const FlowDir,
        slot: *const c_void,
        cold: *const c_void,
        direction: u32,
        has_opposite: u8,
        letter: c_char,
        first_ns: i64,
        last_ns: i64,
        src_address: *const u8,
        dst_address: *const u8,
        src_port: u16,
        dst_port: u16,
        ip_version: u8,
        ip_proto: u8,
        src_mac: [u8; 6],
        dst_mac: [u8; 6],
        dependency_slots: *const *const c_void,
        dependency_colds: *const *const c_void,
        memory: *const c_void,
    }

    struct Host = "fx_host" {
        context: *mut c_void,
        log: extern "C" fn(*mut c_void, c_int, *const c_char),
        geo: extern "C" fn(*mut c_void, *const u8, c_int, *mut *const c_char, *mut usize, *mut *const c_char, *mut usize),
        has_geo: extern "C" fn(*mut c_void) -> c_int,
        ip_text: extern "C" fn(*mut c_void, *const u8, c_int, *mut c_char, usize) -> usize,
        quoted_text: extern "C" fn(*mut c_void, *const c_char, usize, *mut c_char, usize) -> usize,
        open_output: extern "C" fn(*mut c_void, *const c_char, *mut c_char, usize) -> c_int,
        output_prefix: *const c_char,
        sensor_id: u32,
    }

    struct Report = "fx_report" {
        context: *mut c_void,
        line: extern "C" fn(*mut c_void, *const c_char),
        totals: *const c_void,
        packets: u64,
        flows: u64,
    }

    /// The descriptor. `None` is C's NULL: the plugin has no such hook.
    struct Plugin = "fx_plugin" {
        api_version: u32,
        descriptor_size: u32,
        state_size: u32,
        cold_size: u32,
        packet_state_size: u32,
        config_size: u32,
        number: u16,
        default_on: u16,
        name: *const c_char,
        version: *const c_char,
        help: *const c_char,
        dependencies: *const *const c_char,
        options: *const Option_,
        option_count: usize,
        columns: *const Column,
        column_count: usize,
        packet_columns: *const Column,
        packet_column_count: usize,
        can_alarm: c_int,
        flow_memory_size: u32,
        stream_bytes: u32,
        figures: *const Figure,
        figure_count: usize,
        create: Option<unsafe extern "C" fn(*const Value, *mut c_void, *const Host, *mut c_char, usize) -> *mut c_void>,
        destroy: Option<unsafe extern "C" fn(*mut c_void)>,
        on_flow_end: Option<unsafe extern "C" fn(*mut c_void, *const Flow, *mut Row) -> u64>,
        packet_needs: Option<unsafe extern "C" fn(*mut c_void, *mut *const c_void) -> usize>,
        on_packet: Option<unsafe extern "C" fn(*mut c_void, *const c_void)>,
        on_stream: Option<unsafe extern "C" fn(*mut c_void, *const c_void) -> c_int>,
        on_packet_row: Option<unsafe extern "C" fn(*mut c_void, *const c_void, *mut Row)>,
        figure_values: Option<unsafe extern "C" fn(*mut c_void) -> *const u64>,
        report: Option<unsafe extern "C" fn(*mut c_void, *const Report)>,
        summary: Option<unsafe extern "C" fn(*mut c_void)>,
        flow_config_flags: Option<unsafe extern "C" fn(*mut c_void) -> u32>,
    }
}

/// Descriptions are constants that only point to constants: any thread may read them.
#[repr(transparent)]
pub struct Constant<T>(pub T);
unsafe impl<T> Sync for Constant<T> {}

/// A text for C: the literal has to end with a zero byte.
pub const fn text(with_zero: &'static str) -> *const c_char {
    assert!(with_zero.as_bytes()[with_zero.len() - 1] == 0);
    with_zero.as_ptr().cast()
}

impl Row {
    /// # Safety
    /// `column` is the number of one of the plugin's columns, and T has the width of its cells.
    pub unsafe fn put<T: Copy>(&mut self, column: usize, value: T) {
        let cell = self.fixed.add(*self.cell.add(column) as usize);
        cell.cast::<T>().write_unaligned(value); // cells are not aligned
    }

    /// # Safety
    /// `column` is the number of one of the plugin's columns, and it is optional.
    pub unsafe fn leave_empty(&mut self, column: usize) {
        *self.present.add(column) = 0;
    }
}

#[cfg(test)]
mod tests {
    /// One line for each struct, field and constant, which tests/plugin_rust compares with the headers.
    #[test]
    fn layout() {
        for (name, size, fields) in super::layouts() {
            println!("struct {name} {size}");
            for (field, offset, size) in fields {
                println!("field {name} {field} {offset} {size}");
            }
        }
        println!("constant FX_PLUGIN_API_VERSION {}", super::API_VERSION);
        println!("constant FX_FLOAT {}", super::TYPE_FLOAT);
        println!("constant FX_DURATION {}", super::TYPE_DURATION);
        println!("constant FX_OPTIONAL {}", super::COLUMN_OPTIONAL);
        println!("constant FX_OPTION_NUMBER {}", super::OPTION_NUMBER);
        println!("constant FX_FIGURE_COUNTER {}", super::FIGURE_COUNTER);
    }
}
