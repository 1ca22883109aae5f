// SPDX-License-Identifier: BSD-2-Clause
// The hostile owner: whoever owns the pins of a sensor writes into them what he likes, and status, top, detach --export
// and a take-over read it. They run here as they are, over a kernel that this test plays (fake_kernel.h).
//
// Nothing crashes (sanitizers say more: preset asan), no file but the run's own is written, no process signalled, and
// nothing that a terminal would obey is printed.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include "cli/attach_command.h"
#include "cli/detach_command.h"
#include "cli/live_options.h"
#include "cli/run_setup.h"
#include "cli/status_command.h"
#include "cli/top_command.h"
#include "core/printable.h"
#include "core/unique_fd.h"
#include "flowxdp/cpu_counts.h"
#include "flowxdp/evict.h"
#include "flowxdp/journal.h"
#include "flowxdp/program_role.h"
#include "kernel/privileges.h"
#include "link/link_header.h"
#include "live/live_sensor.h"
#include "support/temp_folder.h"
#include "trust/fake_kernel.h"
#include "trust/hostile_records.h"

namespace flowxdp {
namespace {

using test::Chance;
using test::FakeKernel;

// Tries of whole commands, and of what they begin with; hostile_record_test has 20,000 more of records and rings alone.
constexpr int kLooks = 800, kExports = 120, kRecalls = 3000, kTakeOvers = 60, kStops = 20;
constexpr std::uint32_t kRing = 1u << 14;
constexpr unsigned kFlows = 6;
constexpr const char* kInterface = "lo";

// The value of the "state" map: its layout is sensor_state.cpp's own.
struct StatePage {
    std::uint64_t generation;
    SensorStateRecord slot[2];
};

// The pins of one sensor, as files whose bytes their owner writes.
class Pins {
  public:
    explicit Pins(std::string root) : root_(std::move(root)), page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE)))
    {
        cpus_ = static_cast<std::size_t>(libbpf_num_possible_cpus());
        FakeKernel::says() = {kRecord, 16, kRing, 64, 0};
    }

    // A sensor's record in this test: core and slots, unless a run asks for its own size.
    static constexpr std::uint32_t kRecord = 512;

    std::uint32_t record_size = kRecord;
    StatePage state{};
    struct journal safe {};
    evict_request request{};
    std::array<evict_slot, kFlows> out{};
    struct Entry {
        std::array<std::uint8_t, FLOW_RECORD_MAX> record;
    };
    std::array<Entry, kFlows> flows{};
    std::uint64_t free_slots = 0;
    std::vector<cpu_counts> counts;
    std::vector<std::uint8_t> ring; // consumer's page, producer's page, the data once
    std::string filter;

    // What a daemon that was killed might have left.
    void make_valid(Chance* chance)
    {
        const RecordBounds bounds = {record_size, sizeof(packet_record), false};
        SensorStateRecord& record = state.slot[0];
        std::memset(static_cast<void*>(&state), 0, sizeof state);
        record.version = kSensorStateVersion;
        record.pid = 1;
        record.interface_index = FakeKernel::says().link_index;
        record.network_namespace = own_network_namespace();
        record.sinks_in_all = 2;
        record.attached_ns = record.daemon_started_ns = 1'700'000'000'000'000'000;
        record.updated_boot_ns = record.round_boot_ns = 1'000'000'000;
        record.idle_timeout_ms = 182000;
        record.link_type = kLinkTypeEthernet;
        record.record_size = record_size;
        set_text(record.interface, kInterface);
        set_text(record.mode, "generic");
        set_text(record.program, "0.1.0");
        static const Bundle bundle = load_bundle(FLOWXDP_LIBRARY_FOLDER);
        set_text(record.bundle, bundle.folder);
        record.layout_id = bundle.descriptor->layout_id;
        set_text(record.plugins, "basic_flow,basic_stats,tcp_states,tcp_win");
        set_text(record.plugin_options, "tcp_win:threshold=2\n");
        set_text(record.tunnels, "vxlan=4789 ip");
        set_text(record.sinks[0].label, "text");
        set_text(record.sinks[1].label, "json:/x");
        set_text(record.sinks[1].last_error, "No space left on device");
        record.sinks[1].queued_bytes = 10;
        state.slot[1] = record;

        std::memset(static_cast<void*>(&safe), 0, sizeof safe);
        safe.slot[0].packets = safe.slot[0].flows = 3;
        safe.slot[0].stamp_ns = 5;
        safe.slot[0].evict_sequence = 4;
        safe.slot[1] = safe.slot[0];
        request = {1000, EVICT_DUE, kFlows, 5, 5, kFlows, 0};
        for (evict_slot& slot : out) {
            test::make_record(chance, bounds, &slot.ended);
            slot.outcome = EVICT_RECORD;
        }
        for (Entry& entry : flows) {
            evict_slot slot{};
            test::make_record(chance, bounds, &slot.ended);
            slot.ended.record.state = FLOW_STATE_BORN;
            slot.ended.record.flow_id = 1 + chance->below(1000);
            std::memcpy(entry.record.data(), &slot.ended.record, record_size);
        }
        free_slots = 0xffff & ~((1u << kFlows) - 1);
        counts.assign(cpus_ * PROGRAM_ROLES, {});
        counts[0].counter[COUNTER_PACKETS_SEEN] = 100;
        counts[0].counter[COUNTER_FLOWS_STARTED] = kFlows;
        ring.assign(2 * page_ + kRing, 0);
        std::uint64_t at = 0;
        for (int i = 0; i < 4; i++) {
            evict_slot slot{};
            test::make_record(chance, bounds, &slot.ended);
            const std::uint32_t head[2] = {slot.ended.header.size, 0};
            std::memcpy(ring.data() + 2 * page_ + at, head, sizeof head);
            std::memcpy(ring.data() + 2 * page_ + at + sizeof head, &slot.ended, slot.ended.header.size);
            at += sizeof head + slot.ended.header.size;
        }
        std::memcpy(ring.data() + page_, &at, sizeof at);
        filter = "";
    }

    // Everything at random in one map, or one to three fields of any.
    void damage(Chance* chance, const std::string& foreign)
    {
        const std::vector<std::pair<void*, std::size_t>> maps = {
            {&state, sizeof state},
            {&safe, sizeof safe},
            {&request, sizeof request},
            {out.data(), sizeof out},
            {flows.data(), sizeof flows},
            {&free_slots, sizeof free_slots},
            {counts.data(), counts.size() * sizeof(cpu_counts)},
            {ring.data(), ring.size()},
        };
        if (chance->below(3) == 0) {
            const auto& [at, bytes] = maps[chance->below(maps.size())];
            chance->fill(at, bytes);
            if (at == &state && chance->below(4))
                state.slot[0].version = state.slot[1].version = kSensorStateVersion; // else nobody looks further
            return;
        }
        for (std::uint64_t n = 1 + chance->below(3); n > 0; n--) {
            if (chance->below(3) == 0) {
                damage_text(chance, foreign);
            } else {
                const auto& [at, bytes] = maps[chance->below(maps.size())];
                chance->damage_one(at, bytes);
            }
        }
        state.slot[1] = state.slot[0];
        if (chance->below(8) == 0)
            filter = hostile_text(chance, foreign);
    }

    // Writes them below the folder of an interface, as they are now.
    void write(const std::string& interface_folder, const std::string& id)
    {
        namespace fs = std::filesystem;
        const std::string wanted = root_ + "/bpf/flowxdp/" + interface_folder + "/" + id;
        if (folder_ != wanted || !fs::exists(wanted + "/state")) {
            fs::remove_all(root_ + "/bpf");
            fs::create_directories(wanted);
            files_.clear();
            folder_ = wanted;
        }
        FakeKernel::says().record_size = record_size;
        FakeKernel::says().filter_bytes = static_cast<std::uint32_t>(filter.size() + 1);
        put("state", &state, sizeof state);
        put("journal", &safe, sizeof safe);
        put("evict_request", &request, sizeof request);
        put("evict_out", out.data(), sizeof out, sizeof(evict_slot) * EVICT_SLOTS);
        put("evict_keys", nullptr, 0, sizeof(flow_key) * EVICT_SLOTS);
        // Records in the first slots; files are as long as the kernel's arrays, as a mapping needs.
        std::vector<std::uint8_t> table(FakeKernel::says().capacity * record_stride(record_size));
        for (std::size_t i = 0; i < flows.size(); i++)
            std::memcpy(table.data() + i * record_stride(record_size), flows[i].record.data(), record_size);
        put("records", table.data(), table.size());
        put("free_slots", &free_slots, sizeof free_slots);
        put("flows", nullptr, 0, 1);
        put("front", nullptr, 0, 1);
        put("counts", counts.data(), counts.size() * sizeof(cpu_counts));
        put("ring", ring.data(), ring.size(), 0);
        put_at("ring", ring.data() + 2 * page_, kRing, 2 * page_ + kRing);
        put("filter_text", filter.c_str(), filter.size() + 1);
        for (const char* name : {"fragments", "sensor", "flowxdp_ingress", "flowxdp_evict", "link"})
            put(name, nullptr, 0, 1);
    }
    // Only what is in the state, where write() has been.
    void write_state() { put("state", &state, sizeof state); }

  private:
    void put(const std::string& name, const void* bytes, std::size_t size, std::size_t file_size = 0)
    {
        UniqueFd& file = files_[name];
        if (!file)
            file = UniqueFd(open((folder_ + "/" + name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (!file || ftruncate(file.get(), static_cast<off_t>(std::max(size, file_size))))
            throw std::runtime_error("cannot write " + name);
        put_at(name, bytes, size, 0);
    }
    void put_at(const std::string& name, const void* bytes, std::size_t size, std::size_t at)
    {
        if (size && pwrite(files_[name].get(), bytes, size, static_cast<off_t>(at)) != static_cast<ssize_t>(size))
            throw std::runtime_error("cannot write " + name);
    }

    static std::string hostile_text(Chance* chance, const std::string& foreign)
    {
        const std::string texts[] = {"\x1b[2J\x1b]0;owned\x07",
                                     "a\nb\rc\td",
                                     std::string(3000, 'x'),
                                     std::string(2046, ' ') + "\xc3\xa9",
                                     foreign + "/canary",
                                     "../../../etc/passwd",
                                     "%s%n{}{:>99}",
                                     "\xe2\x80\xae\xff\xfe",
                                     ",,,:::===\n\n",
                                     "basic_flow,nothing",
                                     "tcp_win:threshold=99999999999999999999",
                                     "vxlan=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17 geneve=none ip=5",
                                     ""};
        return texts[chance->below(std::size(texts))];
    }
    template <std::size_t kSize>
    static void hostile_field(Chance* chance, const std::string& foreign, char (&field)[kSize])
    {
        switch (chance->below(3)) {
        case 0:
            chance->fill(field, kSize);
            break;
        case 1: // no end
            std::memset(field, 'A', kSize);
            break;
        default:
            set_text(field, hostile_text(chance, foreign));
        }
    }
    void damage_text(Chance* chance, const std::string& foreign)
    {
        SensorStateRecord& r = state.slot[0];
        switch (chance->below(14)) {
        case 10: // what is to be cut back
        case 11:
            r.files[0].output = chance->below(2) ? safe.slot[0].output[0] : chance->word();
            r.files[0].pieces = static_cast<std::uint8_t>(chance->below(3));
            chance->fill(&r.files[0].words, sizeof r.files[0].words);
            return hostile_field(chance, "/none", r.files[0].path);
        case 12:
            return hostile_field(chance, foreign, r.bundle);
        case 13:
            r.key_beside = static_cast<std::uint32_t>(chance->word());
            r.extracted = static_cast<std::uint32_t>(chance->word());
            return;
        case 0:
            return hostile_field(chance, foreign, r.interface);
        case 1:
            return hostile_field(chance, foreign, r.mode);
        case 2:
            return hostile_field(chance, foreign, r.program);
        case 3:
            return hostile_field(chance, foreign, r.plugins);
        case 4:
            return hostile_field(chance, foreign, r.plugin_options);
        case 5:
            return hostile_field(chance, foreign, r.tunnels);
        case 6:
            return hostile_field(chance, foreign, r.output);
        case 7:
            return hostile_field(chance, foreign, r.capture);
        case 8:
            return hostile_field(chance, foreign, r.sinks[chance->below(kStateSinks)].label);
        default:
            return hostile_field(chance, foreign, r.sinks[chance->below(kStateSinks)].last_error);
        }
    }

    std::string root_, folder_;
    std::size_t page_, cpus_ = 1;
    std::map<std::string, UniqueFd> files_;
};

// What the process prints, looked at after each try.
class Printed {
  public:
    explicit Printed(const std::string& file) : fd_(open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600))
    {
        dup2(fd_.get(), 1);
        dup2(fd_.get(), 2);
    }
    // All of it, and begins anew.
    std::string take()
    {
        std::fflush(stdout);
        struct stat s {};
        fstat(fd_.get(), &s);
        std::string text(static_cast<std::size_t>(s.st_size), 0);
        if (pread(fd_.get(), text.data(), text.size(), 0) != s.st_size || ftruncate(fd_.get(), 0))
            throw std::runtime_error("cannot read back what was printed");
        return text;
    }

  private:
    UniqueFd fd_;
};

// Empty: lines of text, and nothing else.
std::string not_text(const std::string& text, bool tabs = false)
{
    std::string lines = printable_lines(text);
    if (tabs)
        for (std::size_t at = lines.find("\\t"); at != std::string::npos; at = lines.find("\\t", at))
            lines.replace(at, 2, "\t");
    if (lines == text)
        return "";
    std::size_t at = 0;
    while (at < text.size() && at < lines.size() && text[at] == lines[at])
        at++;
    return fmt::format("at byte {}: '{}'", at, printable(text.substr(at > 40 ? at - 40 : 0, 80)));
}

struct Child {
    std::string root, foreign;
    Printed* printed;
    std::vector<std::string> problems;

    void say(int number, const std::string& problem) { problems.push_back(fmt::format("try {}: {}", number, problem)); }
    void look(int number)
    {
        for (const std::string& violation : FakeKernel::take_violations())
            say(number, violation);
        const std::string text = printed->take();
        if (const std::string problem = not_text(text); !problem.empty())
            say(number, "printed, " + problem);
        if (text.find("VIOLATION ") != std::string::npos)
            say(number, text);
        last = text;
    }
    std::string last; // what was printed
};

// Runs it in a process of its own, with the fake kernel; the problems that it found, empty for none. Throws what makes
// the test skip.
struct Skipped {
    std::string why;
};
std::string in_child(const std::function<void(Child*)>& body)
{
    const test::TempFolder folder;
    const std::string root = folder / "run", foreign = folder / "foreign";
    for (const char* below : {"bpf", "out", "cwd"})
        std::filesystem::create_directories(root + "/" + below);
    std::filesystem::create_directories(foreign);
    std::ofstream(foreign + "/canary") << "untouched";
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid == 0) {
        Printed printed(root + "/printed");
        Child child = {root, foreign, &printed, {}, ""};
        int code = 0;
        try {
            std::filesystem::current_path(root + "/cwd");
            if (const std::string why = FakeKernel::start(root, foreign); !why.empty()) {
                std::ofstream(root + "/skip") << why;
                _exit(0);
            }
            body(&child);
            if (!FakeKernel::served())
                child.problems.emplace_back("no system call was watched");
        } catch (const std::exception& error) {
            child.problems.push_back(std::string("thrown: ") + error.what());
        }
        std::ofstream report(root + "/problems");
        for (std::size_t i = 0; i < child.problems.size() && i < 20; i++)
            report << printable(child.problems[i]) << "\n";
        report.close();
        std::fflush(nullptr);
        code = child.problems.empty() ? 0 : 3;
        _exit(code);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (std::filesystem::exists(root + "/skip"))
        throw Skipped{test::read_file(root + "/skip")};
    if (test::read_file(foreign + "/canary") != "untouched")
        return "a foreign file was changed";
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return "";
    std::string text = WIFSIGNALED(status) ? fmt::format("ended by signal {}\n", WTERMSIG(status))
                                           : fmt::format("exit code {}\n", WEXITSTATUS(status));
    text += std::filesystem::exists(root + "/problems") ? test::read_file(root + "/problems")
                                                        : test::read_file(root + "/printed");
    return text;
}

#define EXPECT_NO_PROBLEMS(body)                                                                                       \
    try {                                                                                                              \
        EXPECT_EQ(in_child(body), "");                                                                                 \
    } catch (const Skipped& skipped) {                                                                                 \
        GTEST_SKIP() << skipped.why;                                                                                   \
    }

// What the commands' main() does with an error.
void print_errors(const std::function<void()>& command)
{
    try {
        command();
    } catch (const StartupError& error) {
        std::fprintf(stderr, "flowxdp: %s\n", printable_lines(error.what()).c_str());
    }
}

TEST(HostileOwner, StatusAndTop)
{
    EXPECT_NO_PROBLEMS([](Child* child) {
        Chance chance;
        Pins pins(child->root);
        int shown = 0;
        for (int i = 0; i < kLooks && child->problems.size() < 5; i++) {
            FakeKernel::says().link_index = chance.below(4) ? 0 : static_cast<std::uint32_t>(chance.word());
            pins.make_valid(&chance);
            if (i)
                pins.damage(&chance, child->foreign);
            pins.write("fxt0", "0123456789abcdef");
            print_errors([&] {
                if (i % 2 == 0)
                    run_status_command({{}, i % 4 == 0, i % 3 == 0});
                else
                    run_top_command({{}, "rate", 0, 0, true, true, i % 3 == 0});
            });
            child->look(i);
            shown += child->last.find("fxt0") != std::string::npos;
            if (i == 0 && (child->last.find("tcp_states") == std::string::npos ||
                           child->last.find("No space left") == std::string::npos))
                child->say(i, "a sound sensor is not shown: " + child->last);
        }
        if (shown < kLooks / 2)
            child->say(kLooks, fmt::format("only {} of the sensors were shown", shown));
    });
}

// What of a state becomes options, alone.
TEST(HostileOwner, RecalledOptionsAndJournalEntries)
{
    EXPECT_NO_PROBLEMS([](Child* child) {
        Chance chance;
        Pins pins(child->root);
        for (int i = 0; i < kRecalls && child->problems.size() < 5; i++) {
            if (i % 20 == 0)
                pins.make_valid(&chance); // a little damage, then more and more
            pins.damage(&chance, child->foreign);
            if (i == 0)
                pins.write("fxt0", "0123456789abcdef");
            else
                pins.write_state();
            const auto state = read_sensor_state("/sys/fs/bpf/flowxdp/fxt0/0123456789abcdef");
            if (!state)
                continue;
            RunOptions run;
            print_errors([&] { recall_options(*state, &run); });
            for (const auto& [id, words] : resume_points(make_readable(pins.safe.slot[pins.safe.generation & 1])))
                if (!id || words.size() > JOURNAL_WORDS)
                    child->say(i, "an output of the journal is longer than the journal");
            child->look(i);
        }
    });
}

// The options that a run of this state would have, and the name that its folder must have.
struct Recalled {
    std::string id;
    std::uint32_t record_size = 0;
    std::vector<std::uint64_t> outputs;
};
Recalled recall(const Pins& pins, const RunOptions& given, std::uint32_t link_type, const std::string& filter_text,
                bool recalls)
{
    Recalled recalled;
    SensorStateRecord state = pins.state.slot[pins.state.generation & 1];
    if (state.version == kSensorStateVersion)
        make_readable(&state);
    RunOptions run = given;
    Log log(LogLevel::kError);
    try {
        if (state.version == kSensorStateVersion && recalls)
            recall_options(state, &run);
        run.filter = filter_text;
        const SensorFilters filters = {compile_frame_filter(run.filter, link_type, "fxt0"), {}};
        RunSetup setup(run, RunInput{"fxt0", {}}, "test", RunKind::kLive, &log);
        const RunPlan plan = setup.plan();
        LiveSensorOptions options = live_sensor_options(run, filters, plan);
        const frame_meta start = link_start(link_type);
        options.object.start_kind = start.start_kind;
        options.object.link_header = start.link_headers[0];
        recalled.id = fmt::format("{:016x}", sensor_id(options, {}));
        recalled.record_size = plan.flow.record_size;
        recalled.outputs = plan.output_ids;
    } catch (const StartupError&) {
        // Options that no run can have: the folder's name does not matter.
    }
    return recalled;
}

void expect_clean_files(Child* child, int number)
{
    for (const auto& file : std::filesystem::directory_iterator(child->root + "/out")) {
        const std::string name = file.path().filename();
        if (name.ends_with(".txt") || name.ends_with(".json"))
            if (const std::string problem = not_text(test::read_file(file.path()), true); !problem.empty())
                child->say(number, name + ", " + problem);
        std::filesystem::remove(file.path());
    }
}

// One damaged sensor after the other, each under the name that its own options ask for.
void damaged_sensors(Child* child, int tries, const char* interface, std::uint32_t index, const RunOptions& run,
                     const std::function<void()>& command)
{
    const bool attaches = index != 0;
    Chance chance;
    Pins pins(child->root);
    int exported = 0;
    FakeKernel::says().link_index = index;
    for (int i = 0; i < tries && child->problems.size() < 5; i++) {
        pins.record_size = Pins::kRecord;
        pins.make_valid(&chance);
        if (i)
            pins.damage(&chance, child->foreign);
        const SensorStateRecord& state = pins.state.slot[pins.state.generation & 1];
        const Recalled recalled = attaches ? recall(pins, run, kLinkTypeEthernet, "", false)
                                           : recall(pins, run, state.link_type, pins.filter, true);
        pins.counts[0].counter[COUNTER_PACKETS_SEEN] |= 1; // one packet is what an attach waits for here
        if (recalled.record_size) {
            pins.record_size = recalled.record_size;
            // Half of the journals name the run's outputs: where to go on is then somebody's word.
            if (i && chance.below(2))
                for (journal_slot& slot : pins.safe.slot) {
                    ResumePoints points;
                    for (const std::uint64_t id : recalled.outputs)
                        for (std::uint64_t words = chance.below(6); words > 0; words--)
                            points[id].push_back(chance.below(2) ? chance.word() : chance.below(100));
                    set_resume_points(points, &slot);
                }
            for (auto& entry : pins.flows)
                reinterpret_cast<flow_record*>(entry.record.data())->state = FLOW_STATE_BORN;
            for (evict_slot& slot : pins.out)
                if (slot.ended.header.size == offsetof(ended_record, record) + Pins::kRecord)
                    slot.ended.header.size = static_cast<__u32>(offsetof(ended_record, record)) + pins.record_size;
        }
        FakeKernel::expect_refused(std::string(state.capture, strnlen(state.capture, sizeof state.capture)));
        pins.write(interface, recalled.id.empty() ? "0123456789abcdef" : recalled.id);
        child->printed->take();
        FakeKernel::take_violations();
        print_errors(command);
        child->look(i);
        exported += child->last.find("took over") != std::string::npos;
        if (i == 0 && !exported)
            child->say(i, "a sound sensor was not taken over: " + child->last);
        expect_clean_files(child, i);
    }
    if (exported < tries / 3)
        child->say(tries, fmt::format("only {} of the sensors were taken over; the last: {}", exported, child->last));
}

TEST(HostileOwner, DetachExport)
{
    EXPECT_NO_PROBLEMS([](Child* child) {
        DetachOptions options;
        options.export_flows = true;
        options.interfaces = {"fxt0"};
        options.run.write_prefix = child->root + "/out/run";
        options.run.sinks.push_back(SinkSpec{"json", child->root + "/out/run.json", {}});
        damaged_sensors(child, kExports, "fxt0", 0, options.run, [&] {
            Log log(LogLevel::kInformation);
            run_detach_command(options, "flowxdp detach --export", &log);
        });
    });
}

TEST(HostileOwner, TakeOver)
{
    if (const std::string missing = missing_sensor_capabilities(); !missing.empty())
        GTEST_SKIP() << "needs capabilities: " << missing;
    EXPECT_NO_PROBLEMS([](Child* child) {
        AttachOptions options;
        options.interfaces = {kInterface};
        options.direction = DirectionWish::kIngress;
        options.run.max_packets = 1;
        options.run.write_prefix = child->root + "/out/run";
        options.run.sinks.push_back(SinkSpec{"json", child->root + "/out/run.json", {}});
        // An attach gives its rights away for good: each one is a process.
        damaged_sensors(child, kTakeOvers, kInterface, if_nametoindex(kInterface), options.run, [&] {
            std::fflush(nullptr);
            const pid_t attach = fork();
            if (attach == 0) {
                FakeKernel::forked();
                print_errors([&] {
                    Log log(LogLevel::kInformation);
                    run_attach_command(options, "flowxdp attach", &log);
                });
                for (const std::string& violation : FakeKernel::take_violations())
                    std::fprintf(stderr, "VIOLATION %s\n", violation.c_str());
                std::fflush(nullptr);
                _exit(0);
            }
            int status = 0;
            while (waitpid(attach, &status, 0) < 0 && errno == EINTR)
                ;
            if (status)
                std::fprintf(stderr, "VIOLATION status %d\n", status);
        });
    });
}

// The owner's process holds the lock of the folder, the state names another one: this test's own parent, or any.
TEST(HostileOwner, OnlyTheProcessThatHasLockedTheFolderIsStopped)
{
    EXPECT_NO_PROBLEMS([](Child* child) {
        Chance chance;
        Pins pins(child->root);
        for (int i = 0; i < kStops && child->problems.size() < 5; i++) {
            pins.make_valid(&chance);
            pins.state.slot[0].pid = pins.state.slot[1].pid =
                chance.below(2) ? static_cast<std::uint32_t>(getppid()) : static_cast<std::uint32_t>(chance.word());
            pins.write("fxt0", "0123456789abcdef");
            int ready[2];
            if (pipe(ready))
                throw std::runtime_error("pipe");
            const pid_t daemon = fork();
            if (daemon == 0) {
                const int folder = open(("/sys/fs/bpf/flowxdp/fxt0/0123456789abcdef"), O_RDONLY | O_DIRECTORY);
                const char done = flock(folder, LOCK_EX | LOCK_NB) ? 'n' : 'y';
                if (write(ready[1], &done, 1) == 1)
                    for (;;)
                        pause();
                _exit(1);
            }
            char locked = 0;
            if (read(ready[0], &locked, 1) != 1 || locked != 'y')
                child->say(i, "the folder cannot be locked");
            close(ready[0]);
            close(ready[1]);
            FakeKernel::may_signal(daemon);
            print_errors([] {
                DetachOptions options;
                options.interfaces = {"fxt0"};
                Log log(LogLevel::kInformation);
                run_detach_command(options, "flowxdp detach", &log);
            });
            child->look(i);
            if (child->last.find(fmt::format("daemon {} stopped", daemon)) == std::string::npos)
                child->say(i, "the daemon was not stopped: " + child->last);
            kill(daemon, SIGKILL); // by now it is a zombie, unless the test has failed
            int status = 0;
            waitpid(daemon, &status, 0);
            if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM)
                child->say(i, "the daemon did not end by SIGTERM");
            FakeKernel::may_signal(0);
            FakeKernel::take_violations();
        }
    });
}

} // namespace
} // namespace flowxdp
