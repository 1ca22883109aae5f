// SPDX-License-Identifier: BSD-2-Clause
// record_layout_header OBJECT HEADER - run while a bundle is built: the layout id of its BPF object, for its library.
// An unchanged header is not rewritten, so that nothing is compiled again.
#include <cstdio>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "record_layout.h"

int main(int argc, char** argv)
{
    if (argc != 3) {
        std::fputs("usage: record_layout_header OBJECT HEADER\n", stderr);
        return 2;
    }
    const auto id = flowxdp::record_layout_id_of(argv[1]);
    if (!id.ok()) {
        fmt::print(stderr, "{}\n", id.error().message);
        return 1;
    }
    const std::string text = fmt::format("/* Generated from the BPF object. */\n#define BUNDLE_LAYOUT_ID "
                                         "0x{:016x}ULL\n",
                                         id.value());
    std::ostringstream before;
    before << std::ifstream(argv[2]).rdbuf();
    if (before.str() == text)
        return 0;
    std::ofstream out(argv[2], std::ios::trunc);
    out << text;
    out.close();
    if (!out) {
        fmt::print(stderr, "cannot write '{}'\n", argv[2]);
        return 1;
    }
    return 0;
}
