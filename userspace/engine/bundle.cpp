// SPDX-License-Identifier: BSD-2-Clause
// bundle.cpp - the engine library's one exported symbol.
#include <new>

#include "bundle_layout_id.h"
#include "engine.h"
#include "flowxdp/plugin_halves.h"
#include "native_engine.h"

namespace {

const half_descriptor kHalves[] = {
#define X(name)                                                                                                        \
    {#name, sizeof(struct name##_state), 0, 0, 0, offsetof(struct plugin_options, name), sizeof(struct name##_config)},
    FX_FOR_EACH_KERNEL_HALF(X)
#undef X
};

// kHalves with the sizes that only some halves have: a second pass over the lists adds them.
struct Halves {
    half_descriptor list[KERNEL_HALF_COUNT];
    Halves()
    {
        for (unsigned i = 0; i < KERNEL_HALF_COUNT; i++)
            list[i] = kHalves[i];
#define X(name) list[KERNEL_HALF_##name].cold_size = sizeof(struct name##_cold);
        FX_FOR_EACH_COLD(X)
#undef X
#define X(name) list[KERNEL_HALF_##name].packet_state_size = sizeof(struct name##_packet_state);
        FX_FOR_EACH_PACKET_STATE(X)
#undef X
#define X(name) list[KERNEL_HALF_##name].has_need = 1;
        FX_FOR_EACH_NEED(X)
#undef X
    }
};

flowxdp::NativeEngine* native(engine* e)
{
    return reinterpret_cast<flowxdp::NativeEngine*>(e);
}

engine* open_engine(const engine_options* options)
{
    if (options->plugin_options_size != sizeof(plugin_options))
        return nullptr;
    try {
        return reinterpret_cast<engine*>(new flowxdp::NativeEngine(*options));
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void feed_engine(engine* e, const engine_frame* frames, __u32 n, void* parsed)
{
    native(e)->feed(frames, n, static_cast<flowxdp::ParsedFrame*>(parsed));
}
void parse_with_engine(const engine* e, const engine_frame* frames, __u32 n, void* parsed)
{
    reinterpret_cast<const flowxdp::NativeEngine*>(e)->parse(frames, n, static_cast<flowxdp::ParsedFrame*>(parsed));
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

const __u32 flowxdp_bundle_interface[2] = {BUNDLE_ABI_VERSION, sizeof(bundle_descriptor)};

const bundle_descriptor* flowxdp_bundle()
{
    static const Halves halves;
    static const bundle_descriptor descriptor = {BUNDLE_ABI_VERSION,
                                                 KERNEL_HALF_COUNT,
                                                 halves.list,
                                                 BUNDLE_LAYOUT_ID,
                                                 sizeof(flow_record),
                                                 offsetof(ended_record, record),
                                                 sizeof(packet_record),
                                                 sizeof(flow_config),
                                                 sizeof(plugin_options),
                                                 open_engine,
                                                 feed_engine,
                                                 parse_with_engine,
                                                 sizeof(flowxdp::ParsedFrame),
                                                 advance_engine,
                                                 finish_engine,
                                                 engine_counts_of,
                                                 close_engine};
    return &descriptor;
}
