// SPDX-License-Identifier: BSD-2-Clause
#include "cli/geo_options.h"

#include "cli/option_table.h"
#include "geo/geo_command.h"

namespace flowxdp::geo {
namespace {

// A row that takes no words.
CommandRow& add_command(std::vector<CommandRow>* commands, GeoCommand* command, GeoCommand::Action action,
                        const char* name, const char* summary)
{
    CommandRow& row = commands->emplace_back();
    row.name = name;
    row.summary = summary;
    row.finish = [command, action](const std::vector<std::string>&) {
        command->action = action;
        return Result<void>();
    };
    return row;
}

void add_databases(OptionTable* options, GeoCommand* command)
{
    options->text("--geo-country", "FILE", &command->country_database, "MMDB file to ask first for countries");
    options->text("--geo-asn", "FILE", &command->asn_database, "MMDB file to ask first for organisations");
    options->flag("--json", &command->json, "Print JSON");
}

void add_sources(OptionTable* options, GeoCommand* command, const char* value)
{
    options->list("--country", value, &command->country_sources, "Country data: first,last,code");
    options->list("--asn", value, &command->asn_sources, "AS data: first,last,number,organisation");
    options->list("--attribution", "TEXT", &command->attribution, "Licence or attribution line to keep in the file");
    options->text("--output,-o", "FILE", &command->output, "MMDB file to write");
}

} // namespace

void add_geo_commands(std::vector<CommandRow>* commands, GeoCommand* command)
{
    CommandRow& lookup = add_command(commands, command, GeoCommand::Action::kLookup, "geo lookup",
                                     "Say country and organisation of addresses");
    lookup.words = "IP...";
    lookup.finish = [command](const std::vector<std::string>& words) -> Result<void> {
        if (words.empty())
            return Error{"geo lookup needs an address: IPv4 or IPv6, or - for one a line on standard input"};
        command->action = GeoCommand::Action::kLookup;
        command->addresses = words;
        return {};
    };
    lookup.examples = {{"flowxdp geo lookup 192.0.2.1 2001:db8::1", "two addresses"},
                       {"flowxdp geo lookup - < addresses", "one a line"}};
    add_databases(&lookup.options, command);

    CommandRow& import = add_command(commands, command, GeoCommand::Action::kImport, "geo import",
                                     "Make a database from CSV or MMDB files");
    import.examples = {{ "flowxdp geo import --country c.csv --asn a.csv -o geo.mmdb", "two files, plain or .gz" }};
    add_sources(&import.options, command, "FILE");

    CommandRow& update = add_command(commands, command, GeoCommand::Action::kUpdate, "geo update",
                                     "Get public data (npm, or the files and addresses given) and import it");
    update.examples = {{"flowxdp geo update", "the public data sets, into the default database"}};
    add_sources(&update.options, command, "FILE|URL");

    CommandRow& status = add_command(commands, command, GeoCommand::Action::kStatus, "geo status",
                                     "Say which database is used, its age and licence");
    add_databases(&status.options, command);
}

} // namespace flowxdp::geo
