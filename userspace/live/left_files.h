// SPDX-License-Identifier: BSD-2-Clause
// left_files.h - files that a killed daemon wrote into. After the part that the journal calls safe stand the last rows
// before the kill. They come again from ring and outbox, maybe into another file, so the next daemon cuts them off
// first.
//
//
// A pinned map gives the files' paths, and the owner of the pins may have written any path there. So files are cut with
// that user's rights, and only when the file itself proves to be the one that the daemon wrote.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "flowxdp/journal.h"
#include "live/sensor_state.h"

namespace flowxdp {

struct LeftFile {
    std::string path;              // of pieces: the last safe one
    std::string pieces;            // what their names begin with; empty: it is one file
    std::uint64_t piece = 0;       // number of the last safe piece
    std::uint64_t length = 0;      // bytes that are safe
    std::uint64_t identity = 0;    // file_identity.h
    std::int64_t committed_ns = 0; // wall clock: time of that commit
    std::int64_t last_seen_ns = 0; // wall clock: when the daemon last said that it runs
    uid_t owner = 0;               // of the pins
};

// What became of a file.
struct CutFile {
    std::string path = {};
    std::uint64_t cut_off = 0; // bytes
    std::string problem = {};  // why rows that come again may still be in it; empty: none are
};

// The files of a sensor: its state gives the paths, its journal what is safe in them. wall_offset_ns: wall clock less
// boot clock.
std::vector<LeftFile> left_files(const SensorStateRecord& state, const journal_slot& journal, uid_t owner,
                                 std::int64_t wall_offset_ns);

// Cuts files back, each once, by the newest journal. Reports those that were changed or should have been. Follows no
// link. Leaves a file alone that is not a regular one, is not the one that was written, or was changed since; also
// another user's file, unless root's pins name it.
std::vector<CutFile> cut_back(const std::vector<LeftFile>& files);

} // namespace flowxdp
