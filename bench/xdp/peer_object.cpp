// SPDX-License-Identifier: BSD-2-Clause
#include "peer_object.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace flowxdp::bench {
namespace {

bool is_hash(const bpf_map* map)
{
    const bpf_map_type type = bpf_map__type(map);
    return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_HASH ||
           type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

using Key = std::vector<std::uint8_t>;

std::vector<Key> keys_of(const bpf_map* map)
{
    std::vector<Key> keys;
    Key key(bpf_map__key_size(map));
    for (const void* last = nullptr; !bpf_map_get_next_key(bpf_map__fd(map), last, key.data());) {
        keys.push_back(key);
        last = keys.back().data();
    }
    return keys;
}

} // namespace

PeerObject::PeerObject(const std::string& spec, std::uint32_t max_flows)
{
    const std::size_t colon = spec.rfind(':');
    if (colon == std::string::npos)
        throw std::runtime_error(fmt::format("'{}' is not OBJECT:PROGRAM", spec));
    const std::string path = spec.substr(0, colon), name = spec.substr(colon + 1);
    object_.reset(bpf_object__open_file(path.c_str(), nullptr));
    if (!object_)
        throw std::runtime_error(fmt::format("cannot open '{}': {}", path, std::strerror(errno)));
    program_ = bpf_object__find_program_by_name(object_.get(), name.c_str());
    if (!program_)
        throw std::runtime_error(fmt::format("there is no program '{}' in '{}'", name, path));
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object_.get()) bpf_program__set_autoload(program, program == program_);
    // The loaders of most TC programs go by names of sections that libbpf does not know.
    if (bpf_program__type(program_) == BPF_PROG_TYPE_UNSPEC)
        bpf_program__set_type(program_, BPF_PROG_TYPE_SCHED_CLS);
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object_.get())
    {
        bpf_map__set_pin_path(map, nullptr);
        if (is_hash(map) && bpf_map__max_entries(map) > max_flows)
            bpf_map__set_max_entries(map, max_flows);
    }
    if (bpf_object__load(object_.get()))
        throw std::runtime_error(fmt::format("the kernel refuses '{}': {}", path, std::strerror(errno)));
    kind_ = ProgramKind::of(program_);
}

int PeerObject::program() const
{
    return bpf_program__fd(program_);
}

std::uint64_t PeerObject::flows() const
{
    std::uint64_t most = 0;
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object_.get())
    {
        if (is_hash(map))
            most = std::max<std::uint64_t>(most, keys_of(map).size());
    }
    return most;
}

std::uint64_t PeerObject::memory_bytes() const
{
    std::uint64_t bytes = 0;
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object_.get()) bytes += map_memory_bytes(bpf_map__fd(map));
    return bytes;
}

void PeerObject::evict_all(Random* order)
{
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object_.get())
    {
        if (!is_hash(map))
            continue;
        std::vector<Key> keys = keys_of(map);
        if (order)
            for (std::size_t i = keys.size(); i > 1; i--)
                std::swap(keys[i - 1], keys[order->below(i)]);
        for (const Key& key : keys)
            bpf_map_delete_elem(bpf_map__fd(map), key.data());
    }
}

} // namespace flowxdp::bench
