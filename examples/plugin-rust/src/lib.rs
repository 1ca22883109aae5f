// SPDX-License-Identifier: BSD-2-Clause
//! first_reply: how long the first packet of a flow waited for the first packet of the other side.
//!
//! A user half without a kernel half: the core has the times and counts, this plugin makes columns of them.
//! flowxdp calls all hooks on one thread, and figure_values from any.

mod abi;

use abi::{text, Column, Constant, Element, Figure, Flow, Host, Option_, Plugin, Report, Row, Value};
use std::ffi::CString;
use std::mem::size_of;
use std::os::raw::{c_char, c_void};
use std::ptr::null;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const NO_ELEMENT: Element = Element {
    enterprise: 0,
    id: 0,
    octets: 0,
    reversible: 0,
};

/// Numbers of the columns, in their order.
const REPLY_TIME: usize = 0;
const PACKET_SHARE: usize = 1;
static COLUMNS: Constant<[Column; 2]> = Constant([
    Column {
        name: text("replyTime\0"),
        help: text("Time from the flow's first packet to the first one of the other direction; rows A alone\0"),
        unit: text("ns\0"),
        sql_name: null(),
        bits: null(),
        element: NO_ELEMENT,
        bit_count: 0,
        r#type: abi::TYPE_DURATION,
        flags: abi::COLUMN_OPTIONAL,
    },
    Column {
        name: text("pktShare\0"),
        help: text("Share of this direction in the packets of the flow\0"),
        unit: null(),
        sql_name: null(),
        bits: null(),
        element: NO_ELEMENT,
        bit_count: 0,
        r#type: abi::TYPE_FLOAT,
        flags: 0,
    },
]);

static OPTIONS: Constant<[Option_; 1]> = Constant([Option_ {
    name: text("slow_us\0"),
    default_value: text("100000\0"),
    help: text("a reply that took longer raises an alarm; microseconds\0"),
    low: 0,
    high: 3_600_000_000,
    r#type: abi::OPTION_NUMBER,
    reserved: 0,
    words: null(),
}]);

static FIGURES: Constant<[Figure; 1]> = Constant([Figure {
    name: text("slow_replies\0"),
    help: text("Flows whose first reply was slow\0"),
    kind: abi::FIGURE_COUNTER,
}]);

/// What lives from the first packet of a run to its last.
struct FirstReply {
    slow_ns: i64,
    replies: u64,
    slow_replies: [AtomicU64; 1], // in the order of FIGURES
}

unsafe extern "C" fn create(
    values: *const Value,
    _kernel_config: *mut c_void,
    _host: *const Host,
    _error: *mut c_char,
    _error_size: usize,
) -> *mut c_void {
    let slow_us = (*values).number; // flowxdp has checked the range
    let run = FirstReply {
        slow_ns: slow_us as i64 * 1_000,
        replies: 0,
        slow_replies: [AtomicU64::new(0)],
    };
    Box::into_raw(Box::new(run)).cast()
}

unsafe extern "C" fn destroy(run: *mut c_void) {
    drop(Box::from_raw(run.cast::<FirstReply>()));
}

unsafe extern "C" fn on_flow_end(run: *mut c_void, flow: *const Flow, row: *mut Row) -> u64 {
    let (run, flow, row) = (&mut *run.cast::<FirstReply>(), &*flow, &mut *row);
    let (own, other) = ((*flow.dir).packets, (*flow.opposite).packets); // other: 0 when nobody answered
    row.put(PACKET_SHARE, own as f64 / (own + other) as f64);
    let reply_ns = (*flow.opposite).first_ns - (*flow.dir).first_ns;
    // Nobody answered, or the capture begins with an answer.
    if flow.direction != 0 || flow.has_opposite == 0 || reply_ns < 0 {
        row.leave_empty(REPLY_TIME);
        return 0;
    }
    row.put(REPLY_TIME, reply_ns);
    run.replies += 1;
    if reply_ns <= run.slow_ns {
        return 0;
    }
    run.slow_replies[0].fetch_add(1, Relaxed);
    1
}

unsafe extern "C" fn figure_values(run: *mut c_void) -> *const u64 {
    (*run.cast::<FirstReply>()).slow_replies.as_ptr().cast()
}

unsafe extern "C" fn report(run: *mut c_void, report: *const Report) {
    let (run, report) = (&*run.cast::<FirstReply>(), &*report);
    let slow = run.slow_replies[0].load(Relaxed);
    if let Ok(line) = CString::new(format!(
        "firstReply: Number of slow first replies: {slow} of {}",
        run.replies
    )) {
        (report.line)(report.context, line.as_ptr());
    }
}

static PLUGIN: Constant<Plugin> = Constant(Plugin {
    api_version: abi::API_VERSION,
    descriptor_size: size_of::<Plugin>() as u32,
    state_size: 0,
    cold_size: 0,
    packet_state_size: 0,
    config_size: 0,
    number: 810,
    default_on: 0,
    name: text("first_reply\0"),
    version: text("0.1.0\0"),
    help: text("Time of the first reply, in Rust\0"),
    dependencies: null(),
    options: OPTIONS.0.as_ptr(),
    option_count: OPTIONS.0.len(),
    columns: COLUMNS.0.as_ptr(),
    column_count: COLUMNS.0.len(),
    packet_columns: null(),
    packet_column_count: 0,
    can_alarm: 1,
    flow_memory_size: 0,
    stream_bytes: 0,
    figures: FIGURES.0.as_ptr(),
    figure_count: FIGURES.0.len(),
    create: Some(create),
    destroy: Some(destroy),
    on_flow_end: Some(on_flow_end),
    packet_needs: None,
    on_packet: None,
    on_stream: None,
    on_packet_row: None,
    figure_values: Some(figure_values),
    report: Some(report),
    summary: None,
    flow_config_flags: None,
});

/// The two symbols of a plugin. The second is read from the file before anything is called.
#[no_mangle]
pub extern "C" fn flowxdp_plugin() -> *const Plugin {
    &PLUGIN.0
}
#[no_mangle]
#[allow(non_upper_case_globals)]
pub static flowxdp_plugin_interface: [u32; 2] = [abi::API_VERSION, size_of::<Plugin>() as u32];
