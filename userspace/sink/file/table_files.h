// SPDX-License-Identifier: BSD-2-Clause
// table_files.h - the two output files of a sink: flow rows and, in packet mode, packet rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "flowxdp/sink.hpp"
#include "sink/file/split_file.h"

namespace flowxdp {

// Where they are and how they are cut.
struct TablePaths {
    std::string flows;
    std::string packets; // that of flows: packet rows have no file of their own
    CutRule flow_rule = {};
    CutRule packet_rule = {};
    bool tables_in_turn = false; // one stream may have both tables, each with its header

    // The files of a sink that writes PREFIX + suffix by default: flows and packets as given, empty = the default.
    static TablePaths of(const std::string& flows, const std::string& packets, std::string_view suffix,
                         const Rotation& rotation, const SinkContext& context);
    // For Sink::files(). The words of positions() are TableFiles's.
    [[nodiscard]] std::vector<SinkFile> files(const SinkContext& context) const;
};

class TableFiles {
  public:
    // counts: the sink's, kept by the files. Must outlive this object.
    explicit TableFiles(SinkCounts* counts) : flows_(counts), packets_(counts) {}

    Result<void> open(const TablePaths& paths, std::string_view flow_header, std::string_view packet_header,
                      const SinkContext& context);
    SplitFile* flows() { return &flows_; }
    // That of the flow rows when packet rows have none.
    SplitFile* packets() { return packets_.in_use() ? &packets_ : &flows_; }
    [[nodiscard]] bool has_packet_file() const { return packets_.in_use(); }

    // As SplitFile's, of both; the first error.
    Result<void> tick(std::int64_t clock_ns);
    Result<void> flush(bool final);
    Result<void> commit();
    Result<void> reopen();
    // Words of the flow rows' file, then those of the packet rows'.
    [[nodiscard]] std::vector<std::uint64_t> positions() const;
    [[nodiscard]] std::vector<std::string> report() const;

  private:
    SplitFile flows_, packets_;
};

} // namespace flowxdp
