// SPDX-License-Identifier: BSD-2-Clause
#include "extract/frame_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace flowxdp {

std::string FrameFiles::path_of_flow(const std::string& prefix, std::uint64_t flow)
{
    return fmt::format("{}_flow_{}.pcapng", prefix, flow);
}

Result<void> FrameFiles::begin()
{
    if (per_flow_)
        return {};
    const auto opened = writer_of(0);
    return opened.ok() ? Result<void>() : opened.error();
}

Result<void> FrameFiles::write(std::uint64_t flow, const Frame& frame, const std::string& interface_name)
{
    auto writer = writer_of(per_flow_ ? flow : 0);
    if (!writer.ok())
        return writer.error();
    writer.value()->write(frame, interface_name);
    if (const std::string& error = writer.value()->last_error(); !error.empty())
        return Error{error};
    frames_++;
    bytes_ += frame.cap_len;
    return {};
}

Result<CaptureWriter*> FrameFiles::writer_of(std::uint64_t flow)
{
    if (!open_.empty() && open_.front().flow == flow)
        return open_.front().writer.get();
    if (const auto found = by_flow_.find(flow); found != by_flow_.end()) {
        open_.splice(open_.begin(), open_, found->second);
        return open_.front().writer.get();
    }
    if (open_.size() >= kMostOpen)
        if (Result<void> left = leave_one(); !left.ok())
            return left.error();
    auto writer = std::make_unique<CaptureWriter>();
    const auto left = left_.find(flow);
    const Result<void> opened = left == left_.end() ? writer->open(path_of(flow), {}, {}) : writer->go_on(left->second);
    if (!opened.ok())
        return opened.error();
    if (left != left_.end())
        left_.erase(left);
    open_.push_front({flow, std::move(writer)});
    by_flow_[flow] = open_.begin();
    return open_.front().writer.get();
}

Result<void> FrameFiles::leave_one()
{
    auto left = open_.back().writer->leave();
    if (!left.ok())
        return left.error();
    left_[open_.back().flow] = left.take();
    by_flow_.erase(open_.back().flow);
    open_.pop_back();
    return {};
}

Result<void> FrameFiles::finish()
{
    while (!open_.empty())
        if (Result<void> left = leave_one(); !left.ok())
            return left;
    return {};
}

void FrameFiles::remove()
{
    for (const Open& open : open_)
        left_.try_emplace(open.flow);
    open_.clear();
    by_flow_.clear();
    for (const auto& [flow, left] : left_) {
        const std::string path = path_of(flow);
        struct stat file {};
        if (path != "-" && !::lstat(path.c_str(), &file) && S_ISREG(file.st_mode))
            ::unlink(path.c_str());
    }
    left_.clear();
}

} // namespace flowxdp
