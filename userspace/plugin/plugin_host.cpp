// SPDX-License-Identifier: BSD-2-Clause
#include "plugin/plugin_host.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace flowxdp {
namespace {

constexpr fx_column kFlowColumns[] = {
    {"dir", "Flow direction", FX_CHAR, 0, 0, nullptr},
    {"flowInd", "Flow index", FX_U64, 0, 0, nullptr},
};
constexpr fx_column kPacketColumns[] = {
    {"pktNo", "Packet number in the input", FX_U64, 0, 0, nullptr},
    {"flowInd", "Flow index", FX_U64, 0, 0, nullptr},
};
constexpr fx_column kPayloadColumn[] = {
    {"l7Content", "Captured layer 7 payload", FX_PAYLOAD, 0, 0, nullptr},
};
enum { kDir, kFlowInd };

void mac_from_word(std::uint64_t word, std::uint8_t* mac)
{
    for (int i = 5; i >= 0; i--, word >>= 8)
        mac[i] = static_cast<std::uint8_t>(word);
}

} // namespace

struct PluginHost::Instance {
    const fx_plugin* plugin = nullptr;
    void* object = nullptr;
    std::uint32_t slot = 0, packet_state = 0; // offsets; 0 = none
    std::vector<std::uint32_t> dependency_slots;
    std::vector<const void*> dependency_pointers;
    // Cells in the flow and packet rows.
    std::vector<std::uint32_t> cells, packet_cells;
    std::uint32_t present = 0, packet_present = 0;

    ~Instance()
    {
        if (object)
            plugin->destroy(object);
    }
};

PluginHost::PluginHost(const std::vector<PluginLibrary>& libraries, const PluginChoice& choice,
                       const bundle_descriptor& bundle, bool packet_mode, Services services, flow_config* flow)
    : services_(std::move(services))
{
    host_.context = &services_;
    host_.log = [](void* context, int level, const char* text) {
        const auto* s = static_cast<Services*>(context);
        if (s->log)
            s->log(level, text);
    };
    host_.geo = [](void* context, const std::uint8_t address[16], int version, const char** country,
                   std::size_t* country_len, const char** organisation, std::size_t* organisation_len) {
        std::string_view c = "-", o = "-";
        if (auto* geo = static_cast<Services*>(context)->geo)
            geo->look_up(address, version, &c, &o);
        *country = c.data();
        *country_len = c.size();
        *organisation = o.data();
        *organisation_len = o.size();
    };
    host_.has_geo = [](void* context) {
        const auto* geo = static_cast<Services*>(context)->geo;
        return geo && geo->has_data() ? 1 : 0;
    };
    host_.output_prefix = services_.output_prefix.c_str();
    host_.sensor_id = services_.sensor_id;

    std::map<std::string, PluginSpec> specs;
    for (const fx_plugin* plugin : choose(libraries, choice, &specs)) {
        auto instance = std::make_unique<Instance>();
        instance->plugin = plugin;
        alarming_plugins_ += plugin->can_alarm != 0;
        instances_.push_back(std::move(instance));
    }
    lay_out(bundle, flow);

    auto flow_schema = std::make_shared<Schema>();
    auto packet_schema = std::make_shared<Schema>();
    auto add = [](Schema* schema, std::span<const fx_column> columns, std::vector<std::uint32_t>* cells,
                  std::uint32_t* present) {
        const std::size_t first = schema->add(columns);
        for (std::size_t i = 0; i < columns.size(); i++)
            cells->push_back(schema->columns()[first + i].offset);
        *present = columns.empty() ? 0 : schema->columns()[first].present_offset;
    };
    flow_schema->add(kFlowColumns);
    packet_schema->add(kPacketColumns);
    for (auto& instance : instances_) {
        const fx_plugin* p = instance->plugin;
        const auto found = specs.find(p->name);
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < p->option_count; i++) {
            std::string value = p->options[i].default_value;
            if (found != specs.end()) {
                const auto given = found->second.options.find(p->options[i].name);
                if (given != found->second.options.end()) {
                    value = given->second;
                    found->second.options.erase(given);
                }
            }
            texts.push_back(std::move(value));
        }
        if (found != specs.end() && !found->second.options.empty()) {
            std::vector<std::string> known;
            for (std::size_t i = 0; i < p->option_count; i++)
                known.emplace_back(p->options[i].name);
            throw StartupError(fmt::format("plugin '{}' has no option '{}'; it has: {}", p->name,
                                           found->second.options.begin()->first,
                                           known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))),
                               ExitCode::kUsage);
        }
        std::vector<const char*> values;
        for (const std::string& text : texts)
            values.push_back(text.c_str());
        void* config = &flow->plugin;
        for (std::uint32_t i = 0; i < bundle.half_count; i++)
            if (std::string_view(bundle.halves[i].name) == p->name)
                config = reinterpret_cast<std::uint8_t*>(flow) + bundle.halves[i].config_offset;
        char error[512] = "";
        instance->object = p->create(values.data(), config, &host_, error, sizeof error);
        if (!instance->object)
            throw StartupError(fmt::format("plugin '{}': {}", p->name, error), ExitCode::kUsage);
        if (p->flow_config_flags)
            flow->flags |= p->flow_config_flags(instance->object);
        add(flow_schema.get(), {p->columns, p->column_count}, &instance->cells, &instance->present);
        add(packet_schema.get(), {p->packet_columns, p->packet_column_count}, &instance->packet_cells,
            &instance->packet_present);
    }
    payload_column_ = packet_schema->add(kPayloadColumn);
    flow_schema_ = flow_schema;
    if (packet_mode) {
        packet_schema_ = packet_schema;
        flow->flags |= FLOW_CONFIG_PACKET_RECORDS;
        flow->payload_max = PACKET_MAX_PAYLOAD;
    }
}

