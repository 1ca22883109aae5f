// SPDX-License-Identifier: BSD-2-Clause
#include "geo/mmdb_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "geo/label_text.h"
#include "geo/mmdb_check.h"

namespace flowxdp::geo {
namespace {

constexpr std::uint64_t kMaxFileBytes = 0x7fffffff; // libmaxminddb counts in 32 bits

Error failure(const std::string& path, std::string_view what)
{
    return Error{fmt::format("{}: {}", path, what)};
}

Error errno_failure(const std::string& path, std::string_view operation)
{
    return failure(path, fmt::format("{}: {}", operation, std::strerror(errno)));
}

// Copies path, which may be a pipe, into anonymous memory; returns its size in bytes.
Result<std::uint64_t> copy_to_memory(const std::string& path, int memory)
{
    const UniqueFd input(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!input)
        return errno_failure(path, "cannot open");
    std::vector<char> buffer(1 << 16);
    std::uint64_t total = 0;
    while (true) {
        const ssize_t got = ::read(input.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno_failure(path, "cannot read");
        if (got == 0)
            return total;
        total += static_cast<std::uint64_t>(got);
        if (total > kMaxFileBytes)
            return failure(path, "larger than 2 GiB, which is more than an MMDB reader can address");
        for (ssize_t done = 0; done < got;) {
            const ssize_t put = ::write(memory, buffer.data() + done, static_cast<std::size_t>(got - done));
            if (put < 0 && errno != EINTR)
                return errno_failure(path, "cannot copy into memory");
            done += std::max<ssize_t>(put, 0);
        }
    }
}

using Path = std::array<const char*, 3>; // ends with nullptr

std::optional<MMDB_entry_data_s> get_value(MMDB_entry_s entry, const Path& path)
{
    MMDB_entry_data_s data{};
    // A record without the key is an ordinary answer; damage was found by open().
    if (MMDB_aget_value(&entry, &data, path.data()) != MMDB_SUCCESS || !data.has_data)
        return std::nullopt;
    return data;
}

std::string_view text_of(const std::optional<MMDB_entry_data_s>& data)
{
    if (!data || data->type != MMDB_DATA_TYPE_UTF8_STRING)
        return {};
    return {data->utf8_string, data->data_size};
}

std::uint32_t as_number_of(const std::optional<MMDB_entry_data_s>& data)
{
    if (!data)
        return 0;
    switch (data->type) {
    case MMDB_DATA_TYPE_UINT16:
        return data->uint16;
    case MMDB_DATA_TYPE_UINT32:
        return data->uint32;
    case MMDB_DATA_TYPE_UINT64:
        return data->uint64 <= UINT32_MAX ? static_cast<std::uint32_t>(data->uint64) : 0;
    case MMDB_DATA_TYPE_UTF8_STRING: {
        std::string_view text = text_of(data);
        if (text.starts_with("AS") || text.starts_with("as"))
            text.remove_prefix(2);
        std::uint32_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        return error == std::errc() && end == text.data() + text.size() ? number : 0;
    }
    default:
        return 0;
    }
}

} // namespace

struct MmdbFile::Walk {
    const NetworkVisitor& visit;
    unsigned bits;            // 32 or 128
    std::uint64_t alias;      // root of the IPv4 tree; reached by any path but ::/96 it is an alias
    std::uint64_t steps_left; // a damaged tree may share nodes and so have 2^128 paths
};

MmdbFile::~MmdbFile()
{
    if (open_)
        MMDB_close(&mmdb_);
}

Result<std::unique_ptr<MmdbFile>> MmdbFile::open(const std::string& path)
{
    std::unique_ptr<MmdbFile> file(new MmdbFile());
    if (auto loaded = file->load(path); !loaded)
        return loaded.error();
    if (auto verified = file->verify(); !verified)
        return failure(path, verified.error().message);
    return file;
}

Result<void> MmdbFile::load(const std::string& path)
{
    memory_.reset(::memfd_create("flowxdp-geo", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory_)
        return errno_failure(path, "cannot create memory for the database");
    auto size = copy_to_memory(path, memory_.get());
    if (!size)
        return size.error();
    if (*size == 0)
        return failure(path, "the file is empty");
    if (::fcntl(memory_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        return errno_failure(path, "cannot seal the memory of the database");

    void* mapping = ::mmap(nullptr, *size, PROT_READ, MAP_PRIVATE, memory_.get(), 0);
    if (mapping == MAP_FAILED)
        return errno_failure(path, "cannot map");
    auto layout = check_mmdb_layout({static_cast<const std::uint8_t*>(mapping), *size});
    ::munmap(mapping, *size);
    if (!layout)
        return failure(path, layout.error().message);

    // libmaxminddb opens by name only.
    const int status = MMDB_open(fmt::format("/proc/self/fd/{}", memory_.get()).c_str(), MMDB_MODE_MMAP, &mmdb_);
    if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR)
        return failure(path,
                       fmt::format("cannot open its copy in memory (is /proc mounted?): {}", MMDB_strerror(status)));
    if (status != MMDB_SUCCESS)
        return failure(path, MMDB_strerror(status));
    open_ = true;
    if (mmdb_.metadata.node_count != layout->node_count || mmdb_.metadata.record_size != layout->record_bits)
        return failure(path, "the MMDB metadata is ambiguous: two readers see different search trees");

    info_.path = path;
    info_.size_bytes = *size;
    info_.type = clean_text(mmdb_.metadata.database_type, 200);
    info_.build_epoch = mmdb_.metadata.build_epoch;
    info_.nodes = mmdb_.metadata.node_count;
    info_.record_bits = mmdb_.metadata.record_size;
    info_.ip_version = mmdb_.metadata.ip_version;
    for (std::size_t i = 0; i < mmdb_.metadata.description.count; ++i) {
        const MMDB_description_s& entry = *mmdb_.metadata.description.descriptions[i];
        if (std::strcmp(entry.language, "en") == 0)
            info_.description = clean_text(entry.description, 2000);
        if (std::strcmp(entry.language, "attribution") == 0)
            info_.attribution = clean_text(entry.description, 2000);
    }
    return {};
}

Result<void> MmdbFile::verify()
{
    std::unordered_set<std::uint32_t> records;
    std::optional<std::uint32_t> damaged;
    const std::span<const std::uint8_t> data(mmdb_.data_section, mmdb_.data_section_size);
    auto walked = for_each_network([&](AddressNumber, AddressNumber, std::uint32_t offset) {
        ++info_.networks;
        if (records.insert(offset).second && !check_mmdb_value(data, offset) && !damaged)
            damaged = offset;
    });
    if (!walked)
        return walked;
    if (damaged)
        return Error{fmt::format("the record at offset {} of the data section is damaged", *damaged)};
    info_.records = records.size();
    return {};
}

Result<void> MmdbFile::for_each_network(const NetworkVisitor& visit) const
{
    const bool ipv6 = mmdb_.metadata.ip_version == 6;
    const std::uint64_t nodes = mmdb_.metadata.node_count;
    const bool has_ipv4_node = ipv6 && mmdb_.ipv4_start_node.netmask == 96 && mmdb_.ipv4_start_node.node_value < nodes;
    Walk walk{visit, ipv6 ? 128U : 32U, has_ipv4_node ? mmdb_.ipv4_start_node.node_value : nodes, 4 * nodes + 1024};
    return walk_node(walk, 0, 0, 0);
}

// node covers the 2^(bits - depth) addresses from base.
Result<void> MmdbFile::walk_node(Walk& walk, std::uint64_t node, AddressNumber base, unsigned depth) const
{
    if (depth >= walk.bits)
        return Error{fmt::format("the search tree is deeper than {} bits", walk.bits)};
    if (walk.steps_left-- == 0)
        return Error{"the search tree reaches the same nodes again and again"};
    MMDB_search_node_s content{};
    if (const int status = MMDB_read_node(&mmdb_, static_cast<std::uint32_t>(node), &content); status != MMDB_SUCCESS)
        return Error{fmt::format("search tree node {}: {}", node, MMDB_strerror(status))};

    const unsigned child_bits = walk.bits - depth - 1;
    const AddressNumber child_last = (AddressNumber{1} << child_bits) - 1; // child_bits is at most 127
    for (unsigned side = 0; side < 2; ++side) {
        const std::uint8_t type = side == 0 ? content.left_record_type : content.right_record_type;
        const std::uint64_t record = side == 0 ? content.left_record : content.right_record;
        const MMDB_entry_s& entry = side == 0 ? content.left_record_entry : content.right_record_entry;
        const AddressNumber child_base = base | AddressNumber{side} << child_bits;
        switch (type) {
        case MMDB_RECORD_TYPE_EMPTY:
            break;
        case MMDB_RECORD_TYPE_DATA:
            walk.visit(child_base, child_base + child_last, entry.offset);
            break;
        case MMDB_RECORD_TYPE_SEARCH_NODE:
            if (record == walk.alias && !(depth + 1 == 96 && child_base == 0)) {
                if (depth + 1 > 96)
                    return Error{fmt::format("the search tree is deeper than {} bits", walk.bits)};
                break;
            }
            if (auto done = walk_node(walk, record, child_base, depth + 1); !done)
                return done;
            break;
        default:
            return Error{fmt::format("search tree node {} points to nothing a file can hold", node)};
        }
    }
    return {};
}

std::optional<std::uint32_t> MmdbFile::find(const Address& address) const
{
    sockaddr_in ipv4{};
    sockaddr_in6 ipv6{};
    const sockaddr* socket_address = nullptr;
    if (address.version == 4) {
        ipv4.sin_family = AF_INET;
        ipv4.sin_addr.s_addr = htonl(static_cast<std::uint32_t>(address.number));
        socket_address = reinterpret_cast<const sockaddr*>(&ipv4);
    } else {
        if (mmdb_.metadata.ip_version == 4)
            return std::nullopt;
        ipv6.sin6_family = AF_INET6;
        const auto bytes = mapped_bytes(address);
        std::memcpy(&ipv6.sin6_addr, bytes.data(), bytes.size());
        socket_address = reinterpret_cast<const sockaddr*>(&ipv6);
    }
    int status = MMDB_SUCCESS;
    const MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&mmdb_, socket_address, &status);
    // No error is left to report: verify() walked every path of this memory, and it is sealed.
    if (status != MMDB_SUCCESS || !result.found_entry)
        return std::nullopt;
    return result.entry.offset;
}

GeoRecord MmdbFile::read_record(std::uint32_t offset) const
{
    const MMDB_entry_s entry{&mmdb_, offset};
    GeoRecord record;
    for (const Path& path : {Path{"country", "iso_code", nullptr}, Path{"country_code", nullptr, nullptr},
                             Path{"country", nullptr, nullptr}}) {
        record.country = country_label(text_of(get_value(entry, path)));
        if (!record.country.empty())
            break;
    }
    for (char& c : record.country)
        c = static_cast<char>(c - 'a' + 'A');
    for (const char* key : {"autonomous_system_organization", "as_name", "organization"}) {
        record.organisation = clean_text(text_of(get_value(entry, {key, nullptr, nullptr})), 250);
        if (!record.organisation.empty())
            break;
    }
    for (const char* key : {"autonomous_system_number", "asn"}) {
        record.asn = as_number_of(get_value(entry, {key, nullptr, nullptr}));
        if (record.asn != 0)
            break;
    }
    return record;
}

bool looks_like_mmdb(const std::string& path)
{
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file)
        return false;
    constexpr std::streamoff kTail = 131072;
    const std::streamoff size = file.tellg();
    const std::streamoff tail = std::min(size, kTail);
    std::string content(static_cast<std::size_t>(std::max<std::streamoff>(tail, 0)), '\0');
    file.seekg(size - tail);
    file.read(content.data(), tail);
    return file && content.find("\xab\xcd\xefMaxMind.com") != std::string::npos;
}

} // namespace flowxdp::geo
