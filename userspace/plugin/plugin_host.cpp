// SPDX-License-Identifier: BSD-2-Clause
#include "plugin/plugin_host.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "core/nearest_word.h"
#include "core/option_value.h"
#include "core/output_file.h"
#include "flowxdp/row.hpp"
#include "row/cell_text.h"

namespace flowxdp {
namespace {

// The core's columns, before and after the plugins'.
struct FlowColumns : ColumnSet {
    Column<Char> direction{this, {.name = "dir", .help = "Flow direction"}};
    Column<U64> flow_id{this, {.name = "flowInd", .help = "Flow index"}};
};
constexpr FlowColumns kFlowColumns;
struct PacketColumns : ColumnSet {
    Column<U64> packet_no{this, {.name = "pktNo", .help = "Packet number in the input"}};
    Column<U64> flow_id{this, {.name = "flowInd", .help = "Flow index"}};
};
constexpr PacketColumns kPacketColumns;
struct PayloadColumns : ColumnSet {
    Column<Payload> payload{this, {.name = "l7Content", .help = "Captured layer 7 payload"}};
};
constexpr PayloadColumns kPayloadColumns;

// Copies as much of text as fits; returns the copied length.
std::size_t copy_text(std::string_view from, char* text, std::size_t size)
{
    const std::size_t n = std::min(from.size(), size);
    std::memcpy(text, from.data(), n);
    return n;
}

// The value of an option that a user or the plugin's default gave. Throws StartupError.
fx_value read_value(const char* plugin, const fx_option& option, const char* text)
{
    const auto number = read_option(option, text);
    if (!number.ok())
        throw StartupError(fmt::format("plugin '{}': option '{}': {}", plugin, option.name, number.error().message),
                           ExitCode::kUsage);
    return {text, number.value()};
}

// A half's states in a record; NULL without one.
const void* hot_state(const flow_record& r, const flow_config& slots, std::optional<std::uint32_t> half)
{
    return half ? flow_slot_const(&r, &slots, *half) : nullptr;
}
const void* cold_state(const flow_record& r, const flow_config& slots, std::optional<std::uint32_t> half)
{
    return half && flow_has_cold_slot(&slots, *half) ? flow_cold_slot_const(&r, &slots, *half) : nullptr;
}

void mac_from_word(std::uint64_t word, std::uint8_t* mac)
{
    for (int i = 5; i >= 0; i--, word >>= 8)
        mac[i] = static_cast<std::uint8_t>(word);
}

} // namespace

Result<PluginSpec> parse_plugin_spec(const std::string& text)
{
    PluginSpec spec;
    const std::size_t colon = text.find(':');
    spec.name = text.substr(0, colon);
    if (spec.name.empty())
        return Error{fmt::format("plugin '{}' has no name: write NAME[:key=value,...]", text)};
    while (colon != std::string::npos) {
        std::size_t at = colon + 1;
        while (at <= text.size()) {
            std::size_t end = text.find(',', at);
            if (end == std::string::npos)
                end = text.size();
            const std::string pair = text.substr(at, end - at);
            const std::size_t equal = pair.find('=');
            if (equal == std::string::npos || equal == 0)
                return Error{fmt::format("plugin '{}': '{}' is not key=value", text, pair)};
            const auto [given, is_new] = spec.options.try_emplace(pair.substr(0, equal), pair.substr(equal + 1));
            if (!is_new)
                return Error{fmt::format("plugin '{}': option '{}' is given twice: '{}' and '{}'; give it once", text,
                                         given->first, given->second, pair.substr(equal + 1))};
            at = end + 1;
        }
        break;
    }
    return spec;
}

fx_host PluginHost::make_host(Services* services)
{
    fx_host host{};
    host.context = services;
    host.log = [](void* context, int level, const char* text) {
        const auto* s = static_cast<Services*>(context);
        if (s->log)
            s->log(level, text);
    };
    host.geo = [](void* context, const std::uint8_t address[16], int version, const char** country,
                  std::size_t* country_len, const char** organisation, std::size_t* organisation_len) {
        std::string_view c = "-", o = "-";
        if (auto* geo = static_cast<Services*>(context)->geo)
            geo->look_up(address, version, &c, &o);
        *country = c.data();
        *country_len = c.size();
        *organisation = o.data();
        *organisation_len = o.size();
    };
    host.has_geo = [](void* context) {
        const auto* geo = static_cast<Services*>(context)->geo;
        return geo && geo->has_data() ? 1 : 0;
    };
    host.ip_text = [](void*, const std::uint8_t address[16], int version, char* text, std::size_t size) {
        std::string whole;
        append_ip(address, version, &whole);
        return copy_text(whole, text, size);
    };
    host.quoted_text = [](void*, const char* bytes, std::size_t length, char* text, std::size_t size) {
        std::string whole;
        append_quoted({bytes, length}, &whole);
        return copy_text(whole, text, size);
    };
    host.open_output = [](void*, const char* path, char* error, std::size_t error_size) {
        auto opened = open_empty_output(path);
        if (opened.ok())
            return opened->release();
        std::snprintf(error, error_size, "%s", opened.error().message.c_str());
        return -1;
    };
    host.output_prefix = services->output_prefix.c_str();
    host.sensor_id = services->sensor_id;
    return host;
}

PluginHost::PluginHost(const std::vector<PluginLibrary>& libraries, const PluginChoice& choice,
                       const bundle_descriptor& bundle, bool packet_mode, Services services, flow_config* flow)
    : services_(std::move(services))
{
    host_ = make_host(&services_);
    std::map<std::string, PluginSpec> specs;
    for (const fx_plugin* plugin : choose(libraries, choice, &specs)) {
        auto instance = std::make_unique<PluginInstance>();
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
    flow_schema->add(kFlowColumns.all());
    packet_schema->add(kPacketColumns.all());
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
            const std::string& wrong = found->second.options.begin()->first;
            throw StartupError(fmt::format("plugin '{}' has no option '{}'{}", p->name, printable(wrong, kValueBytes),
                                           known_words(wrong, known)),
                               ExitCode::kUsage);
        }
        std::vector<fx_value> values;
        for (std::size_t i = 0; i < p->option_count; i++)
            values.push_back(read_value(p->name, p->options[i], texts[i].c_str()));
        void* config = nullptr; // without a kernel half
        for (std::uint32_t i = 0; i < bundle.half_count; i++)
            if (std::string_view(bundle.halves[i].name) == p->name)
                config = plugin_options_.data() + bundle.halves[i].config_offset;
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
    wanted_.emplace(instances_, services_.memory_bytes, flow);
    payload_column_ = packet_schema->add(kPayloadColumns.all());
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
        throw StartupError(
            fmt::format("there is no plugin '{}'{}", printable(name, kValueBytes), known_words(name, known)),
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
            if (const auto [given, is_new] = merged.options.try_emplace(key, value); !is_new)
                throw StartupError(fmt::format("plugin '{}': option '{}' is given twice: '{}' and '{}'; give it once",
                                               spec.name, key, given->second, value),
                                   ExitCode::kUsage);
    }
    const ColumnFillers fillers(libraries, choice.remove);
    for (const std::string& name : choice.remove)
        chosen.erase(find(name));
    fillers.complete(choice.columns_needed, &chosen);
    ColumnFillers::check(chosen);
    std::vector<const fx_plugin*> ordered(chosen.begin(), chosen.end());
    std::ranges::sort(ordered, {}, [](const fx_plugin* p) { return p->number; });
    for (const fx_plugin* p : ordered) {
        for (const char* const* d = p->dependencies; d && *d; d++) {
            const fx_plugin* dependency = find(*d);
            if (!chosen.contains(dependency))
                throw StartupError(
                    fmt::format("plugin '{}' needs plugin '{}', which is not enabled: add --plugin {}, or "
                                "leave '{}' out",
                                p->name, *d, *d, p->name),
                    ExitCode::kUsage);
            if (dependency->number >= p->number)
                throw StartupError(
                    fmt::format("plugin '{}' (number {}) needs '{}' (number {}): a dependency must have a "
                                "lower number",
                                p->name, p->number, *d, dependency->number));
        }
    }
    return ordered;
}

// Gives every enabled kernel half its slot, in bundle order, and checks that both halves agree on sizes.
void PluginHost::lay_out(const bundle_descriptor& bundle, flow_config* flow)
{
    if (bundle.abi_version != BUNDLE_ABI_VERSION || bundle.record_core_size != sizeof(flow_record) ||
        bundle.packet_record_core_size != sizeof(packet_record) || bundle.flow_config_size != sizeof(flow_config))
        throw StartupError(fmt::format(
            "the engine bundle has ABI {} (record {}, packet {}, config {} bytes), this flowxdp "
            "has {} ({}, {}, {}): build both from one source",
            bundle.abi_version, bundle.record_core_size, bundle.packet_record_core_size, bundle.flow_config_size,
            BUNDLE_ABI_VERSION, sizeof(flow_record), sizeof(packet_record), sizeof(flow_config)));
    for (const auto& instance : instances_)
        if (const std::string problem = half_problem(*instance->plugin, bundle); !problem.empty())
            throw StartupError(problem);
    plugin_options_.resize(bundle.plugin_options_size);
    std::uint32_t enabled = 0;
    for (std::uint32_t i = 0; i < bundle.half_count; i++) {
        const half_descriptor& half = bundle.halves[i];
        for (auto& instance : instances_) {
            const fx_plugin* p = instance->plugin;
            if (std::string_view(half.name) != p->name)
                continue;
            enabled |= 1u << i;
            instance->half = i;
            instance->has_packet_state = half.packet_state_size != 0;
            if (half.has_need && p->on_packet)
                instance->wanted = 1u << i;
        }
    }
    bundle_lay_out(&bundle, enabled, flow);
    if (flow->record_size > FLOW_RECORD_MAX)
        throw StartupError(fmt::format("the enabled plugins need {} bytes a flow, at most {} fit: remove some",
                                       flow->record_size, FLOW_RECORD_MAX));
    for (auto& instance : instances_) {
        const fx_plugin* p = instance->plugin;
        for (const char* const* d = p->dependencies; d && *d; d++)
            for (auto& other : instances_)
                if (std::string_view(other->plugin->name) == *d)
                    instance->dependency_halves.push_back(other->half);
        instance->dependency_slots.resize(instance->dependency_halves.size());
        instance->dependency_colds.resize(instance->dependency_halves.size());
    }
    slots_ = *flow;
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
    fixed[columns[kFlowColumns.direction.index()].offset] = static_cast<std::uint8_t>(flow.letter);
    std::memcpy(fixed + columns[kFlowColumns.flow_id.index()].offset, &r.flow_id, 8);
    FlowAlarms alarms;
    for (const auto& instance : instances_) {
        for (std::size_t i = 0; i < instance->dependency_halves.size(); i++) {
            instance->dependency_slots[i] = hot_state(r, slots_, instance->dependency_halves[i]);
            instance->dependency_colds[i] = cold_state(r, slots_, instance->dependency_halves[i]);
        }
        flow.dependency_slots = instance->dependency_slots.data();
        flow.dependency_colds = instance->dependency_colds.data();
        flow.slot = hot_state(r, slots_, instance->half);
        flow.cold = cold_state(r, slots_, instance->half);
        flow.memory = WantedPackets::memory_of(*instance, ended);
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
    std::memcpy(fixed + columns[kPacketColumns.packet_no.index()].offset, &packet.packet_no, 8);
    std::memcpy(fixed + columns[kPacketColumns.flow_id.index()].offset, &packet.flow_id, 8);
    fx_packet view = {&packet, nullptr, packet_payload(&packet, &slots_), nullptr, packet_headers(&packet, &slots_)};
    for (const auto& instance : instances_) {
        if (!instance->plugin->packet_column_count)
            continue;
        view.state = instance->has_packet_state ? packet_state_slot_const(&packet, &slots_, *instance->half) : nullptr;
        fx_row row = {fixed, instance->packet_cells.data(), fixed + instance->packet_present, rows->open_tail()};
        instance->plugin->on_packet_row(instance->object, &view, &row);
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

std::vector<PluginHost::Figure> PluginHost::figures() const
{
    std::vector<Figure> list;
    for (const auto& instance : instances_) {
        const fx_plugin& plugin = *instance->plugin;
        const std::uint64_t* values = plugin.figure_count ? plugin.figure_values(instance->object) : nullptr;
        for (std::size_t i = 0; i < plugin.figure_count; i++)
            list.push_back({plugin.name, plugin.figures[i].name, plugin.figures[i].help,
                            plugin.figures[i].kind == FX_FIGURE_GAUGE,
                            values ? __atomic_load_n(values + i, __ATOMIC_RELAXED) : 0});
    }
    return list;
}

std::optional<std::uint64_t> PluginHost::figure(std::string_view plugin, std::string_view name) const
{
    for (const Figure& one : figures())
        if (plugin == one.plugin && name == one.name)
            return one.value;
    return std::nullopt;
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
