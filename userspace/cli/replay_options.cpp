// SPDX-License-Identifier: BSD-2-Clause
// replay_options.cpp - the options of replay; which of its words are files, and which the filter.
#include <filesystem>
#include <span>

#include "cli/command_rows.h"
#include "cli/run_options.h"

namespace flowxdp {
namespace {

// Words before the filter expression are files: the first one, and whatever exists or looks like a capture.
bool is_file_word(const std::string& word)
{
    std::error_code ignored; // a long filter in one word is no file: its name would be too long
    if (word == "-" || std::filesystem::exists(word, ignored))
        return true;
    const std::string_view name(word);
    for (const char* suffix : {".pcap", ".pcapng", ".cap", ".gz", ".zst", ".ntar"})
        if (name.ends_with(suffix))
            return true;
    return word.find('/') != std::string::npos && name.find(".pcap") != std::string_view::npos;
}

} // namespace

int inputs_of(const ReplayOptions& replay)
{
    return static_cast<int>(!replay.files.empty()) + static_cast<int>(!replay.list_file.empty()) +
           static_cast<int>(!replay.series.empty());
}

Result<void> take_replay_words(ReplayOptions* replay, const std::vector<std::string>& words)
{
    std::size_t i = 0;
    const bool other_input = !replay->list_file.empty() || !replay->series.empty();
    for (; i < words.size(); i++) {
        if (!(i == 0 && !other_input) && !is_file_word(words[i]))
            break;
        replay->files.push_back(words[i]);
    }
    return take_filter(&replay->run, std::span(words).subspan(i));
}

Result<void> check_replay(const ReplayOptions& replay)
{
    if (inputs_of(replay) > 1)
        return Error{"replay takes one kind of input: capture files, -R LIST or --series EXPR"};
    return check_run(replay.run);
}

void add_input_options(OptionTable* table, ReplayOptions* replay)
{
    table->group("Input");
    table->words("files", "FILE", &replay->files, "Capture files; - is standard input").with_one_of("input");
    table->text("-R,--list", "LIST", &replay->list_file, "File with one capture path a line, instead of FILE")
        .with_one_of("input");
    table
        ->text("--series", "EXPR[:SEPARATOR][,STOP]", &replay->series,
               "Numbered series of files that may still grow, instead of FILE")
        .with_example("--series out.pcap0")
        .with_one_of("input");
}

CommandRow replay_command(Options* options)
{
    ReplayOptions* replay = &options->replay;
    CommandRow row{"replay", "Capture files become flows", "FILE... [FILTER]", {}, {}, {}, {}};
    row.noun = Noun::kFile;
    add_input_options(&row.options, replay);
    row.options.choice("--engine", &replay->engine, kEngineWords,
                       "In this process, or the kernel's program by test-run (root); the rows are the same");
    add_extract_option(&row.options, &replay->run);
    add_run_options(&row.options, &replay->run, Lasting::kYes);
    row.examples = {
        {"flowxdp replay capture.pcap", "rows to standard output, the report to standard error"},
        {"flowxdp replay capture.pcap -w out", "out_flows.txt, out_headers.txt; the report to standard output"},
        {"flowxdp replay a.pcap b.pcap.gz -w - tcp port 443", "two files as one stream, filtered as tcpdump does"},
        {"flowxdp replay capture.pcap --plugin NAME:KEY=VALUE,KEY=VALUE", "a plugin with options of its own"},
        {"flowxdp replay capture.pcap --sink json --sink ipfix:udp://127.0.0.1:4739", "two sinks, no T2 files"},
        {"flowxdp replay - < capture.pcapng", "from standard input"},
    };
    row.notes = {
        "FILE is pcap or pcapng, plain, .gz or .zst; - is standard input. FILTER is tcpdump's language; it begins "
        "at the first word that is no file.",
        kSignals,
        "Exit codes: 0 ok, 1 run-time error, 2 usage, 3 finished but input was damaged or something was lost."};
    row.finish = [options, replay](const std::vector<std::string>& words) {
        options->command = Command::kReplay;
        return take_replay_words(replay, words);
    };
    row.check = [replay] { return check_replay(*replay); };
    row.settle = [replay]() -> Result<void> {
        if (!inputs_of(*replay))
            return Error{"replay needs an input: a capture file, - for standard input, -R LIST or --series EXPR; "
                         "e.g. flowxdp replay capture.pcap"};
        return settle_run(&replay->run);
    };
    return row;
}

} // namespace flowxdp
