// SPDX-License-Identifier: BSD-2-Clause
#include "sink/module_sink.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/option_value.h"

namespace flowxdp {
namespace {

// A schema for the C interface. The schema must outlive it.
class SchemaView {
  public:
    explicit SchemaView(const Schema& schema)
    {
        for (const Column& c : schema.columns())
            fields_.push_back({{c.name.c_str(), c.help.c_str(), c.unit.empty() ? nullptr : c.unit.c_str(),
                                c.sql_name.empty() ? nullptr : c.sql_name.c_str(), c.bits.data(), c.element,
                                static_cast<std::uint16_t>(c.bits.size()), static_cast<std::uint8_t>(c.type),
                                static_cast<std::uint8_t>((c.list ? FX_LIST : 0) | (c.optional ? FX_OPTIONAL : 0))},
                               c.offset,
                               c.present_offset});
        view_ = {fields_.data(), fields_.size(), schema.row_size(), 0};
    }
    [[nodiscard]] const fx_schema* get() const { return &view_; }

  private:
    std::vector<fx_field> fields_;
    fx_schema view_{};
};

// A context for the C interface, and everything that it points to.
class ContextView {
  public:
    explicit ContextView(const SinkContext& context) : context_(context), flows_(*context_.flow_schema)
    {
        if (context_.packet_schema)
            packets_.emplace(*context_.packet_schema);
        for (const std::string& line : context_.header_lines)
            lines_.push_back(line.c_str());
        view_.flow_schema = flows_.get();
        view_.packet_schema = packets_ ? packets_->get() : nullptr;
        view_.output_prefix = context_.output_prefix.c_str();
        view_.header_lines = lines_.data();
        view_.header_line_count = lines_.size();
        view_.resume = context_.resume.data();
        view_.resume_count = context_.resume.size();
        view_.boot = context_.boot;
        view_.attached_ns = context_.attached_ns;
        view_.sensor_id = context_.sensor_id;
        view_.rows_to_stdout = context_.rows_to_stdout;
        view_.live = context_.live;
        view_.names = &context_;
        view_.interface_name = [](void* names, std::uint32_t id, char* text, std::size_t size) -> std::size_t {
            const auto& name_of = static_cast<const SinkContext*>(names)->interface_name;
            const std::optional<std::string> name = name_of ? name_of(id) : std::nullopt;
            if (!name)
                return 0;
            name->copy(text, size); // no zero behind it: the size says where it ends
            return name->size();
        };
        view_.has_figures = 1;
        view_.figures = &context_;
        view_.figure = [](void* figures, const char* plugin, const char* name, std::uint64_t* value) -> int {
            const auto& figure_of = static_cast<const SinkContext*>(figures)->figure;
            const std::optional<std::uint64_t> found = figure_of ? figure_of(plugin, name) : std::nullopt;
            *value = found.value_or(0);
            return found.has_value();
        };
        view_.has_end = 1;
        view_.end = &context_;
        view_.end_began = [](void* end) -> std::int64_t {
            const auto& end_began = static_cast<const SinkContext*>(end)->end_began;
            const auto began = end_began ? end_began() : std::nullopt;
            return began ? std::chrono::nanoseconds(began->time_since_epoch()).count() : 0;
        };
    }
    ContextView(const ContextView&) = delete;
    ContextView& operator=(const ContextView&) = delete;
    [[nodiscard]] const fx_sink_context* get() const { return &view_; }

  private:
    SinkContext context_;
    SchemaView flows_;
    std::optional<SchemaView> packets_;
    std::vector<const char*> lines_;
    fx_sink_context view_{};
};

class ModuleSink final : public Sink {
  public:
    ModuleSink(const SinkModule& module, void* instance)
        : handle_(module.handle), sink_(module.descriptor), instance_(instance)
    {
        // The words are SinkCounts' (a static_assert in sink.hpp), and both sides change them as atomics.
        module_counts_ = reinterpret_cast<SinkCounts*>(sink_->counts(instance_));
    }
    ~ModuleSink() override { sink_->destroy(instance_); }

    [[nodiscard]] std::vector<SinkFile> files(const SinkContext& context) const override
    {
        std::vector<SinkFile> files;
        if (!sink_->files)
            return files;
        const fx_sink_files out = {&files, [](void* to, const fx_sink_file* file) {
                                       SinkFile one{file->path, file->pieces != 0, std::nullopt};
                                       if (file->resumable)
                                           one.words = {file->length_word, file->identity_word, file->piece_word};
                                       static_cast<std::vector<SinkFile>*>(to)->push_back(std::move(one));
                                   }};
        const ContextView view(context);
        sink_->files(instance_, view.get(), &out);
        return files;
    }
    Result<void> open(const SinkContext& context) override
    {
        context_ = std::make_unique<ContextView>(context); // kept: its schemas and names are asked for later, too
        return call(sink_->open, context_->get());
    }
    Result<void> write(const Rows& rows) override { return call(sink_->write, &rows.view()); }
    Result<void> write_packets(const Rows& rows) override
    {
        if (sink_->write_packets)
            return call(sink_->write_packets, &rows.view());
        counts().skipped += rows.size();
        return {};
    }
    Result<void> tick(std::int64_t clock_ns) override { return call(sink_->tick, clock_ns); }
    Result<void> flush(bool final) override { return call(sink_->flush, static_cast<int>(final)); }
    Result<void> commit() override { return sink_->commit ? call(sink_->commit) : flush(false); }
    Result<void> reopen() override { return call(sink_->reopen); }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override
    {
        if (!sink_->positions)
            return {};
        std::vector<std::uint64_t> words(sink_->positions(instance_, nullptr, 0));
        if (!words.empty())
            words.resize(std::min(words.size(), sink_->positions(instance_, words.data(), words.size())));
        return words;
    }
    [[nodiscard]] std::vector<std::string> report() const override
    {
        std::vector<std::string> lines;
        const fx_sink_lines out = {
            &lines, [](void* to, const char* text) { static_cast<std::vector<std::string>*>(to)->emplace_back(text); }};
        if (sink_->report)
            sink_->report(instance_, &out);
        return lines;
    }
    [[nodiscard]] SinkCounts& counts() override { return *module_counts_; }

  private:
    template <typename Hook, typename... Arguments>
    Result<void> call(Hook hook, Arguments... arguments)
    {
        char error[1024];
        error[0] = 0;
        if (!hook || hook(instance_, arguments..., error, sizeof error) == 0)
            return {};
        return Error{error};
    }

    std::shared_ptr<void> handle_; // closed last
    const fx_sink* sink_;
    void* instance_;
    SinkCounts* module_counts_;
    std::unique_ptr<ContextView> context_;
};

} // namespace

Result<std::unique_ptr<Sink>> make_sink(const SinkModule& module, const SinkSpec& spec)
{
    const fx_sink& sink = *module.descriptor;
    const auto failed = [&sink](const std::string& reason) {
        return Error{fmt::format("sink '{}': {}", sink.name, reason)};
    };
    auto options = read_options({sink.options, sink.option_count}, spec.options);
    if (!options.ok())
        return failed(options.error().message);
    char error[1024] = "";
    void* instance = sink.create(spec.target.c_str(), options->values.data(), error, sizeof error);
    if (!instance)
        return failed(error);
    return std::unique_ptr<Sink>(std::make_unique<ModuleSink>(module, instance));
}

} // namespace flowxdp
