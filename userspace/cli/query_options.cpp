// SPDX-License-Identifier: BSD-2-Clause
// The row of `flowxdp query`.
#include <sys/stat.h>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "cli/command_rows.h"
#include "core/printable.h"

namespace flowxdp {
namespace {

using query::AnswerFormat;

constexpr Meaning<AnswerFormat> kFormats[] = {{"table", AnswerFormat::kTable},
                                              {"tsv", AnswerFormat::kTsv},
                                              {"csv", AnswerFormat::kCsv},
                                              {"json", AnswerFormat::kJson}};

// Whether a word is a question: no file has its name, and it begins as a statement.
bool is_sql(const std::string& word)
{
    struct stat file {};
    if (!::stat(word.c_str(), &file))
        return false;
    const std::size_t first = word.find_first_not_of(" \t\n(");
    std::string begin = first == std::string::npos ? "" : word.substr(first, 8);
    std::ranges::transform(begin, begin.begin(), [](unsigned char c) { return std::tolower(c); });
    return std::ranges::any_of(std::initializer_list<const char*>{"select", "with", "values", "explain"},
                               [&](const char* statement) { return begin.starts_with(statement); });
}

} // namespace

CommandRow query_command(Options* options)
{
    QueryOptions* query = &options->query;
    CommandRow row{"query", "Ask flow and packet files in SQL", "FILE... [SQL]", {}, {}, {}, {}};
    row.noun = Noun::kFile;
    row.options.group("Questions");
    row.options.flag("--top", &query->top, "The flow directions with most layer 7 bytes").with_one_of("question");
    row.options.flag("--talkers", &query->talkers, "The sources with most layer 7 bytes").with_one_of("question");
    row.options
        .flag("--health", &query->health, "Rows, flows, times, and how many rows have each bit of flowStat and fxStat")
        .with_one_of("question");
    row.options.number("-n", "N", &query->count, 1, 1000000, 20, "Lines of --top and --talkers");
    row.options.group("Answer");
    row.options.choice("--format", &query->format, kFormats, "How rows are printed");
    row.options
        .text("--flows-to", "FILE", &query->flows_to,
              "Write the column flowInd of the answer to a file, in place of the rows")
        .with_noun(Noun::kFile);
    row.options.text("--lib", "DIR", &query->library_folder, "Folder with engine bundle and plugins, which say types");
    row.examples = {
        {"flowxdp query out_flows.txt", "the columns that there are"},
        {"flowxdp query out_flows.txt --talkers -n 5", "who sent most"},
        {"flowxdp query out_flows.txt 'SELECT srcIP, sum(pktsSnt) FROM flows GROUP BY 1 ORDER BY 2 DESC LIMIT 10'",
         "the same with words of your own"},
        {"flowxdp query out_flows*.json.gz \"SELECT * FROM flows WHERE host('10.0.0.0/8') AND port('80;443')\"",
         "files of a sink, compressed, several as one table"}};
    row.notes = {
        "Files of -w, of the json and of the csv sink, also .gz and .zst. Files of flows are the table flows, files of "
        "packets the table packets. SQL is SQLite's.",
        "Functions: bitsanyset(column, mask), bitsallset(column, mask), flow('35;40-44'), packet('1-9'), "
        "host('10.0.0.0/8'), port('80;443'), ipinnet(address, net), listhas(list, element), decode('column', value), "
        "utc(seconds).",
        "Exit codes: 0, 2 for a wrong question or file, 3 when lines were no rows and were left out."};
    row.finish = [options, query](const std::vector<std::string>& words) -> Result<void> {
        options->command = Command::kQuery;
        query->files = words;
        if (!words.empty() && is_sql(words.back())) {
            query->sql = words.back();
            query->files.pop_back();
        }
        if (query->files.empty())
            return Error{"query needs a file of rows, e.g. flowxdp query out_flows.txt --top"};
        const int ready = query->top + query->talkers + query->health;
        if (ready > 1 || (ready != 0 && !query->sql.empty()))
            return Error{"one question at a time: --top, --talkers, --health, or SQL"};
        if (!query->flows_to.empty() && query->sql.empty() && !query->top)
            return Error{"--flows-to needs an answer with the column flowInd: give SQL, or --top"};
        return {};
    };
    return row;
}

} // namespace flowxdp
