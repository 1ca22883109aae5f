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

#include "core/printable.h"
#include "core/result.h"
#include "kernel/pin.h"

namespace flowxdp {

struct SensorStatePage {
    std::uint64_t generation;
    SensorStateRecord slot[2];
};

namespace {

constexpr std::int64_t kLatestTimeNs = 1LL << 62; // year 2116

// fits: the map has this version's shape.
UniqueFd open_state(const std::string& folder, bool* fits)
{
    UniqueFd map = open_pin(folder + "/" + kStatePin);
    *fits = map && check_map(map.get(), {"state", BPF_MAP_TYPE_ARRAY, 4, sizeof(SensorStatePage), 1}).ok();
    return map;
}

template <std::size_t kSize>
void end_text(char (&field)[kSize])
{
    field[kSize - 1] = 0;
}
// For a text that is only shown.
template <std::size_t kSize>
void keep_shown(char (&field)[kSize])
{
    end_text(field);
    set_text(field, printable(field));
}
void keep_time(std::int64_t* ns)
{
    if (*ns < 0 || *ns > kLatestTimeNs)
        *ns = 0;
}

} // namespace

SensorState::SensorState(const std::string& folder)
{
    const std::string pin = folder + "/" + kStatePin;
    bool fits = false;
    map_ = open_state(folder, &fits);
    if (map_ && !fits) { // of another version: its daemon is gone, we hold the folder's lock
        remove_pin(pin);
        map_.reset();
    }
    if (!map_) {
        bpf_map_create_opts options{};
        options.sz = sizeof options;
        options.map_flags = BPF_F_MMAPABLE;
        map_ = UniqueFd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "flowxdp_state", 4, sizeof(SensorStatePage), 1, &options));
        if (!map_ || !make_pin(map_.get(), pin))
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
    bool fits = false;
    const UniqueFd map = open_state(folder, &fits);
    auto page = std::make_unique<SensorStatePage>();
    const std::uint32_t zero = 0;
    if (!fits || bpf_map_lookup_elem(map.get(), &zero, page.get()))
        return std::nullopt;
    SensorStateRecord& record = page->slot[page->generation & 1];
    if (record.version != kSensorStateVersion)
        return std::nullopt;
    make_readable(&record);
    return record;
}

void make_readable(SensorStateRecord* record)
{
    keep_shown(record->interface);
    keep_shown(record->mode);
    keep_shown(record->program);
    keep_shown(record->plugins);
    end_text(record->bundle);
    end_text(record->plugin_options);
    end_text(record->tunnels);
    end_text(record->output);
    end_text(record->capture);
    for (SinkStateRecord& sink : record->sinks) {
        keep_shown(sink.label);
        keep_shown(sink.last_error);
    }
    for (OutputFileRecord& file : record->files)
        end_text(file.path);
    keep_time(&record->attached_ns);
    keep_time(&record->daemon_started_ns);
    keep_time(&record->updated_boot_ns);
    keep_time(&record->round_boot_ns);
}

std::vector<std::string> set_files(const std::vector<ResumableFile>& files, SensorStateRecord* record)
{
    std::vector<std::string> left_out;
    std::size_t at = 0;
    for (const ResumableFile& file : files) {
        if (at == kStateFiles || file.path.size() >= sizeof record->files[at].path) {
            left_out.push_back(file.path);
            continue;
        }
        OutputFileRecord& out = record->files[at++];
        out.output = file.output;
        out.words = file.words;
        out.pieces = file.pieces;
        set_text(out.path, file.path);
    }
    return left_out;
}

std::vector<ResumableFile> files_of(const SensorStateRecord& record)
{
    std::vector<ResumableFile> files;
    for (const OutputFileRecord& file : record.files)
        if (file.output)
            files.push_back({file.output, file.words, file.pieces != 0, file.path});
    return files;
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
