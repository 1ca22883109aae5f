// SPDX-License-Identifier: BSD-2-Clause
// journal.h - which output of a sensor is safe, in a pinned map (flowxdp/journal.h). With it a daemon that takes over
// after a kill loses no record and writes none twice to a file.
#pragma once

#include <cstdint>

#include "flowxdp/journal.h"
#include "kernel/sensor_object.h"
#include "sink/resume_points.h"

namespace flowxdp {

// Outputs of a journal entry. set_resume_points() returns false when some do not fit.
bool set_resume_points(const ResumePoints& points, journal_slot* entry);
ResumePoints resume_points(const journal_slot& entry);

// Another process may have written the entry: bounds its wall offset, so that it can be added to a time.
inline journal_slot make_readable(journal_slot entry)
{
    constexpr std::int64_t kLatestNs = 1LL << 62; // year 2116
    if (entry.wall_offset_ns < -kLatestNs || entry.wall_offset_ns > kLatestNs)
        entry.wall_offset_ns = 0;
    return entry;
}

class Journal {
  public:
    // Throws StartupError when the map cannot be mapped.
    explicit Journal(const SensorObject& sensor);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    // The last whole entry; all zero before the first one.
    [[nodiscard]] journal_slot last() const { return make_readable(map_->slot[map_->generation & 1]); }
    // The entry that prepare() wrote last, or an older one.
    [[nodiscard]] journal_slot other() const { return make_readable(map_->slot[(map_->generation + 1) & 1]); }
    // A commit has two steps, so that the journals of several sensors change together: prepare() writes the entry
    // beside the last one, raise() makes it the last one, at once. A kill before raise() leaves the old one, a kill
    // after it the new one.
    void prepare(const journal_slot& entry);
    void raise();

  private:
    struct journal* map_ = nullptr;
    std::size_t bytes_ = 0;
};

} // namespace flowxdp
