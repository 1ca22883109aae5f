// SPDX-License-Identifier: BSD-2-Clause
#include "window_report.h"

#include <ctime>

#include <fmt/format.h>

#include "row/cell_text.h"

namespace flowxdp {
namespace {

constexpr std::int64_t kSecond = 1000000000;
constexpr std::int64_t kStepBack = 60 * kSecond;

std::int64_t floor_div(std::int64_t a, std::int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

std::string time_text(std::int64_t second)
{
    const auto t = static_cast<std::time_t>(second);
    std::tm local = {};
    char text[64];
    if (!::localtime_r(&t, &local))
        return std::to_string(second); // the year does not fit a calendar date
    return {text, std::strftime(text, sizeof text, "%a %d %b %Y %H:%M:%S", &local)};
}

} // namespace

void ReportTimer::start(std::int64_t ns)
{
    clock_ns_ = ns;
    mark_s_ = floor_div(floor_div(ns, kSecond), interval_s_) * interval_s_;
    started_ = true;
}

void ReportTimer::set_clock(std::int64_t ns)
{
    if (!started_ || ns < clock_ns_ - kStepBack)
        start(ns);
    else if (ns > clock_ns_)
        clock_ns_ = ns;
}

void ReportTimer::at_least(std::int64_t ns)
{
    if (!started_)
        start(ns);
    else if (ns > clock_ns_)
        clock_ns_ = ns;
}

bool ReportTimer::due(bool nonempty)
{
    const std::int64_t now = floor_div(clock_ns_, kSecond);
    if (!nonempty || !started_ || now - mark_s_ < interval_s_)
        return false;
    mark_s_ = now;
    return true;
}

std::vector<std::string> print_report(const WindowList& list, std::int64_t second, bool nul, std::size_t datagram_bytes)
{
    const std::string header = "# " + time_text(second) + "\n# IP\tpktTcpCnt\twinRelThCnt\n";
    const std::string end = nul ? std::string("\n\0", 2) : "\n";
    std::vector<std::string> messages;
    std::string message = header, row;
    bool has_rows = false;
    for (const WindowList::Entry& entry : list.entries()) {
        row.clear();
        append_ip(entry.address, entry.version, &row);
        row += fmt::format("\t{}\t{:.6f}\n", entry.packets, entry.ratio);
        if (datagram_bytes && has_rows && message.size() + row.size() + end.size() > datagram_bytes) {
            messages.push_back(message + end);
            message = header;
        }
        message += row;
        has_rows = true;
    }
    messages.push_back(message + end);
    return messages;
}

} // namespace flowxdp