PluginHost::~PluginHost() = default;

std::vector<const fx_plugin*> PluginHost::choose(const std::vector<PluginLibrary>& libraries,
                                                 const PluginChoice& choice,
                                                 std::map<std::string, PluginSpec>* specs) const
{
    auto find = [&](const std::string& name) -> const fx_plugin* {
        for (const PluginLibrary& l : libraries)
            if (name == l.descriptor->name)
                return l.descriptor;
        std::vector<std::string> known;
        for (const PluginLibrary& l : libraries)
            known.emplace_back(l.descriptor->name);
        throw StartupError(fmt::format("there is no plugin '{}'; there are: {}", name, fmt::join(known, ", ")),
                           ExitCode::kUsage);
    };
    std::set<const fx_plugin*> chosen;
    if (!choice.replace_default)
        for (const PluginLibrary& l : libraries)
            if (l.descriptor->default_on)
                chosen.insert(l.descriptor);
    for (const PluginSpec& spec : choice.add) {
        chosen.insert(find(spec.name));
        PluginSpec& merged = (*specs)[spec.name];
        merged.name = spec.name;
        for (const auto& [key, value] : spec.options)
            merged.options[key] = value;
    }
    for (const std::string& column : choice.columns_needed) {
        const fx_plugin* filler = nullptr;
        for (const PluginLibrary& l : libraries)
            for (std::size_t i = 0; i < l.descriptor->column_count; i++)
                if (column == l.descriptor->columns[i].name)
                    filler = l.descriptor;
        if (filler)
            chosen.insert(filler);
        else if (column != "dir" && column != "flowInd")
            throw StartupError(fmt::format("a sink needs column '{}', which no plugin has", column));
    }
    for (const std::string& name : choice.remove)
        chosen.erase(find(name));
    std::vector<const fx_plugin*> ordered(chosen.begin(), chosen.end());
    std::ranges::sort(ordered, {}, [](const fx_plugin* p) { return p->number; });
    for (const fx_plugin* p : ordered) {
        for (const char* const* d = p->dependencies; d && *d; d++) {
            const fx_plugin* dependency = find(*d);
            if (!chosen.contains(dependency))
                throw StartupError(fmt::format("plugin '{}' needs plugin '{}', which is not enabled: add --plugin {}",
                                               p->name, *d, *d),
                                   ExitCode::kUsage);
            if (dependency->number >= p->number)
                throw StartupError(
                    fmt::format("plugin '{}' (number {}) needs '{}' (number {}): a dependency must have a "
                                "lower number",
                                p->name, p->number, *d, dependency->number));
        }
    }
    for (const std::string& column : choice.columns_needed) {
        bool there = column == "dir" || column == "flowInd";
        for (const fx_plugin* p : ordered)
            for (std::size_t i = 0; i < p->column_count; i++)
                there = there || column == p->columns[i].name;
        if (!there)
            throw StartupError(fmt::format("a sink needs column '{}', whose plugin was removed", column),
                               ExitCode::kUsage);
    }
    return ordered;
}

