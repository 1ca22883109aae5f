// SPDX-License-Identifier: BSD-2-Clause
#include "syslog_message.h"

#include <ctime>

#include <fmt/format.h>

namespace flowxdp {
namespace {

// PRINTUSASCII of the RFC, cut; '-' for nothing.
std::string field(std::string_view text, std::size_t most)
{
    std::string out;
    for (const char c : text.substr(0, most))
        out += c > 0x20 && c < 0x7f ? c : '?';
    return out.empty() ? "-" : out;
}

} // namespace

SyslogHeader::SyslogHeader(unsigned facility, unsigned severity, std::string_view host, std::string_view app,
                           std::uint32_t process)
    : before_(fmt::format("<{}>1 ", facility * 8 + severity)),
      after_(fmt::format(" {} {} {} ", field(host, 255), field(app, 48), process))
{
}

void SyslogHeader::append(std::int64_t time_ns, std::string_view message_id, std::string* out) const
{
    constexpr std::int64_t kSecond = 1000000000;
    std::int64_t seconds = time_ns / kSecond, rest = time_ns % kSecond;
    if (rest < 0) {
        seconds--;
        rest += kSecond;
    }
    const std::time_t time = seconds;
    std::tm parts{};
    *out += before_;
    if (gmtime_r(&time, &parts) && parts.tm_year >= -1900 && parts.tm_year <= 9999 - 1900)
        *out += fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                            parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, rest / 1000);
    else
        out->push_back('-');
    *out += after_;
    *out += message_id;
    *out += " - "; // no structured data
}

} // namespace flowxdp
