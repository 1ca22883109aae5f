// SPDX-License-Identifier: BSD-2-Clause
// sink.hpp - the C++ layer that a sink is written with, over sink.h.
//
// A sink is its options (option.hpp), a description, a class and one line:
//     class CsvSink final : public flowxdp::Sink { ... };
//     FLOWXDP_SINK(CsvSink, kDescription)
// where kDescription is a constexpr flowxdp::SinkDescription. The class is made from its target and its options'
// values; what it throws there becomes the start-up error of flowxdp.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flowxdp/option.hpp"
#include "flowxdp/result.hpp"
#include "flowxdp/row_view.hpp"
#include "flowxdp/sink.h"

namespace flowxdp {

// The facts that a sink gets before the first row; sink.h describes them.
struct SinkContext {
    std::shared_ptr<const Schema> flow_schema;
    std::shared_ptr<const Schema> packet_schema; // null without packet mode
    std::string output_prefix;                   // of -w; empty when rows go to stdout
    bool rows_to_stdout = false;
    std::uint32_t sensor_id = 666;
    std::uint64_t boot = 0;
    std::int64_t attached_ns = 0;
    bool live = false;
    // The name of an interface id of row headers, as long as the sink lives. Empty: no names.
    std::function<std::optional<std::string>(std::uint32_t)> interface_name;
    // What a plugin has counted so far: its figure of this name, as long as the sink lives. Nothing: the plugin does
    // not run, or has no such figure. Empty: a flowxdp that hands out none.
    std::function<std::optional<std::uint64_t>(const std::string& plugin, const std::string& name)> figure;
    // When the run began to end; nothing: it goes on. Any thread, as long as the sink lives. A hook that waits for a
    // receiver asks it again and again. Empty: a flowxdp that does not say.
    std::function<std::optional<std::chrono::steady_clock::time_point>()> end_began;
    std::vector<std::string> header_lines; // '#' lines of the headers file, without '# '
    // After a crash: Sink::positions() at the last safe point. Empty or zeros = a fresh start.
    std::vector<std::uint64_t> resume;
};

// fx_sink_counts; read by any thread.
struct SinkCounts {
    std::atomic<std::uint64_t> rows{0};               // accepted
    std::atomic<std::uint64_t> sent{0};               // rows written or sent
    std::atomic<std::uint64_t> retried{0};            // attempts repeated
    std::atomic<std::uint64_t> dropped{0};            // rows given up, of any cause
    std::atomic<std::uint64_t> dropped_queue_full{0}; // of those: the queue was full under policy drop
    std::atomic<std::uint64_t> unread{0};             // rows for a standard output whose reader closed it (head)
    std::atomic<std::uint64_t> skipped{0}; // rows that the format cannot hold (e.g. L2 flows in a v9 exporter)
    std::atomic<std::uint64_t> errors{0};
};
static_assert(sizeof(SinkCounts) == sizeof(fx_sink_counts) && std::atomic<std::uint64_t>::is_always_lock_free);

// The words of positions() that locate a file: its length, its identity and, of a file in pieces, the number of the
// last.
struct PlaceWords {
    std::uint8_t length = 0, identity = 0, piece = 0;
};

// A file that a sink writes.
struct SinkFile {
    std::string path;
    bool pieces = false; // and others with another number at the end
    // Its words in positions(). Nothing: a daemon that takes over writes it anew.
    std::optional<PlaceWords> words = std::nullopt;
};

enum class SinkPolicy : std::uint32_t {
    kBlock = FX_SINK_BLOCK,
    kDrop = FX_SINK_DROP,
};

class Sink {
  public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;

