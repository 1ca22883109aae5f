// SPDX-License-Identifier: BSD-2-Clause
// geo_tool.cpp - `geo_tool geo ...` is `flowxdp geo ...` without the rest of flowxdp.
#include <iostream>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/geo_options.h"
#include "geo/geo_command.h"

int main(int argc, char** argv)
{
    flowxdp::geo::GeoCommand command;
    std::vector<flowxdp::CommandRow> commands;
    flowxdp::geo::add_geo_commands(&commands, &command);
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (const auto reply = flowxdp::read_command_line(commands, words, "geo_tool")) {
        (reply->code == flowxdp::ExitCode::kOk ? std::cout : std::cerr) << reply->text;
        return static_cast<int>(reply->code);
    }
    return static_cast<int>(flowxdp::geo::run_geo_command(command, std::cin, std::cout, std::cerr));
}
