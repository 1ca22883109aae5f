// SPDX-License-Identifier: BSD-2-Clause
// output_claims.h - which output or input uses which file, checked before anything is opened: two writers of one file
// would destroy each other's rows, and a writer of the input its only copy.
//
// A file is known by device and inode where it exists (links, hard links, /dev/stdout, redirections), else by the
// canonical path that it will have.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/result.h"

namespace flowxdp {

// One file that somebody will write.
struct OutputFile {
    std::string path;    // "-" = standard output
    bool pieces = false; // and PATH with other numbers for the one at its end (-W)
};

class OutputClaims {
  public:
    // A file that is read: "-" = standard input. who: "input 'a.pcap'", for the message.
    void add_input(const std::string& path, const std::string& who);
    // Throws StartupError (usage) when somebody else reads or writes that file.
    void add_output(const OutputFile& file, const std::string& who);

  private:
    struct Claim {
        std::vector<std::string> keys; // of the file; equal ones are one file
        std::string pieces;            // key of a piece without its number; empty = one file
        std::string who;
        bool reads = false;
    };
    static std::vector<std::string> keys_of(const std::string& path, int standard_stream);
    static bool is_same_file(const Claim& a, const Claim& b);

    std::vector<Claim> claims_;
};

} // namespace flowxdp
