// SPDX-License-Identifier: BSD-2-Clause
// extract_options.cpp - the options of extract.
#include <algorithm>

#include <fmt/format.h>

#include "cli/command_rows.h"
#include "cli/run_options.h"

namespace flowxdp {
namespace {

// Whether standard input is among what is read.
bool reads_stdin(const ReplayOptions& replay)
{
    return std::ranges::find(replay.files, "-") != replay.files.end();
}

Result<void> check_extract(const ExtractOptions& extract)
{
    if (extract.flows.empty() == extract.where.empty())
        return Error{extract.flows.empty()
                         ? "extract needs to know which flows: --flows FILE with their numbers or "
                           "rows, or --where CONDITION; e.g. flowxdp extract capture.pcap --flows list"
                         : "both --flows and --where are given: leave one of both out"};
    if (!extract.output.empty() && !extract.prefix.empty())
        return Error{"both -o and -w are given: leave one of both out"};
    if (extract.per_flow && extract.prefix.empty())
        return Error{"--per-flow names its files after a prefix: add -w PREFIX"};
    if (reads_stdin(extract.replay) && extract.flows == "-")
        return Error{"packets and flows cannot both come from standard input: give one of both as a file"};
    if (reads_stdin(extract.replay) && !extract.where.empty())
        return Error{"--where reads the packets twice, which standard input cannot give: write them to a file first"};
    return check_replay(extract.replay);
}

} // namespace

CommandRow extract_command(Options* options)
{
    ExtractOptions* extract = &options->extract;
    CommandRow row{"extract", "Write the packets of chosen flows as pcapng", "FILE... [FILTER]", {}, {}, {}, {}};
    row.noun = Noun::kFile;
    row.files_of = "replay";
    add_input_options(&row.options, &extract->replay);
    row.options.group("Chosen flows");
    row.options
        .text("--flows", "FILE", &extract->flows,
              "Numbers of flows (flowInd), a number or a range a line, as 'query --flows-to' writes them; or rows as "
              "text, CSV or JSON, whose column flowInd counts; - is standard input")
        .with_example("--flows list, --flows out_flows.txt")
        .with_noun(Noun::kFile)
        .with_one_of("flows")
        .not_in_files();
    row.options
        .text("--where", "CONDITION", &extract->where,
              "An SQL condition on the rows of flows instead: the capture is read twice")
        .with_example("--where 'dstPort = 53 AND pktsSnt > 2'")
        .with_one_of("flows")
        .not_in_files();
    row.options
        .flag("--unchecked", &extract->unchecked,
              "Also when the list says that its flows are of another input, or of other options")
        .not_in_files();
    row.options.group("Capture");
    row.options
        .text("-o,--output", "FILE", &extract->output,
              "The pcapng file; a name in .gz or .zst is compressed; - is standard output")
        .with_noun(Noun::kFile)
        .with_one_of("output")
        .not_in_files();
    row.options
        .text("-w,--write", "PREFIX", &extract->prefix, "PREFIX.pcapng, or with --per-flow PREFIX_flow_NUMBER.pcapng")
        .with_one_of("output")
        .not_in_files();
    row.options.flag("--per-flow", &extract->per_flow, "A file for each flow").not_in_files();
    add_numbering_options(&row.options, &extract->replay.run);
    row.examples = {
        {"flowxdp extract capture.pcap --where 'dstPort = 53' -o dns.pcapng", "every conversation with a port 53"},
        {"flowxdp extract capture.pcap --flows list -o top.pcapng",
         "flows of a run before: flowxdp query out_flows.txt --top --flows-to list"},
        {"flowxdp replay -q a.pcap | grep ssh | flowxdp extract a.pcap --flows - -w ssh --per-flow",
         "rows from a pipe, a file for each flow"},
        {"flowxdp extract capture.pcap --flows list -o - | tshark -r -", "straight into another program"},
    };
    row.notes = {
        "Both directions of a flow are written, each frame whole, with its time stamp, its link type and in the order "
        "of the input.",
        "The numbers of flows depend on the packets and on the options: give the options of the run that wrote the "
        "rows. 'replay -w' writes what they depend on into PREFIX_headers.txt, 'query --flows-to' into the list, and "
        "extract refuses a list of another input or of other options. A list that says nothing is taken with a "
        "warning.",
        "Exit codes: 0 ok, 1 run-time error, 2 usage, 3 finished but flows of the list are not in the input, or the "
        "input was damaged."};
    row.finish = [options, extract](const std::vector<std::string>& words) {
        options->command = Command::kExtract;
        return take_replay_words(&extract->replay, words);
    };
    row.check = [extract] { return check_extract(*extract); };
    row.settle = [extract]() -> Result<void> {
        if (!inputs_of(extract->replay))
            return Error{"extract needs the packets: a capture file, - for standard input, -R LIST or --series EXPR; "
                         "e.g. flowxdp extract capture.pcap --flows list"};
        if (extract->output.empty() && extract->prefix.empty())
            return Error{"extract needs a place for the packets: -o FILE, or -w PREFIX"};
        return settle_run(&extract->replay.run);
    };
    return row;
}

} // namespace flowxdp