// Gives every enabled kernel half its slot, in bundle order, and checks that both halves agree on sizes.
void PluginHost::lay_out(const bundle_descriptor& bundle, flow_config* flow)
{
    if (bundle.abi_version != BUNDLE_ABI_VERSION || bundle.record_core_size != sizeof(flow_record) ||
        bundle.packet_record_core_size != sizeof(packet_record) || bundle.config_size != sizeof(flow_config))
        throw StartupError(
            fmt::format("the engine bundle has ABI {} (record {}, packet {}, config {} bytes), this flowxdp "
                        "has {} ({}, {}, {}): rebuild it with 'flowxdp plugin build'",
                        bundle.abi_version, bundle.record_core_size, bundle.packet_record_core_size, bundle.config_size,
                        BUNDLE_ABI_VERSION, sizeof(flow_record), sizeof(packet_record), sizeof(flow_config)));
    std::uint32_t record = sizeof(flow_record);
    std::uint32_t packet = sizeof(packet_record);
    flow->enabled = 0;
    for (std::uint32_t i = 0; i < bundle.half_count; i++) {
        const half_descriptor& half = bundle.halves[i];
        for (auto& instance : instances_) {
            const fx_plugin* p = instance->plugin;
            if (std::string_view(half.name) != p->name)
                continue;
            if (p->state_size != half.state_size || p->packet_state_size != half.packet_state_size ||
                p->config_size != half.config_size)
                throw StartupError(fmt::format(
                    "plugin '{}' has state {}, packet state {}, configuration {} bytes, its kernel half in the bundle "
                    "has {}, {}, {}: rebuild both",
                    p->name, p->state_size, p->packet_state_size, p->config_size, half.state_size,
                    half.packet_state_size, half.config_size));
            flow->enabled |= 1u << i;
            flow->slot_offset[i] = static_cast<std::uint16_t>(record);
            instance->slot = record;
            record += half.state_size;
            if (half.packet_state_size) {
                flow->packet_state_offset[i] = static_cast<std::uint16_t>(packet);
                instance->packet_state = packet;
                packet += half.packet_state_size;
            }
        }
    }
    if (record > FLOW_RECORD_MAX)
        throw StartupError(fmt::format("the enabled plugins need {} bytes a flow, at most {} fit: remove some", record,
                                       FLOW_RECORD_MAX));
    for (auto& instance : instances_) {
        const fx_plugin* p = instance->plugin;
        if (p->state_size && !instance->slot)
            throw StartupError(fmt::format("plugin '{}' has a kernel half that is not in the engine bundle: build one "
                                           "with 'flowxdp plugin build'",
                                           p->name));
        for (const char* const* d = p->dependencies; d && *d; d++)
            for (auto& other : instances_)
                if (std::string_view(other->plugin->name) == *d)
                    instance->dependency_slots.push_back(other->slot);
        instance->dependency_pointers.resize(instance->dependency_slots.size());
    }
    flow->record_size = record;
    flow->packet_record_size = packet;
    packet_record_size_ = packet;
}

