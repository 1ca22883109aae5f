// SPDX-License-Identifier: BSD-2-Clause
#include "geo/geo_command.h"
#include "core/printable.h"
#include "core/text_file.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "geo/address.h"
#include "geo/geo.h"
#include "geo/geo_import.h"

extern char** environ;

namespace flowxdp::geo {
namespace {

std::string json_string(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out += '"';
}

std::string environment(const char* name)
{
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nothing writes the environment
    return value != nullptr ? value : "";
}

// One database for the command: the named ones, else the default one, else none (special ranges only).
Result<std::unique_ptr<GeoDatabase>> open_database(const GeoCommand& command)
{
    if (command.country_database.empty() && command.asn_database.empty())
        return GeoDatabase::open(find_default_database(), "");
    return GeoDatabase::open(command.country_database, command.asn_database);
}

std::string where_it_was_sought()
{
    std::string text;
    for (const std::string& path : default_database_paths())
        text += (text.empty() ? "" : ", ") + path;
    return text;
}

// Far longer than any address; blanks may follow it in a list.
constexpr std::size_t kLongestAddress = 1024;

// False when text is no address; error gets the message.
bool print_label(GeoDatabase& database, const std::string& text, bool json, std::ostream& out, std::ostream& error)
{
    const auto address = parse_address(text);
    if (!address) {
        fmt::print(error, "flowxdp: geo lookup: \"{}\" is not an IPv4 or IPv6 address\n",
                   printable(text, kLongestAddress));
        return false;
    }
    const Label label = database.look_up(mapped_bytes(*address), address->version);
    if (json)
        fmt::print(out, "{{\"ip\":{},\"country\":{},\"organisation\":{}}}\n", json_string(text),
                   json_string(label.country), json_string(label.organisation));
    else
        fmt::print(out, "{}\t{}\t{}\n", text, printable(label.country), printable(label.organisation));
    return true;
}

ExitCode run_lookup(const GeoCommand& command, std::istream& in, std::ostream& out, std::ostream& error)
{
    if (command.addresses.empty()) {
        fmt::print(error, "flowxdp: geo lookup: no address given\n");
        return ExitCode::kUsage;
    }
    auto database = open_database(command);
    if (!database) {
        fmt::print(error, "flowxdp: geo lookup: {}\n", printable(database.error().message));
        return ExitCode::kRuntime;
    }
    if (!(*database)->has_data())
        fmt::print(
            error,
            "flowxdp: geo lookup: no database ({}): only special ranges are known; `flowxdp geo update` gets one\n",
            where_it_was_sought());
    bool all_good = true;
    for (const std::string& address : command.addresses) {
        if (address != "-") {
            all_good = print_label(**database, address, command.json, out, error) && all_good;
            continue;
        }
        LineReader lines(in, kLongestAddress);
        std::string line;
        while (lines.next(&line)) {
            while (!line.empty() && (line.back() == '\r' || line.back() == ' '))
                line.pop_back();
            if (!line.empty())
                all_good = print_label(**database, line, command.json, out, error) && all_good;
        }
        if (lines.too_long()) {
            fmt::print(error, "flowxdp: geo lookup: line {} is longer than {} bytes: it is no list of addresses\n",
                       lines.number(), kLongestAddress);
            return ExitCode::kUsage;
        }
    }
    return all_good ? ExitCode::kOk : ExitCode::kUsage;
}

ExitCode run_status(const GeoCommand& command, std::ostream& out, std::ostream& error)
{
    auto database = open_database(command);
    if (!database) {
        fmt::print(error, "flowxdp: geo status: {}\n", printable(database.error().message));
        return ExitCode::kRuntime;
    }
    if (command.json) {
        std::string files;
        for (const DatabaseInfo& info : (*database)->databases()) {
            files += fmt::format(
                "{}{{\"file\":{},\"bytes\":{},\"built\":{},\"build_epoch\":{},\"type\":{},\"ip_version\":{},"
                "\"networks\":{},\"records\":{},\"content\":{},\"licence\":{}}}",
                files.empty() ? "" : ",", json_string(info.path), info.size_bytes,
                json_string(utc_text(info.build_epoch)), info.build_epoch, json_string(info.type), info.ip_version,
                info.networks, info.records, json_string(info.description), json_string(licence_line(info)));
        }
        fmt::print(out, "{{\"databases\":[{}]}}\n", files);
    } else {
        for (const std::string& line : (*database)->status())
            fmt::print(out, "{}\n", printable(line));
    }
    if ((*database)->has_data())
        return ExitCode::kOk;
    fmt::print(error, "flowxdp: geo status: no database ({}); `flowxdp geo update` gets one\n", where_it_was_sought());
    return ExitCode::kRuntime;
}

// Now, or SOURCE_DATE_EPOCH for builds that must come out the same (reproducible-builds.org).
std::uint64_t build_time()
{
    const std::string fixed = environment("SOURCE_DATE_EPOCH");
    std::uint64_t seconds = 0;
    const auto [end, parse_error] = std::from_chars(fixed.data(), fixed.data() + fixed.size(), seconds);
    if (!fixed.empty() && parse_error == std::errc() && end == fixed.data() + fixed.size())
        return seconds;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

ExitCode run_import(const GeoCommand& command, std::ostream& out, std::ostream& error)
{
    const std::string output = command.output.empty() ? default_database_paths().front() : command.output;
    ImportOptions options;
    options.country_sources = command.country_sources;
    options.asn_sources = command.asn_sources;
    options.attribution = command.attribution;
    options.build_epoch = build_time();
    const auto report = import_database(options, output);
    if (!report) {
        fmt::print(error, "flowxdp: geo import: {}\n", printable(report.error().message));
        return ExitCode::kRuntime;
    }
    const ImportReport& done = report.value();
    fmt::print(out, "{}: {} country and {} AS ranges ({} overlapping) made {} ranges with {} records, {} bytes\n",
               printable(output), done.country_ranges, done.asn_ranges, done.overlaps, done.ranges, done.records,
               done.bytes);
    for (const std::string& line : command.attribution)
        fmt::print(out, "{}\n", printable(line));
    if (command.attribution.empty())
        fmt::print(error, "flowxdp: geo import: no --attribution given: most data sets ask for one\n");
    return ExitCode::kOk;
}

// Folder of the running program; empty when it is not known.
std::filesystem::path program_path()
{
    std::error_code failed;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failed);
    return failed ? std::filesystem::path() : program;
}

std::string find_update_script()
{
    if (std::string named = environment("FLOWXDP_GEO_UPDATE"); !named.empty())
        return named;
    const auto beside = program_path().parent_path().parent_path() / "libexec/flowxdp/geo_update.sh";
    std::error_code ignored; // not found, for whatever reason: the installed one is next
    return std::filesystem::exists(beside, ignored) ? beside.string() : FLOWXDP_GEO_UPDATE_SCRIPT;
}

ExitCode run_update(const GeoCommand& command, std::ostream& error)
{
    std::vector<std::string> words = {find_update_script(), "--flowxdp", program_path().string(), "--output",
                                      command.output.empty() ? default_database_paths().front() : command.output};
    const auto add = [&words](const char* option, const std::vector<std::string>& values) {
        for (const std::string& value : values)
            words.insert(words.end(), {option, value});
    };
    add("--country", command.country_sources);
    add("--asn", command.asn_sources);
    add("--attribution", command.attribution);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);

