// SPDX-License-Identifier: BSD-2-Clause
// geo_tool.cpp - `geo_tool geo ...` is `flowxdp geo ...` without the rest of flowxdp.
#include <CLI/CLI.hpp>

#include <iostream>

#include "geo/geo_command.h"
#include "geo/geo_options.h"

int main(int argc, char** argv)
{
    CLI::App app("geo commands of flowxdp");
    flowxdp::geo::GeoCommand command;
    app.require_subcommand(1);
    flowxdp::geo::add_geo_options(*app.add_subcommand("geo", "Country and organisation of addresses"), command);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(flowxdp::ExitCode::kUsage);
    }
    return static_cast<int>(flowxdp::geo::run_geo_command(command, std::cin, std::cout, std::cerr));
}