    // Files that the sink will write, asked before open(). "-" is standard output. A socket is no file.
    [[nodiscard]] virtual std::vector<SinkFile> files(const SinkContext& context) const
    {
        (void)context;
        return {};
    }
    // An error here is a start-up error.
    virtual Result<void> open(const SinkContext& context) = 0;
    // Flow rows in the order in which flows end: A, then its B. An error is counted and remembered; the sink goes on.
    virtual Result<void> write(const Rows& rows) = 0;
    // Packet rows in input order; only when the run has packet mode. A format without a place for them skips them.
    virtual Result<void> write_packets(const Rows& rows)
    {
        counts_.skipped += rows.size();
        return {};
    }
    // The packet clock has moved, ns since the epoch. Rows carry their clock themselves (RowHeader::end_clock_ns).
    virtual Result<void> tick(std::int64_t clock_ns)
    {
        (void)clock_ns;
        return {};
    }
    // The queue is empty: send the buffer if it has waited long enough. Also the end of input (final).
    virtual Result<void> flush(bool final)
    {
        (void) final;
        return {};
    }
    // Live: brings every row so far to its destination before the kernel releases the records (sink.h).
    virtual Result<void> commit() { return flush(false); }
    // SIGHUP: ends a file that was renamed (logrotate) and begins a new one by the old name.
    virtual Result<void> reopen() { return {}; }
    // After commit(), live: where open() resumes after a crash. As many words as after open(), at most a handful, 0
    // where an output cannot be resumed. Empty for sinks that cannot resume.
    [[nodiscard]] virtual std::vector<std::uint64_t> positions() const { return {}; }
    // Lines for the end report and for status.
    [[nodiscard]] virtual std::vector<std::string> report() const { return {}; }

    // Any thread.
    [[nodiscard]] virtual SinkCounts& counts() { return counts_; }
    [[nodiscard]] const SinkCounts& counts() const { return const_cast<Sink*>(this)->counts(); }

  protected:
    SinkCounts counts_;
};

// The description of a sink.
struct SinkDescription {
    const char* name; // letters, digits, _; that of its file
    const char* version;
    const char* help;        // one line
    const char* target_help; // what TARGET is, e.g. "PATH" or "udp://HOST:PORT"
    std::span<const fx_option> options = {};
    const char* const* required_columns = nullptr; // NULL after the last
    SinkPolicy policy = SinkPolicy::kBlock;
    std::uint32_t flags = 0; // enum fx_sink_flag
};

// The hooks of a sink class, called through the C descriptor.
template <typename Class>
class SinkInstance {
  public:
    SinkInstance(const char* target, const fx_value* values) : sink_(std::string(target), OptionValues(values)) {}

    static SinkInstance* of(void* instance) { return static_cast<SinkInstance*>(instance); }

    // The context in C++ words.
    [[nodiscard]] static SinkContext context_of(const fx_sink_context& c, std::shared_ptr<const Schema> flows,
                                                std::shared_ptr<const Schema> packets)
    {
        SinkContext context;
        context.flow_schema = std::move(flows);
        context.packet_schema = std::move(packets);
        context.output_prefix = c.output_prefix;
        context.rows_to_stdout = c.rows_to_stdout != 0;
        context.sensor_id = c.sensor_id;
        context.boot = c.boot;
        context.attached_ns = c.attached_ns;
        context.live = c.live != 0;
        if (c.interface_name)
            context.interface_name = [name = c.interface_name,
                                      names = c.names](std::uint32_t id) -> std::optional<std::string> {
                std::string text(256, '\0');
                const std::size_t n = name(names, id, text.data(), text.size());
                text.resize(std::min(n, text.size()));
                return n ? std::optional(text) : std::nullopt;
            };
        if (c.has_figures)
            context.figure = [find = c.figure, figures = c.figures](
                                 const std::string& plugin, const std::string& name) -> std::optional<std::uint64_t> {
                std::uint64_t value = 0;
                return find(figures, plugin.c_str(), name.c_str(), &value) ? std::optional(value) : std::nullopt;
            };
        if (c.has_end)
            context.end_began = [began = c.end_began,
                                 end = c.end]() -> std::optional<std::chrono::steady_clock::time_point> {
                const std::int64_t ns = began(end);
                using Clock = std::chrono::steady_clock;
                return ns ? std::optional(Clock::time_point(std::chrono::nanoseconds(ns))) : std::nullopt;
            };
        context.header_lines.assign(c.header_lines, c.header_lines + c.header_line_count);
        context.resume.assign(c.resume, c.resume + c.resume_count);
        return context;
    }
    // Remembers the schemas that rows come with.
    void learn(const fx_sink_context& c)
    {
        flows_ = std::make_shared<const Schema>(*c.flow_schema);
        packets_ = c.packet_schema ? std::make_shared<const Schema>(*c.packet_schema) : nullptr;
    }
    // Runs a hook; an error, or what it throws, becomes the sentence of the C interface.
    template <typename Hook>
    static int run(char* error, std::size_t size, Hook hook)
    {
        try {
            const Result<void> done = hook();
            if (done.ok())
                return 0;
            std::snprintf(error, size, "%s", done.error().message.c_str());
        } catch (const std::exception& e) {
            std::snprintf(error, size, "%s", e.what());
        }
        return -1;
    }

