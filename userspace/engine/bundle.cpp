// SPDX-License-Identifier: BSD-2-Clause
// bundle.cpp - the engine library's one exported symbol.
#include <new>

#include "engine.h"
#include "native_engine.h"

namespace {

const half_descriptor kHalves[] = {
#define X(name)                                                                                                        \
    {#name, sizeof(struct name##_state), 0, offsetof(struct flow_config, plugin.name), sizeof(struct name##_config)},
    FX_FOR_EACH_KERNEL_HALF(X)
#undef X
};

// The halves with their packet state sizes: not every half has one, so they are added by a second pass.
struct Halves {
    half_descriptor list[KERNEL_HALF_COUNT];
    Halves()
    {
        for (unsigned i = 0; i < KERNEL_HALF_COUNT; i++)
            list[i] = kHalves[i];
#define X(name) list[KERNEL_HALF_##name].packet_state_size = sizeof(struct name##_packet_state);
        FX_FOR_EACH_PACKET_STATE(X)
#undef X
    }
};

// FNV-1a over every size and name that the layout of records depends on.
__u64 layout_id(const Halves& halves)
{
    __u64 h = 0xcbf29ce484222325ULL;
    auto add = [&h](__u64 v) {
        for (int i = 0; i < 8; i++)
            h = (h ^ ((v >> (8 * i)) & 0xff)) * 0x100000001b3ULL;
    };
    add(BUNDLE_ABI_VERSION);
    add(sizeof(flow_record));
    add(sizeof(ended_record));
    add(sizeof(packet_record));
    add(sizeof(flow_config));
    add(sizeof(fragment_slot));
    for (const half_descriptor& half : halves.list) {
        for (const char* c = half.name; *c; c++)
            add(static_cast<unsigned char>(*c));
        add(half.state_size);
        add(half.packet_state_size);
        add(half.config_size);
    }
    return h;
}

flowxdp::NativeEngine* native(engine* e)
{
    return reinterpret_cast<flowxdp::NativeEngine*>(e);
}

engine* open_engine(const engine_options* options)
{
    try {
        return reinterpret_cast<engine*>(new flowxdp::NativeEngine(*options));
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void feed_engine(engine* e, const engine_frame* frames, __u32 n)
{
    native(e)->feed(frames, n);
}
void advance_engine(engine* e, __s64 clock_ns)
{
    native(e)->advance(clock_ns);
}
void finish_engine(engine* e)
{
    native(e)->finish();
}
const engine_counts* engine_counts_of(const engine* e)
{
    return &reinterpret_cast<const flowxdp::NativeEngine*>(e)->counts();
}
void close_engine(engine* e)
{
    delete native(e);
}

} // namespace

const bundle_descriptor* flowxdp_bundle()
{
    static const Halves halves;
    static const bundle_descriptor descriptor = {
        BUNDLE_ABI_VERSION,    KERNEL_HALF_COUNT,   halves.list,
        layout_id(halves),     sizeof(flow_record), offsetof(ended_record, record),
        sizeof(packet_record), sizeof(flow_config), open_engine,
        feed_engine,           advance_engine,      finish_engine,
        engine_counts_of,      close_engine};
    return &descriptor;
}
