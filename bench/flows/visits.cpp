// SPDX-License-Identifier: BSD-2-Clause
#include "flows/visits.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

namespace flowxdp::bench {
namespace {

// The kernel maps whole pages.
template <typename T>
std::size_t mapped_size()
{
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return (sizeof(T) + page - 1) / page * page;
}

template <typename T>
T* map_value(const bpf_object* object, const char* name)
{
    void* p = mmap(nullptr, mapped_size<T>(), PROT_READ | PROT_WRITE, MAP_SHARED,
                   bpf_object__find_map_fd_by_name(object, name), 0);
    if (p == MAP_FAILED)
        throw std::runtime_error(fmt::format("cannot map the map '{}': {}", name, std::strerror(errno)));
    return static_cast<T*>(p);
}

} // namespace

Visits::Visits(const bpf_object* object)
    : order_(map_value<visits_order>(object, "order")), turn_(map_value<visits_turn>(object, "turn"))
{
}

Visits::~Visits()
{
    munmap(order_, mapped_size<visits_order>());
    munmap(turn_, mapped_size<visits_turn>());
}

void Visits::set_order(const std::function<void(std::span<std::uint32_t>)>& fill)
{
    fill(order_->flow);
    turn_->visits = 0;
}

} // namespace flowxdp::bench
