// SPDX-License-Identifier: BSD-2-Clause
// syslog_message.h - the header of a syslog message (RFC 5424, 6).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace flowxdp {

// The parts that all messages of a sink share.
class SyslogHeader {
  public:
    // facility: 0 to 23, severity: 0 to 7. host, app: characters that the RFC does not allow become '?', what is too
    // long is cut (255 and 48 characters); empty is the nil value.
    SyslogHeader(unsigned facility, unsigned severity, std::string_view host, std::string_view app,
                 std::uint32_t process);

    // "<134>1 2026-11-29T18:20:00.123456Z host app 4711 flow - ", ready for the message. time_ns: since the epoch;
    // before the year 0 or after 9999 the time is the nil value.
    void append(std::int64_t time_ns, std::string_view message_id, std::string* out) const;

  private:
    std::string before_, after_; // the time
};

} // namespace flowxdp
