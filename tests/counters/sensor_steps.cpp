// SPDX-License-Identifier: BSD-2-Clause
// sensor_steps OPTION... < STEPS: the shipped BPF object takes the steps of a script, a line each; at the end what it
// counted comes out as one JSON object. counters_test.py writes the scripts and says what they must count.
//
//   run TS WIRE CAPTURED HEX   a frame at packet time TS (ns), with the lengths that it is said to have
//   leave SEGMENT HEX          a buffer that leaves, for segments of so many bytes; 0: as it is
//   drain                      what the ring holds is read and freed
//   evict due|early|all CLOCK  as the daemon does it
//   set WORD VALUE             in all records (flow_lock, flow_state), the slot that the table's front names for each
//                              flow in it (front), fragment slots (fragment_lock), or the order (turn)
//   damage outbox|ring         somebody else writes into what a killed daemon left there, then another one reads it
//
// At the end the ring is read and every flow leaves. Exit code 77: no right to load BPF programs.
#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "bpf/sensor_bench.h"
#include "capture/filter.h"
#include "flowxdp/evict.h"
#include "flowxdp/fragment.h"
#include "flowxdp/journal.h"
#include "flowxdp/program_role.h"
#include "flowxdp/record_slots.h"

namespace flowxdp::test {
namespace {

std::uint64_t number(std::string_view text)
{
    std::uint64_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc() || end != text.data() + text.size())
        throw std::runtime_error("not a number: " + std::string(text));
    return n;
}

std::vector<std::uint8_t> bytes_of(const std::string& hex)
{
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
    return bytes;
}

BenchSetup read_options(const std::vector<std::string>& words)
{
    BenchSetup setup;
    for (const std::string& word : words) {
        const std::size_t equals = word.find('=');
        const std::string name = word.substr(0, equals);
        const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
        const auto count = [&] { return static_cast<std::uint32_t>(number(value)); };
        if (name == "plugin")
            setup.plugins.push_back(value);
        else if (name == "lib")
            setup.library = value;
        else if (name == "packet_mode")
            setup.packet_mode = true;
        else if (name == "extraction")
            setup.extraction = true;
        else if (name == "egress")
            setup.egress = true;
        else if (name == "live_clock")
            setup.use_metadata = false;
        else if (name == "max_flows")
            setup.max_flows = count();
        else if (name == "ring")
            setup.ring_bytes = count();
        else if (name == "active_timeout")
            setup.active_timeout_ns = static_cast<std::int64_t>(number(value)) * kSecond;
        else if (name == "frame_max")
            setup.frame_max = count();
        else if (name == "longest_frame")
            setup.longest_frame = count();
        else if (name == "filter")
            setup.filter = {value, compile_filter_program(value, kLinkTypeEthernet).take()};
        else
            throw std::runtime_error("no such option: " + word);
    }
    return setup;
}

class Steps {
  public:
    explicit Steps(const BenchSetup& setup) : setup_(setup), bench_(setup) {}

    void take(const std::string& line)
    {
        std::istringstream in(line);
        std::string step, one, two;
        in >> step;
        if (step == "run") {
            std::string wire, captured, hex;
            in >> one >> wire >> captured >> hex;
            clock_ns_ = static_cast<std::int64_t>(number(one));
            bench_.run(bytes_of(hex), clock_ns_, static_cast<std::uint32_t>(number(wire)),
                       static_cast<std::uint32_t>(number(captured)));
        } else if (step == "leave") {
            in >> one >> two;
            __sk_buff context{};
            context.gso_size = static_cast<__u32>(number(one));
            if (run_buffer(bench_.sensor->egress_fd(), bytes_of(two), context) != std::optional(-1)) // TC_ACT_UNSPEC
                throw std::runtime_error("the kernel did not run the buffer: " + line);
        } else if (step == "drain") {
            tally(bench_.drain());
        } else if (step == "evict") {
            in >> one >> two;
            const evict_mode mode = one == "due" ? EVICT_DUE : one == "early" ? EVICT_EARLY : EVICT_ALL;
            tally(bench_.evict(mode, static_cast<std::int64_t>(number(two))));
        } else if (step == "set") {
            in >> one >> two;
            set(one, static_cast<std::uint32_t>(number(two)));
        } else if (step == "damage") {
            in >> one;
            if (one == "outbox")
                damage_outbox();
            else
                damage_ring();
        } else {
            throw std::runtime_error("no such step: " + line);
        }
    }

    std::string result()
    {
        if (::testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed())
            throw std::runtime_error("the program did not pass a frame on");
        tally(bench_.drain());
        const std::uint64_t rows = bench_.packet_rows;
        tally(bench_.evict(EVICT_ALL, clock_ns_));
        static constexpr const char* kNames[] = {
#define X(name, text, help) text,
            FX_COUNTERS(X)
#undef X
        };
        std::string counters;
        for (unsigned i = 0; i < COUNTER_COUNT; i++)
            counters += fmt::format("\"{}\":{},", kNames[i], bench_.counter(static_cast<enum counter>(i)));
        damaged_ += bench_.ring->damaged() + bench_.evictor->damaged();
        return fmt::format("{{\"counters\":{{{}\"records_damaged\":{}}},\"in_flows\":{},\"rows\":{},\"ended_bytes\":{},"
                           "\"row_bytes\":{},\"fragment_slots\":{},\"front_misled\":{},\"left_in_table\":{}}}",
                           counters, damaged_, in_flows_, rows,
                           offsetof(ended_record, record) + bench_.flow().record_size, bench_.flow().packet_record_size,
                           fragment_slots(), front_misled_, bench_.table_size());
    }

