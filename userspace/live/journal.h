// SPDX-License-Identifier: BSD-2-Clause
// journal.h - what of a sensor's output is safe, in a pinned map (evict.h): a daemon that takes over after a kill
// neither loses a record nor writes one twice to a file.
#pragma once

#include <cstdint>

#include "evict.h"
#include "kernel/sensor_object.h"
#include "sink/resume_points.h"

namespace flowxdp {

// Outputs of a journal entry. set_resume_points() is false when not all have a place.
bool set_resume_points(const ResumePoints& points, journal_slot* entry);
ResumePoints resume_points(const journal_slot& entry);

class Journal {
  public:
    // Throws StartupError when the map cannot be mapped.
    explicit Journal(const SensorObject& sensor);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    // The last whole entry; all zero before the first commit().
    [[nodiscard]] journal_slot last() const;
    // Makes an entry the last one, at once: a kill before leaves the old one, a kill after the new one.
    void commit(const journal_slot& entry);

  private:
    journal* map_ = nullptr;
    std::size_t bytes_ = 0;
};

} // namespace flowxdp
