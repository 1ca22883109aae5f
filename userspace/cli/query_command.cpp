// SPDX-License-Identifier: BSD-2-Clause
#include "cli/query_command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include <fmt/format.h>

#include "cli/module_listing.h"
#include "query/question.h"

namespace flowxdp {
namespace {

void add_columns(const fx_column* columns, std::size_t count, query::ColumnCatalog* catalog)
{
    for (std::size_t i = 0; i < count; i++) {
        const fx_column& c = columns[i];
        std::vector<std::pair<std::uint64_t, std::string>> bits;
        for (unsigned b = 0; b < c.bit_count; b++)
            bits.emplace_back(c.bits[b].mask, c.bits[b].text);
        catalog->add(c.name, c.type, (c.flags & FX_LIST) != 0, c.help, std::move(bits));
    }
}

std::size_t terminal_width()
{
    winsize w{};
    return ::isatty(STDOUT_FILENO) && !::ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) ? w.ws_col : 0;
}

} // namespace

query::ColumnCatalog known_columns(const std::string& library_folder)
{
    query::ColumnCatalog catalog;
    catalog.add("dir", FX_CHAR, false, "Flow direction");
    catalog.add("flowInd", FX_U64, false, "Flow index");
    catalog.add("pktNo", FX_U64, false, "Packet number in the input");
    for (const PluginLibrary& library : list_modules(library_folder).plugins.usable) {
        add_columns(library.descriptor->columns, library.descriptor->column_count, &catalog);
        add_columns(library.descriptor->packet_columns, library.descriptor->packet_column_count, &catalog);
    }
    return catalog;
}

ExitCode run_query_command(const QueryOptions& options)
{
    std::signal(SIGPIPE, SIG_IGN); // a reader that has enough (head) ends the answer
    query::Question question;
    question.files = options.files;
    question.sql = options.sql;
    question.ready = options.top       ? query::ReadyQuestion::kTop
                     : options.talkers ? query::ReadyQuestion::kTalkers
                     : options.health  ? query::ReadyQuestion::kHealth
                                       : query::ReadyQuestion::kColumns;
    question.lines = options.count;
    question.format = options.format;
    question.width = terminal_width();
    question.flows_to = options.flows_to;
    const auto answer = query::ask(question, known_columns(options.library_folder), stdout);
    if (!answer.ok())
        throw StartupError(answer.error().message, ExitCode::kUsage);
    if (!question.flows_to.empty())
        fmt::print(stderr, "{}: {} flows\n", question.flows_to, answer->flows);
    if (answer->damaged) {
        fmt::print(stderr, "flowxdp: {} lines are no rows of their file and were left out\n", answer->damaged);
        return ExitCode::kIncomplete;
    }
    return ExitCode::kOk;
}

} // namespace flowxdp
