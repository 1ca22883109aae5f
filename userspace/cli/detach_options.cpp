// SPDX-License-Identifier: BSD-2-Clause
// detach_options.cpp - the options of detach.
#include "cli/command_rows.h"
#include "cli/run_options.h"

namespace flowxdp {
namespace {

Result<void> take_detach_words(DetachOptions* detach, const std::vector<std::string>& words)
{
    detach->interfaces = words;
    const RunOptions& run = detach->run;
    if (!detach->export_flows && (!run.write_prefix.empty() || run.split || !run.sinks.empty() || run.extract))
        return Error{"detach writes flows only with --export"};
    return {};
}

Result<void> check_detach(const DetachOptions& detach)
{
    if (detach.interfaces.empty() != detach.all)
        return Error{detach.all
                         ? "detach takes interfaces or --all, not both"
                         : "detach needs an interface, or --all for every sensor; e.g. sudo flowxdp detach eth0"};
    return check_run(detach.run);
}

} // namespace

CommandRow detach_command(Options* options)
{
    DetachOptions* detach = &options->detach;
    CommandRow row{
        "detach", "End sensors: stop their daemon, or remove what a killed one left", "[IFACE...]", {}, {}, {}, {}};
    row.noun = Noun::kInterface;
    row.options.group("Which and how");
    row.files_of = "attach";
    row.sensor_tells = true;
    row.options.words("interfaces", "IFACE", &detach->interfaces, "Interfaces whose sensors end")
        .with_one_of("which")
        .with_change(Change::kDaemon);
    row.options.flag("--all", &detach->all, "Every sensor of this machine").with_one_of("which").not_in_files();
    row.options
        .flag("--export", &detach->export_flows,
              "Without a daemon: write the flows that the kernel still holds, then remove")
        .not_in_files();
    add_extract_option(&row.options, &detach->run);
    add_run_options(&row.options, &detach->run, Lasting::kNo);
    row.examples = {
        {"sudo flowxdp detach eth0", "stop the daemon, which exports every flow"},
        {"sudo flowxdp detach --export eth0 -w /var/log/last",
         "after a kill -9: the flows that are still in the kernel"},
        {"sudo flowxdp detach --all", "every sensor of this machine"},
    };
    row.notes = {"A sensor is exported with the bundle, plugins and options that it was attached with: its pins name "
                 "them. When that "
                 "bundle is gone, or was built anew, both are named; --lib names another, and detach without --export "
                 "removes the "
                 "sensor with its flows.",
                 "Exit codes: 0 ok, 1 run-time error, 2 usage, 3 something was lost, 77 a privilege is missing."};
    row.finish = [options, detach](const std::vector<std::string>& words) {
        options->command = Command::kDetach;
        return take_detach_words(detach, words);
    };
    row.check = [detach] { return check_detach(*detach); };
    row.settle = [detach] { return settle_run(&detach->run); };
    return row;
}

} // namespace flowxdp
