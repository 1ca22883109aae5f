// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/table_reader.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/result.h"

namespace flowxdp {
namespace {

constexpr std::uint32_t kBatch = 4096;

} // namespace

TableReader::TableReader(int map_fd, std::uint32_t record_size)
    : map_fd_(map_fd), stride_((record_size + 7) & ~7u), keys_(kBatch), values_(kBatch * stride_ / 8)
{
}

void TableReader::each(const std::function<void(const flow_key&, const flow_record&)>& each)
{
    std::uint32_t cursor[10] = {}; // opaque to us: hash maps use the first word, 6.1 writes at most a key
    bool first = true;
    for (bool more = true; more;) {
        std::uint32_t n = kBatch;
        const int error =
            bpf_map_lookup_batch(map_fd_, first ? nullptr : cursor, cursor, keys_.data(), values_.data(), &n, nullptr);
        if (error && errno != ENOENT)
            throw StartupError(fmt::format("cannot scan the flow table: {}", std::strerror(errno)));
        more = error == 0;
        first = false;
        for (std::uint32_t i = 0; i < n; i++)
            each(keys_[i], *reinterpret_cast<const flow_record*>(values_.data() + i * stride_ / 8));
    }
}

} // namespace flowxdp