FlowAlarms PluginHost::add_flow_row(const ended_record& ended, unsigned direction, RowBatch* rows)
{
    const flow_record& r = ended.record;
    const flow_key& key = r.key;
    fx_flow flow{};
    flow.ended = &ended;
    flow.record = &r;
    flow.dir = &r.dir[direction];
    flow.opposite = &r.dir[direction ^ 1];
    flow.direction = direction;
    flow.has_opposite = flow.opposite->packets != 0;
    flow.letter = direction == DIRECTION_B && flow.has_opposite ? 'B' : 'A';
    flow.first_ns = flow.dir->first_ns + ended.wall_offset_ns;
    flow.last_ns = flow.dir->last_ns + ended.wall_offset_ns;
    const bool lo_is_source = r.lo_direction == direction;
    if (key.kind == FLOW_KIND_L2) {
        mac_from_word(lo_is_source ? key.lo_addr[0] : key.hi_addr[0], flow.src_mac);
        mac_from_word(lo_is_source ? key.hi_addr[0] : key.lo_addr[0], flow.dst_mac);
        static constexpr std::uint8_t kNoAddress[16] = {};
        flow.src_address = flow.dst_address = kNoAddress;
    } else {
        flow.ip_version = key.kind;
        flow.ip_proto = key.proto;
        const auto* lo = reinterpret_cast<const std::uint8_t*>(key.lo_addr);
        const auto* hi = reinterpret_cast<const std::uint8_t*>(key.hi_addr);
        flow.src_address = lo_is_source ? lo : hi;
        flow.dst_address = lo_is_source ? hi : lo;
        flow.src_port = lo_is_source ? key.lo_port : key.hi_port;
        flow.dst_port = lo_is_source ? key.hi_port : key.lo_port;
    }

    std::uint8_t* fixed = rows->add();
    const auto& columns = flow_schema_->columns();
    fixed[columns[kDir].offset] = static_cast<std::uint8_t>(flow.letter);
    std::memcpy(fixed + columns[kFlowInd].offset, &r.flow_id, 8);
    FlowAlarms alarms;
    for (const auto& instance : instances_) {
        for (std::size_t i = 0; i < instance->dependency_slots.size(); i++)
            instance->dependency_pointers[i] =
                instance->dependency_slots[i] ? flow_slot_const(&r, instance->dependency_slots[i]) : nullptr;
        flow.dependency_slots = instance->dependency_pointers.data();
        flow.slot = instance->slot ? flow_slot_const(&r, instance->slot) : nullptr;
        fx_row row = {fixed, instance->cells.data(), fixed + instance->present, rows->open_tail()};
        const std::uint64_t raised = instance->plugin->on_flow_end(instance->object, &flow, &row);
        alarms.count += raised;
        alarms.plugins += raised != 0;
    }
    const RowHeader header = {ended.end_clock_ns + ended.wall_offset_ns,
                              r.flow_id,
                              alarms.count,
                              static_cast<std::uint8_t>(ended.reason),
                              static_cast<std::uint8_t>(direction),
                              0,
                              0,
                              flow.dir->if_id};
    std::memcpy(fixed, &header, sizeof header);
    return alarms;
}

void PluginHost::add_packet_row(const packet_record& packet, RowBatch* rows)
{
    std::uint8_t* fixed = rows->add();
    const auto& columns = packet_schema_->columns();
    std::memcpy(fixed + columns[0].offset, &packet.packet_no, 8);
    std::memcpy(fixed + columns[1].offset, &packet.flow_id, 8);
    const auto* base = reinterpret_cast<const std::uint8_t*>(&packet);
    fx_packet view = {&packet, nullptr, base + packet_record_size_};
    for (const auto& instance : instances_) {
        if (!instance->plugin->packet_column_count)
            continue;
        view.state = instance->packet_state ? base + instance->packet_state : nullptr;
        fx_row row = {fixed, instance->packet_cells.data(), fixed + instance->packet_present, rows->open_tail()};
        instance->plugin->on_packet(instance->object, &view, &row);
    }
    const fx_span payload = {rows->append(view.payload, packet.payload_captured), packet.payload_captured};
    std::memcpy(fixed + columns[payload_column_].offset, &payload, sizeof payload);
    const RowHeader header = {
        packet.ts_ns + packet.wall_offset_ns, packet.flow_id, 0, 0, packet.direction, 0, 0, packet.if_id};
    std::memcpy(fixed, &header, sizeof header);
}

void PluginHost::report(const fx_report& out) const
{
    for (const auto& instance : instances_)
        if (instance->plugin->report)
            instance->plugin->report(instance->object, &out);
}

void PluginHost::summary() const
{
    for (const auto& instance : instances_)
        if (instance->plugin->summary)
            instance->plugin->summary(instance->object);
}

std::vector<PluginHost::Active> PluginHost::active() const
{
    std::vector<Active> list;
    for (const auto& instance : instances_)
        list.push_back({instance->plugin->name, instance->plugin->version, instance->plugin->number,
                        instance->plugin->can_alarm != 0});
    return list;
}

} // namespace flowxdp