  private:
    void tally(const std::vector<Ended>& flows)
    {
        for (const Ended& flow : flows)
            in_flows_ += flow.packets();
    }

    // As bpf(2) lets the owner of the pins do it.
    template <typename Value>
    void for_each_value(const char* map, std::size_t value_bytes, std::uint32_t entries,
                        const std::function<bool(Value*)>& change)
    {
        const int fd = bench_.sensor->map_fd(map);
        std::vector<std::uint64_t> value((value_bytes + 7) / 8);
        for (std::uint32_t i = 0; i < entries; i++) {
            if (bpf_map_lookup_elem(fd, &i, value.data()))
                throw std::runtime_error(std::string("cannot read ") + map);
            if (change(reinterpret_cast<Value*>(value.data())) && bpf_map_update_elem(fd, &i, value.data(), BPF_EXIST))
                throw std::runtime_error(std::string("cannot write ") + map);
        }
    }

    void set(const std::string& word, std::uint32_t value)
    {
        const std::uint32_t slots = bench_.sensor->max_flows();
        if (word == "flow_lock" || word == "flow_state") {
            // Of records that a flow has or had.
            for_each_value<flow_record>("records", record_stride(bench_.flow().record_size), slots,
                                        [&](flow_record* r) {
                                            if (word == "flow_lock")
                                                r->lock = value;
                                            else
                                                r->state = static_cast<__u8>(value);
                                            return r->key.kind != 0;
                                        });
        } else if (word == "front") {
            for_each_value<front_set>("front", sizeof(front_set), front_sets(slots), [&](front_set* set) {
                for (__u64& entry : set->entry) {
                    if (!entry)
                        continue;
                    front_misled_ += static_cast<__u32>(entry) != value + 1;
                    entry = entry >> 32 << 32 | (value + 1);
                }
                return true;
            });
        } else if (word == "fragment_lock") {
            for_each_value<fragment_slot>("fragments", sizeof(fragment_slot), FRAGMENT_SLOTS, [&](fragment_slot* slot) {
                slot->lock = value;
                return true;
            });
        } else if (word == "turn") {
            // struct sensor_state of maps.bpf.h: two numbers of 64 bits, then the turn.
            for_each_value<std::uint64_t>("sensor", 24, 1, [&](std::uint64_t* state) {
                state[2] = value;
                return true;
            });
        } else {
            throw std::runtime_error("no such word: " + word);
        }
    }

    std::uint64_t fragment_slots()
    {
        std::uint64_t used = 0;
        for_each_value<fragment_slot>("fragments", sizeof(fragment_slot), FRAGMENT_SLOTS, [&](fragment_slot* slot) {
            used += slot->version != 0;
            return false;
        });
        return used;
    }

    // Every record of the last eviction call becomes one that no program writes. Nobody has entered that call in the
    // journal, so whoever takes over reads the outbox again.
    void damage_outbox()
    {
        for_each_value<evict_slot>("evict_out", sizeof(evict_slot), EVICT_SLOTS, [](evict_slot* slot) {
            slot->ended.header.kind = STREAM_WATERMARK;
            return slot->outcome == EVICT_RECORD;
        });
        Evictor next(*bench_.sensor);
        next.recover(0, [](const ended_record&) { throw std::runtime_error("a damaged record was taken"); });
        damaged_ += next.damaged();
    }

    // The reader's position is not at a record's border any more.
    void damage_ring()
    {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, bench_.sensor->map_fd("ring"), 0);
        if (consumer == MAP_FAILED)
            throw std::runtime_error("cannot map the ring");
        *static_cast<std::uint64_t*>(consumer) += 1;
        munmap(consumer, page);
        RingReader next(bench_.sensor->map_fd("ring"), setup_.ring_bytes, bench_.sensor->bounds());
        next.read([](const stream_header&) { throw std::runtime_error("a record was read from its middle"); });
        next.acknowledge();
        damaged_ += next.damaged();
    }

    BenchSetup setup_;
    SensorBench bench_;
    std::int64_t clock_ns_ = 0;
    std::uint64_t in_flows_ = 0, damaged_ = 0;
    std::uint64_t front_misled_ = 0; // entries of the front that name another slot since they were set
};

} // namespace
} // namespace flowxdp::test

int main(int argc, char** argv)
{
    using namespace flowxdp::test;
    if (!flowxdp::may_load_bpf()) {
        std::fputs("SKIP: no right to load BPF programs (CAP_BPF and CAP_NET_ADMIN, or root)\n", stderr);
        return 77;
    }
    try {
        Steps steps(read_options({argv + 1, argv + argc}));
        for (std::string line; std::getline(std::cin, line);)
            steps.take(line);
        fmt::print("{}\n", steps.result());
    } catch (const std::exception& error) {
        fmt::print(stderr, "sensor_steps: {}\n", error.what());
        return 1;
    }
    return 0;
}