    pid_t child = 0;
    const int failed = ::posix_spawn(&child, arguments[0], nullptr, nullptr, arguments.data(), environ);
    if (failed != 0) {
        fmt::print(error, "flowxdp: geo update: cannot run {}: {}\n", words[0], std::strerror(failed));
        return ExitCode::kRuntime;
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno == EINTR)
            continue;
        fmt::print(error, "flowxdp: geo update: cannot wait for {}: {}\n", words[0], std::strerror(errno));
        return ExitCode::kRuntime;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ExitCode::kOk;
    // The script has printed the reason.
    return WIFEXITED(status) && WEXITSTATUS(status) == 2 ? ExitCode::kUsage : ExitCode::kRuntime;
}

} // namespace

ExitCode run_geo_command(const GeoCommand& command, std::istream& in, std::ostream& out, std::ostream& error)
{
    switch (command.action) {
    case GeoCommand::Action::kLookup:
        return run_lookup(command, in, out, error);
    case GeoCommand::Action::kStatus:
        return run_status(command, out, error);
    case GeoCommand::Action::kImport:
        return run_import(command, out, error);
    case GeoCommand::Action::kUpdate:
        return run_update(command, error);
    case GeoCommand::Action::kNone:
        break;
    }
    fmt::print(error, "flowxdp: geo: say lookup, import, update or status\n");
    return ExitCode::kUsage;
}

} // namespace flowxdp::geo
