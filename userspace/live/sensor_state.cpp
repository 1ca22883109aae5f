// SPDX-License-Identifier: BSD-2-Clause
#include "live/sensor_state.h"

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "core/result.h"

namespace flowxdp {

struct SensorStatePage {
    std::uint64_t generation;
    SensorStateRecord slot[2];
};

namespace {

constexpr const char* kPinName = "/state";

UniqueFd open_state(const std::string& folder, std::uint32_t* value_bytes)
{
    UniqueFd map(bpf_obj_get((folder + kPinName).c_str()));
    bpf_map_info info{};
    __u32 size = sizeof info;
    if (map && bpf_obj_get_info_by_fd(map.get(), &info, &size))
        map.reset();
    *value_bytes = info.value_size;
    return map;
}

} // namespace

SensorState::SensorState(const std::string& folder)
{
    const std::string pin = folder + kPinName;
    std::uint32_t value_bytes = 0;
    map_ = open_state(folder, &value_bytes);
    if (map_ &&
        value_bytes != sizeof(SensorStatePage)) { // of another version: its daemon is gone, we hold the folder's lock
        unlink(pin.c_str());
        map_.reset();
    }
    if (!map_) {
        bpf_map_create_opts options{};
        options.sz = sizeof options;
        options.map_flags = BPF_F_MMAPABLE;
        map_ = UniqueFd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "flowxdp_state", 4, sizeof(SensorStatePage), 1, &options));
        if (!map_ || bpf_obj_pin(map_.get(), pin.c_str()))
            throw StartupError(fmt::format("cannot make and pin '{}': {}", pin, std::strerror(errno)));
    }
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    bytes_ = (sizeof(SensorStatePage) + page - 1) / page * page;
    void* p = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, map_.get(), 0);
    if (p == MAP_FAILED)
        throw StartupError(fmt::format("cannot map '{}': {}", pin, std::strerror(errno)));
    page_ = static_cast<SensorStatePage*>(p);
}

SensorState::~SensorState()
{
    munmap(page_, bytes_);
}

const SensorStateRecord& SensorState::last() const
{
    return page_->slot[page_->generation & 1];
}

void SensorState::publish(const SensorStateRecord& record)
{
    page_->slot[(page_->generation + 1) & 1] = record;
    __atomic_store_n(&page_->generation, page_->generation + 1, __ATOMIC_RELEASE);
}

std::optional<SensorStateRecord> read_sensor_state(const std::string& folder)
{
    std::uint32_t value_bytes = 0;
    const UniqueFd map = open_state(folder, &value_bytes);
    auto page = std::make_unique<SensorStatePage>();
    const std::uint32_t zero = 0;
    if (!map || value_bytes != sizeof(SensorStatePage) || bpf_map_lookup_elem(map.get(), &zero, page.get()))
        return std::nullopt;
    const SensorStateRecord& record = page->slot[page->generation & 1];
    if (record.version != kSensorStateVersion)
        return std::nullopt;
    return record;
}

std::uint64_t own_network_namespace()
{
    struct stat s {};
    return stat("/proc/self/ns/net", &s) ? 0 : s.st_ino;
}

std::string network_namespace_file(std::uint64_t inode)
{
    struct stat s {};
    std::error_code ignored;
    for (const auto& name : std::filesystem::directory_iterator("/run/netns", ignored))
        if (!stat(name.path().c_str(), &s) && s.st_ino == inode)
            return name.path();
    for (const auto& process : std::filesystem::directory_iterator("/proc", ignored)) {
        std::string file = process.path() / "ns/net";
        if (!stat(file.c_str(), &s) && s.st_ino == inode)
            return file;
    }
    return "";
}

} // namespace flowxdp
