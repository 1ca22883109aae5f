// SPDX-License-Identifier: BSD-2-Clause
#include "half_list.h"

#include <algorithm>

#include <fmt/format.h>

namespace flowxdp {
namespace {

std::string upper(std::string name)
{
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
    return name;
}

} // namespace

std::string half_list_text(std::span<const std::string> names)
{
    std::string includes, choices, halves, colds, needs, packet_states, leaving_out;
    for (const std::string& name : names) {
        const std::string big = upper(name);
        includes += fmt::format("#include \"{0}/{0}.bpf.h\"\n", name);
        halves += fmt::format(" X({})", name);
        colds += fmt::format(" FX_COLD_STATE_{}(X)", big);
        needs += fmt::format(" FX_NEED_OF_{}(X)", big);
        leaving_out += fmt::format(" FX_LEAVING_OUT_{}(X)", big);
        packet_states += fmt::format(" FX_PACKET_STATE_{}(X)", big);
        choices += fmt::format(R"(#ifdef {1}_HAS_NEED
#define FX_NEED_OF_{1}(X) X({0})
#else
#define FX_NEED_OF_{1}(X)
#endif
#ifdef {1}_HAS_COLD
#define FX_COLD_STATE_{1}(X) X({0})
#define FX_HAS_COLD_{0} 1
#define FX_COLD_{0} struct {0}_cold
#else
#define FX_COLD_STATE_{1}(X)
#define FX_HAS_COLD_{0} 0
#define FX_COLD_{0} struct no_cold
#endif
#ifdef {1}_LEAVES_OUT
#define FX_LEAVING_OUT_{1}(X) X({0})
#else
#define FX_LEAVING_OUT_{1}(X)
#endif
#ifdef {1}_HAS_PACKET_STATE
#define FX_PACKET_STATE_{1}(X) X({0})
#else
#define FX_PACKET_STATE_{1}(X)
#endif
)",
                               name, big);
    }
    return fmt::format("/* Generated: the kernel halves of a bundle, in order of their numbers. */\n{}\n{}\n"
                       "#define FX_FOR_EACH_KERNEL_HALF(X){}\n#define FX_FOR_EACH_COLD(X){}\n"
                       "#define FX_FOR_EACH_NEED(X){}\n#define FX_FOR_EACH_PACKET_STATE(X){}\n"
                       "#define FX_FOR_EACH_LEAVING_OUT(X){}\n",
                       includes, choices, halves, colds, needs, packet_states, leaving_out);
}

} // namespace flowxdp
