// SPDX-License-Identifier: BSD-2-Clause
// Any text as a list of flows: what is taken is a set of numbers, which reads the same when it is written out again.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "query/flow_list.h"

namespace {

using flowxdp::query::FlowList;

void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "flow_list_fuzz: %s\n", what);
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto list = FlowList::parse({reinterpret_cast<const char*>(data), size});
    if (!list.ok()) {
        require(list.error().message.find("names no flow") != std::string::npos, "an error says which line");
        return 0;
    }
    const std::string text = list->text();
    const auto again = FlowList::parse(text);
    require(again.ok(), "what is written can be read");
    require(again->text() == text && again->count() == list->count(), "and holds the same");
    require(!list->contains(0), "no flow has the number 0");
    return 0;
}
