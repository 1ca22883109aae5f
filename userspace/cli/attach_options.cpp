// SPDX-License-Identifier: BSD-2-Clause
// attach_options.cpp - the options of attach; which of its words are interfaces, and which the filter.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <net/if.h>

#include <span>

#include "cli/command_rows.h"
#include "cli/run_options.h"
#include "core/printable.h"

namespace flowxdp {
namespace {

constexpr const char* kObserved =
    "Observed is what an interface receives and, where the host sends by it (it has an address), what leaves: "
    "the first line says so; --direction chooses otherwise. A killed daemon leaves the kernel counting; the next "
    "attach with the same plugins and options takes over without losing a packet.";
constexpr const char* kCapabilities =
    "Once attached it keeps the capabilities cap_bpf and cap_net_admin alone (--dispatcher: cap_sys_admin too). An "
    "interface that is removed is exported and the others go on; without any left it ends.";
constexpr const char* kExitCodes =
    "Exit codes: 0 ok, 1 run-time error or every interface is gone, 2 usage, 3 something was lost, 77 a privilege is "
    "missing.";

// The first word, and those after it that name an interface of this machine; the rest is a filter.
Result<void> take_attach_words(AttachOptions* attach, const std::vector<std::string>& words)
{
    std::size_t i = 0;
    for (; i < words.size() && (i == 0 || if_nametoindex(words[i].c_str())); i++)
        attach->interfaces.push_back(words[i]);
    return take_filter(&attach->run, std::span(words).subspan(i));
}

Result<void> check_attach(const AttachOptions& attach)
{
    if (auto run = check_run(attach.run); !run.ok())
        return run;
    if (attach.run.extract && attach.direction == DirectionWish::kBoth)
        return Error{"option -e: leaving buffers are not yet the frames they become (GSO), so there is nothing to "
                     "write: leave --direction both out"};
    if (attach.merge && attach.dispatcher)
        return Error{"option --merge: the dispatcher takes a program for one interface: leave one of both out"};
    if (attach.priority != kDispatcherPriority && !attach.dispatcher)
        return Error{"option --priority: it is a place in the dispatcher: add --dispatcher"};
    return {};
}

} // namespace

CommandRow attach_command(Options* options)
{
    AttachOptions* attach = &options->attach;
    CommandRow row{
        "attach", "Observe interfaces: the kernel counts, rows leave as flows end", "IFACE... [FILTER]", {}, {}, {},
        {}};
    row.noun = Noun::kInterface;
    row.options.group("Interfaces");
    // Their indexes are part of the sensor's identity.
    row.options.words("interfaces", "IFACE", &attach->interfaces, "Interfaces to observe").with_identity([] {
        return std::string();
    });
    row.options
        .choice("--mode", &attach->mode, kModeWords,
                "XDP in the driver (native), in the stack (generic), or what works")
        .with_change(Change::kKept);
    // What becomes of it on an interface is part of the sensor's identity, not the wish.
    row.options
        .choice("--direction", &attach->direction, kDirectionWords,
                "Received frames alone (ingress), or those that are sent, too (both); auto: both where the host "
                "sends by the interface (it has an address), ingress where it only listens")
        .with_identity([] { return std::string(); });
    row.options
        .flag("--merge", &attach->merge, "One table for all interfaces named: the two legs of a TAP, or of a bond")
        .with_identity([] { return std::string(); }); // the interfaces themselves are
    row.options
        .flag("--fix-offloads", &attach->fix_offloads,
              "Turn off VLAN offload, which hides tags from XDP, while attached")
        .with_change(Change::kDaemon);
    row.options
        .flag("--dispatcher", &attach->dispatcher,
              "Share the interface with other XDP programs, through libxdp's dispatcher")
        .with_change(Change::kKept);
    row.options
        .number("--priority", "N", &attach->priority, 0, 0x7fffffff, kDispatcherPriority,
                "With --dispatcher: low runs first, before programs that drop")
        .with_change(Change::kKept);
    row.options.text("--user", "NAME", &attach->user, "Run as this user once attached; files are opened as that user")
        .with_noun(Noun::kUser)
        .with_change(Change::kDaemon);
    row.options
        .flag("--dry-run", &attach->dry_run,
              "Attach nothing: say for each sensor whether it would be taken over or begin anew, or why not")
        .with_change(Change::kDaemon)
        .not_in_files();
    row.options
        .size("--ring", &attach->run.ring_bytes, 4096, std::uint64_t{1} << 30,
              "Memory between kernel and daemon for ends, packet rows and frames; rounded up to a power of two")
        .with_change(Change::kKept);
    add_extract_option(&row.options, &attach->run);
    add_run_options(&row.options, &attach->run, Lasting::kYes);
    row.examples = {
        {"sudo flowxdp attach eth0", "rows to standard output as flows end"},
        {"sudo flowxdp attach eth0 -w /var/log/flows", "/var/log/flows_flows.txt"},
        {"sudo flowxdp attach eth0 tcp port 443", "filtered in the kernel; other frames are only counted"},
        {"sudo flowxdp attach eth0 --sink ipfix:udp://192.0.2.1:4739", "to a collector"},
        {"sudo flowxdp attach eth0 -w run -e all", "run.pcapng too: 'flowxdp replay run.pcapng' gives the same rows"},
        {"sudo flowxdp attach eth0 --dispatcher", "beside other XDP programs, those of xdp-loader for instance"},
    };
    row.notes = {kObserved, kCapabilities, kSignals,
                 "SIGUSR2 ends the daemon alone: the kernel goes on counting, and the next attach takes over.",
                 kExitCodes};
    row.finish = [options, attach](const std::vector<std::string>& words) {
        options->command = Command::kAttach;
        return take_attach_words(attach, words);
    };
    row.check = [attach] { return check_attach(*attach); };
    row.settle = [attach]() -> Result<void> {
        if (attach->interfaces.empty())
            return Error{"attach needs an interface ('flowxdp interfaces' lists them); e.g. sudo flowxdp attach eth0"};
        return settle_run(&attach->run);
    };
    return row;
}

std::string sensor_identity(const RunOptions& run)
{
    Options options;
    options.attach.run = run;
    const CommandRow attach = attach_command(&options);
    std::string text;
    for (const OptionRow& row : attach.options.rows())
        if (row.change == Change::kSensor)
            text += fmt::format("{}={}\n", row.key,
                                row.identity ? row.identity() : fmt::format("{}", fmt::join(row.values(), ",")));
    return text;
}

} // namespace flowxdp
