// SPDX-License-Identifier: BSD-2-Clause
// line_reader.h - the lines of a stream's head, one at a time, over any number of calls.
#pragma once

#include "text_protocol/stream_view.h"

namespace flowxdp {

struct TextLine {
    std::string_view text; // without its line end
    bool has_gap;          // bytes of it were not captured: its text is not what was sent
    bool is_whole;         // its line end was there
};

// Where the reader stands in its direction. Lies in flow memory: plain bytes, zero at first.
struct LinePlace {
    std::uint32_t offset;   // of the next line, or beyond the head when a body was skipped
    std::uint32_t searched; // no line end between offset and here
};

// Takes the next line: ends at LF, a CR in front of it is not part of the text. The rest of a complete head is a line
// that is not whole. Returns false when there is none yet, or no more.
inline bool take_line(const StreamView& head, LinePlace* place, TextLine* line)
{
    const std::size_t first = place->offset;
    if (first >= head.size())
        return false;
    const std::size_t from = std::max<std::size_t>(first, place->searched);
    const void* found = from < head.size() ? std::memchr(head.bytes.data() + from, '\n', head.size() - from) : nullptr;
    if (!found && !head.complete) {
        place->searched = static_cast<std::uint32_t>(head.size());
        return false;
    }
    const std::size_t end =
        found ? static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - head.bytes.data()) : head.size();
    const std::size_t next = found ? end + 1 : end;
    line->text = head.text(first, end - first);
    if (!line->text.empty() && line->text.back() == '\r')
        line->text.remove_suffix(1);
    line->has_gap = head.has_gap(first, next);
    line->is_whole = found != nullptr;
    place->offset = static_cast<std::uint32_t>(next);
    return true;
}

} // namespace flowxdp