    Class sink_;
    std::shared_ptr<const Schema> flows_, packets_;
};

// Makes the C descriptor of a sink class. Class has a constructor (const std::string& target, const OptionValues&).
template <typename Class>
const fx_sink* make_sink_descriptor(const SinkDescription& d)
{
    using Instance = SinkInstance<Class>;
    static fx_sink sink;
    sink = fx_sink{
        FX_SINK_API_VERSION,
        sizeof(fx_sink),
        d.flags,
        static_cast<std::uint32_t>(d.policy),
        d.name,
        d.version,
        d.help,
        d.target_help,
        d.options.data(),
        d.options.size(),
        d.required_columns,
        [](const char* target, const fx_value* values, char* error, std::size_t size) -> void* {
            try {
                return new Instance(target, values);
            } catch (const std::exception& e) {
                std::snprintf(error, size, "%s", e.what());
                return nullptr;
            }
        },
        [](void* p) { delete Instance::of(p); },
        [](void* p) { return reinterpret_cast<fx_sink_counts*>(&static_cast<Sink&>(Instance::of(p)->sink_).counts()); },
        [](void* p, const fx_sink_context* c, const fx_sink_files* out) {
            const auto packets = c->packet_schema ? std::make_shared<const Schema>(*c->packet_schema) : nullptr;
            const SinkContext context =
                Instance::context_of(*c, std::make_shared<const Schema>(*c->flow_schema), packets);
            for (const SinkFile& file : Instance::of(p)->sink_.files(context)) {
                const PlaceWords words = file.words.value_or(PlaceWords{});
                const fx_sink_file one = {file.path.c_str(), file.pieces,    file.words.has_value(),
                                          words.length,      words.identity, words.piece};
                out->file(out->context, &one);
            }
        },
        [](void* p, const fx_sink_context* c, char* error, std::size_t size) {
            return Instance::run(error, size, [&] {
                Instance* i = Instance::of(p);
                i->learn(*c);
                return i->sink_.open(Instance::context_of(*c, i->flows_, i->packets_));
            });
        },
        [](void* p, const fx_rows* rows, char* error, std::size_t size) {
            Instance* i = Instance::of(p);
            return Instance::run(error, size, [&] { return i->sink_.write(Rows(i->flows_.get(), *rows)); });
        },
        [](void* p, const fx_rows* rows, char* error, std::size_t size) {
            Instance* i = Instance::of(p);
            return Instance::run(error, size, [&] { return i->sink_.write_packets(Rows(i->packets_.get(), *rows)); });
        },
        [](void* p, std::int64_t clock_ns, char* error, std::size_t size) {
            return Instance::run(error, size, [&] { return Instance::of(p)->sink_.tick(clock_ns); });
        },
        [](void* p, int final, char* error, std::size_t size) {
            return Instance::run(error, size, [&] { return Instance::of(p)->sink_.flush(final != 0); });
        },
        [](void* p, char* error, std::size_t size) {
            return Instance::run(error, size, [&] { return Instance::of(p)->sink_.commit(); });
        },
        [](void* p, char* error, std::size_t size) {
            return Instance::run(error, size, [&] { return Instance::of(p)->sink_.reopen(); });
        },
        [](void* p, std::uint64_t* words, std::size_t room) {
            const std::vector<std::uint64_t> all = Instance::of(p)->sink_.positions();
            for (std::size_t i = 0; i < all.size() && i < room; i++)
                words[i] = all[i];
            return all.size();
        },
        [](void* p, const fx_sink_lines* out) {
            for (const std::string& line : Instance::of(p)->sink_.report())
                out->line(out->context, line.c_str());
        },
    };
    return &sink;
}

} // namespace flowxdp

#define FLOWXDP_SINK(Class, description)                                                                               \
    FX_SINK_INTERFACE(FX_SINK_API_VERSION, sizeof(fx_sink), (description).flags);                                      \
    extern "C" const fx_sink* flowxdp_sink()                                                                           \
    {                                                                                                                  \
        return flowxdp::make_sink_descriptor<Class>(description);                                                      \
    }
