// SPDX-License-Identifier: BSD-2-Clause
// bundle_header - run while a bundle of this tree is built; `flowxdp plugin build` makes the same texts itself.
//     bundle_header halves HEADER NAME...     plugin_list.h
//     bundle_header layout HEADER OBJECT      bundle_layout_id.h: the layout id of the BPF object, for its library
// An unchanged header is not rewritten, so that nothing is compiled again.
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "half_list.h"
#include "record_layout.h"

namespace {

int write_header(const std::string& path, const std::string& text)
{
    std::ostringstream before;
    before << std::ifstream(path).rdbuf();
    if (before.str() == text)
        return 0;
    std::ofstream out(path, std::ios::trunc);
    out << text;
    out.close();
    if (out)
        return 0;
    fmt::print(stderr, "cannot write '{}'\n", path);
    return 1;
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() >= 2 && words[0] == "halves")
        return write_header(words[1], flowxdp::half_list_text(std::span(words).subspan(2)));
    if (words.size() == 3 && words[0] == "layout") {
        const auto id = flowxdp::record_layout_id_of(words[2]);
        if (id.ok())
            return write_header(words[1], flowxdp::layout_id_text(id.value()));
        fmt::print(stderr, "{}\n", id.error().message);
        return 1;
    }
    std::fputs("usage: bundle_header halves HEADER NAME...\n       bundle_header layout HEADER OBJECT\n", stderr);
    return 2;
}
