// SPDX-License-Identifier: BSD-2-Clause
#include "sink/file/table_files.h"

#include <algorithm>
#include <span>

namespace flowxdp {
namespace {

Result<void> first_error(Result<void> a, Result<void> b)
{
    return a.ok() ? std::move(b) : std::move(a);
}

} // namespace

TablePaths TablePaths::of(const std::string& flows, const std::string& packets, std::string_view suffix,
                          const Rotation& rotation, const SinkContext& context)
{
    TablePaths paths{
        flows.empty() ? default_row_path(context, suffix) : flows, packets, {{}, rotation}, {{}, rotation}};
    if (paths.packets.empty())
        paths.packets = packet_path_beside(paths.flows);
    return paths;
}

std::vector<SinkFile> TablePaths::files(const SinkContext& context) const
{
    std::vector<SinkFile> files = {SplitFile::sink_file(flows, flow_rule, 0)};
    if (context.packet_schema && packets != flows)
        files.push_back(SplitFile::sink_file(packets, packet_rule, SplitFile::position_words(flow_rule)));
    return files;
}

Result<void> TableFiles::open(const TablePaths& paths, std::string_view flow_header, std::string_view packet_header,
                              const SinkContext& context)
{
    const std::span<const std::uint64_t> resume(context.resume);
    const std::size_t flow_words = std::min(SplitFile::position_words(paths.flow_rule), resume.size());
    if (auto opened = flows_.open(paths.flows, paths.flow_rule, flow_header, context.live, resume.first(flow_words));
        !opened.ok())
        return opened;
    if (!context.packet_schema || (paths.packets == paths.flows && !paths.tables_in_turn))
        return {};
    return packets_.open(paths.packets, paths.packet_rule, packet_header, context.live, resume.subspan(flow_words));
}

Result<void> TableFiles::tick(std::int64_t clock_ns)
{
    Result<void> flows = flows_.tick(clock_ns);
    return first_error(std::move(flows), packets_.tick(clock_ns));
}

Result<void> TableFiles::flush(bool final)
{
    Result<void> flows = flows_.flush(final);
    return first_error(std::move(flows), packets_.flush(final));
}

Result<void> TableFiles::commit()
{
    Result<void> flows = flows_.commit();
    return first_error(std::move(flows), packets_.commit());
}

Result<void> TableFiles::reopen()
{
    Result<void> flows = flows_.reopen();
    return first_error(std::move(flows), packets_.reopen());
}

std::vector<std::uint64_t> TableFiles::positions() const
{
    std::vector<std::uint64_t> all = flows_.positions();
    if (packets_.in_use())
        for (const std::uint64_t word : packets_.positions())
            all.push_back(word);
    return all;
}

std::vector<std::string> TableFiles::report() const
{
    std::vector<std::string> lines = flows_.report();
    for (std::string& line : packets_.report())
        lines.push_back(std::move(line));
    return lines;
}

} // namespace flowxdp
