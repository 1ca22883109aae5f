// SPDX-License-Identifier: BSD-2-Clause
#include "geo/geo_options.h"

#include <CLI/CLI.hpp>

#include "geo/geo_command.h"

namespace flowxdp::geo {
namespace {

CLI::App* add_action(CLI::App& app, GeoCommand& command, GeoCommand::Action action, const char* name, const char* help)
{
    CLI::App* sub = app.add_subcommand(name, help);
    sub->callback([&command, action] { command.action = action; });
    return sub;
}

void add_databases(CLI::App& sub, GeoCommand& command)
{
    sub.add_option("--geo-country", command.country_database, "MMDB file to ask first for countries")
        ->type_name("FILE");
    sub.add_option("--geo-asn", command.asn_database, "MMDB file to ask first for organisations")->type_name("FILE");
    sub.add_flag("--json", command.json, "Print JSON");
}

void add_sources(CLI::App& sub, GeoCommand& command, const char* type)
{
    // expected(1) per use: a list option would swallow what follows it.
    sub.add_option("--country", command.country_sources, "Country data: first,last,code; may be repeated")
        ->type_name(type)
        ->expected(1)
        ->take_all();
    sub.add_option("--asn", command.asn_sources, "AS data: first,last,number,organisation; may be repeated")
        ->type_name(type)
        ->expected(1)
        ->take_all();
    sub.add_option("--attribution", command.attribution,
                   "Licence or attribution line to keep in the file; may be repeated")
        ->type_name("TEXT")
        ->expected(1)
        ->take_all();
    sub.add_option("-o,--output", command.output, "MMDB file to write")->type_name("FILE");
}

} // namespace

void add_geo_options(CLI::App& app, GeoCommand& command)
{
    app.require_subcommand(1);
    CLI::App* lookup =
        add_action(app, command, GeoCommand::Action::kLookup, "lookup", "Say country and organisation of addresses");
    lookup->add_option("addresses", command.addresses, "IPv4 or IPv6 addresses, - for one per line on standard input")
        ->type_name("IP")
        ->required();
    add_databases(*lookup, command);

    CLI::App* import =
        add_action(app, command, GeoCommand::Action::kImport, "import", "Make a database from CSV or MMDB files");
    add_sources(*import, command, "FILE");

    CLI::App* update = add_action(app, command, GeoCommand::Action::kUpdate, "update",
                                  "Get public data (npm, or the files and addresses given) and import it");
    add_sources(*update, command, "FILE|URL");

    CLI::App* status = add_action(app, command, GeoCommand::Action::kStatus, "status",
                                  "Say which database is used, its age and licence");
    add_databases(*status, command);
}

} // namespace flowxdp::geo
