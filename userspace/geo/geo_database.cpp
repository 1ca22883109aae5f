// SPDX-License-Identifier: BSD-2-Clause
#include "geo/geo.h"

#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "geo/label_text.h"
#include "geo/mmdb_file.h"
#include "geo/special_ranges.h"

namespace flowxdp::geo {
namespace {

constexpr std::string_view kUnknown = "-";

// Direct-mapped: each address has one slot; a new one replaces the old. Bounded by construction, one lock of 64 per
// look-up.
class LabelCache {
  public:
    LabelCache() : slots_(kSlots) {}

    std::optional<Label> find(const Address& address)
    {
        const std::size_t index = index_of(address);
        const std::lock_guard lock(locks_[index % kLocks]);
        const Slot& slot = slots_[index];
        if (slot.version != address.version || slot.number != address.number)
            return std::nullopt;
        return slot.label;
    }

    void store(const Address& address, const Label& label)
    {
        const std::size_t index = index_of(address);
        const std::lock_guard lock(locks_[index % kLocks]);
        slots_[index] = {address.number, label, address.version};
    }

  private:
    struct Slot {
        AddressNumber number = 0;
        Label label;
        int version = 0; // 0 = free
    };
    static constexpr std::size_t kSlots = 1 << 15; // x 64 bytes = 2 MiB
    static constexpr std::size_t kLocks = 64;

    static std::size_t index_of(const Address& address)
    {
        // Odd multipliers of 64 bits, high bits kept: neighbouring addresses spread over the table.
        auto hash = static_cast<std::uint64_t>(address.number) * 0x9e3779b97f4a7c15U;
        hash ^= static_cast<std::uint64_t>(address.number >> 64) * 0xc2b2ae3d27d4eb4fU;
        hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9U;
        return hash >> 49;
    }

    std::vector<Slot> slots_;
    std::array<std::mutex, kLocks> locks_;
};

// Labels of one file by record offset: a record is decoded once, however many addresses share it.
class RecordLabels {
  public:
    explicit RecordLabels(std::unique_ptr<MmdbFile> file) : file_(std::move(file)) {}

    // Empty views where the file knows nothing.
    Label look_up(const Address& address)
    {
        const auto offset = file_->find(address);
        if (!offset)
            return {};
        const std::lock_guard lock(mutex_);
        const auto known = labels_.find(*offset);
        if (known != labels_.end())
            return known->second;
        const GeoRecord record = file_->read_record(*offset);
        std::string organisation = clean_text(record.organisation, kOrganisationMax);
        if (organisation.empty() && record.asn != 0)
            organisation = fmt::format("AS{}", record.asn);
        const Label label{keep(country_label(record.country)), keep(std::move(organisation))};
        labels_.emplace(*offset, label);
        return label;
    }

    [[nodiscard]] const MmdbFile& file() const { return *file_; }

  private:
    std::string_view keep(std::string text) { return *texts_.insert(std::move(text)).first; }

    std::unique_ptr<MmdbFile> file_;
    std::mutex mutex_;
    std::unordered_map<std::uint32_t, Label> labels_; // at most one per record of the file
    std::unordered_set<std::string> texts_;           // node based: the views stay valid
};

class MmdbGeoDatabase final : public GeoDatabase {
  public:
    MmdbGeoDatabase(std::unique_ptr<RecordLabels> country, std::unique_ptr<RecordLabels> asn)
        : country_(std::move(country)), asn_(std::move(asn))
    {
    }

    Label look_up(const std::array<std::uint8_t, 16>& bytes, int ip_version) override
    {
        const Address address = address_from(bytes, ip_version);
        if (const SpecialRange* range = find_special(address)) // cheaper than a slot of the cache
            return {range->code, range->organisation};
        if (!has_data())
            return {kUnknown, kUnknown};
        if (const auto cached = cache_.find(address))
            return *cached;
        const Label label = answer(address);
        cache_.store(address, label);
        return label;
    }

    [[nodiscard]] std::vector<DatabaseInfo> databases() const override
    {
        std::vector<DatabaseInfo> infos;
        for (const RecordLabels* labels : {country_.get(), asn_.get()}) {
            if (labels != nullptr)
                infos.push_back(labels->file().info());
        }
        return infos;
    }

    [[nodiscard]] std::vector<std::string> status() const override
    {
        std::vector<std::string> lines;
        for (const DatabaseInfo& info : databases()) {
            lines.push_back(fmt::format("file        {} ({} bytes)", info.path, info.size_bytes));
            lines.push_back(fmt::format("built       {}", utc_text(info.build_epoch)));
            lines.push_back(fmt::format("type        {}, {}", info.type.empty() ? "-" : info.type,
                                        info.ip_version == 4 ? "IPv4 only" : "IPv4 and IPv6"));
            lines.push_back(fmt::format("networks    {} with {} different records", info.networks, info.records));
            if (!info.description.empty())
                lines.push_back(fmt::format("content     {}", info.description));
            lines.push_back(fmt::format("licence     {}", licence_line(info)));
        }
        return lines;
    }

    [[nodiscard]] bool has_data() const override { return country_ != nullptr || asn_ != nullptr; }

  private:
    Label answer(const Address& address)
    {
        Label from_country = country_ ? country_->look_up(address) : Label{};
        Label from_asn = asn_ ? asn_->look_up(address) : Label{};
        const auto first_of = [](std::string_view first, std::string_view second) {
            return !first.empty() ? first : !second.empty() ? second : kUnknown;
        };
        return {first_of(from_country.country, from_asn.country),
                first_of(from_asn.organisation, from_country.organisation)};
    }

    std::unique_ptr<RecordLabels> country_;
    std::unique_ptr<RecordLabels> asn_; // null when one file serves both
    LabelCache cache_;
};

Result<std::unique_ptr<RecordLabels>> open_labels(const std::string& path)
{
    auto file = MmdbFile::open(path);
    if (!file)
        return file.error();
    return std::make_unique<RecordLabels>(file.take());
}

} // namespace

Result<std::unique_ptr<GeoDatabase>> GeoDatabase::open(const std::string& country, const std::string& asn)
{
    std::unique_ptr<RecordLabels> country_labels;
    std::unique_ptr<RecordLabels> asn_labels;
    if (!country.empty()) {
        auto labels = open_labels(country);
        if (!labels)
            return labels.error();
        country_labels = labels.take();
    }
    if (!asn.empty() && asn != country) {
        auto labels = open_labels(asn);
        if (!labels)
            return labels.error();
        asn_labels = labels.take();
    }
    std::unique_ptr<GeoDatabase> database =
        std::make_unique<MmdbGeoDatabase>(std::move(country_labels), std::move(asn_labels));
    return database;
}

std::string licence_line(const DatabaseInfo& info)
{
    if (!info.attribution.empty())
        return info.attribution;
    if (info.type.starts_with("GeoLite2"))
        return "GeoLite2 End User Licence Agreement; this product includes GeoLite2 data created by MaxMind "
               "(https://www.maxmind.com)";
    if (info.type.starts_with("GeoIP"))
        return "commercial licence of MaxMind (https://www.maxmind.com)";
    if (info.type.starts_with("DBIP"))
        return "CC BY 4.0, IP Geolocation by DB-IP (https://db-ip.com)";
    if (info.type.starts_with("ipinfo"))
        return "CC BY-SA 4.0, IP address data powered by IPinfo (https://ipinfo.io)";
    return "not stated in the file; see where it came from";
}

std::string utc_text(std::uint64_t epoch)
{
    const auto seconds = static_cast<std::time_t>(epoch);
    std::tm parts{};
    if (gmtime_r(&seconds, &parts) == nullptr)
        return fmt::format("{} seconds after 1970", epoch);
    char buffer[64];
    const std::size_t length = std::strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {buffer, length};
}

std::vector<std::string> default_database_paths()
{
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nothing writes the environment
        return std::string(value != nullptr ? value : "");
    };
    if (const std::string path = variable("FLOWXDP_GEO"); !path.empty())
        return {path};
    std::vector<std::string> paths;
    if (const std::string data = variable("XDG_DATA_HOME"); !data.empty())
        paths.push_back(data + "/flowxdp/geo.mmdb");
    else if (const std::string home = variable("HOME"); !home.empty())
        paths.push_back(home + "/.local/share/flowxdp/geo.mmdb");
    paths.insert(::geteuid() == 0 ? paths.begin() : paths.end(), "/var/lib/flowxdp/geo.mmdb");
    return paths;
}

std::string find_default_database()
{
    for (const std::string& path : default_database_paths()) {
        std::error_code ignored; // a path that cannot be read counts as one without a database
        if (std::filesystem::exists(path, ignored))
            return path;
    }
    return {};
}

} // namespace flowxdp::geo
