// SPDX-License-Identifier: BSD-2-Clause
// A numbered series that may still grow (capture.h, open_capture_series).
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <thread>

#include "capture/capture_stream.h"
#include "core/number.h"
#include "core/printable.h"

namespace flowxdp {

namespace {

constexpr char kDefaultSeparator = 'p';

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

std::optional<std::uint64_t> number_of(std::string_view digits)
{
    const auto value = read_number(digits, 0, kNoLimit, 0);
    return value.ok() ? std::optional(value.value()) : std::nullopt;
}

// The names of a series: the text before and after the number, and the number's width.
struct SeriesName {
    std::string before;
    std::string behind;
    std::size_t width = 0; // leading zeros as in the first name (tcpdump -C with -W)
    std::uint64_t first = 0;
    bool first_bare = false; // the first name has no number: tcpdump -C writes out.pcap, out.pcap1, ...
    std::optional<std::uint64_t> last;

    [[nodiscard]] std::string path(std::uint64_t number) const
    {
        if (first_bare && number == first)
            return before + behind;
        return fmt::format("{}{:0{}}{}", before, number, width, behind);
    }
};

// Takes digits of text from `at` on as the number. False when there are none.
bool take_number(const std::string& text, std::size_t at, SeriesName& name)
{
    std::size_t end = at;
    while (end < text.size() && is_digit(text[end]))
        ++end;
    const std::optional<std::uint64_t> number = number_of(std::string_view(text).substr(at, end - at));
    if (!number)
        return false;
    name.before = text.substr(0, at);
    name.behind = text.substr(end);
    name.first = *number;
    name.width = text[at] == '0' ? end - at : 0;
    return true;
}

// As take_number(), for the digits that end before `end`.
bool take_number_before(const std::string& text, std::size_t end, std::size_t base, SeriesName& name)
{
    std::size_t at = end;
    while (at > base && is_digit(text[at - 1]))
        --at;
    return at < end && take_number(text, at, name);
}

// Where the extension of the file name begins; a suffix for compression is part of it.
std::size_t stem_end(const std::string& text, std::size_t base)
{
    std::size_t end = text.size();
    for (std::string_view compressed : {".gz", ".zst"}) {
        if (std::string_view(text).ends_with(compressed))
            end = text.size() - compressed.size();
    }
    const std::size_t dot = text.rfind('.', end == 0 ? 0 : end - 1);
    return dot != std::string::npos && dot >= base ? dot : end;
}

Result<SeriesName> parse_expression(const std::string& expression)
{
    const auto mistake = [&](const std::string& reason) {
        return Error{fmt::format("cannot read capture series '{}': {}; write FIRST_FILE[:SEPARATOR][,STOP], "
                                 "e.g. out.pcap0 or out.pcap00:p,99",
                                 printable(expression), reason)};
    };
    std::string text = expression;
    SeriesName name;
    if (const std::size_t comma = text.rfind(','); comma != std::string::npos) {
        if (std::optional<std::uint64_t> last = number_of(std::string_view(text).substr(comma + 1))) {
            name.last = last;
            text.resize(comma);
        } else if (const std::string stop = text.substr(comma + 1);
                   !stop.empty() && stop.find_first_not_of("+-0123456789") == std::string::npos) {
            return mistake(fmt::format("its last number: {}", read_number(stop, 0, kNoLimit, 99).error().message));
        }
    }
    bool explicit_separator = false;
    char separator = kDefaultSeparator;
    if (text.size() >= 3 && text[text.size() - 2] == ':') {
        separator = text.back();
        explicit_separator = true;
        text.resize(text.size() - 2);
    }
    const std::size_t base = text.rfind('/') == std::string::npos ? 0 : text.rfind('/') + 1;
    if (base == text.size())
        return mistake("it names no file");
    const std::size_t at = text.rfind(separator);
    const bool has_separator = at != std::string::npos && at >= base;
    if (explicit_separator && !has_separator)
        return mistake(fmt::format("there is no '{}' in the file name", separator));

    bool found = has_separator && take_number(text, at + 1, name);
    if (!found && !explicit_separator) {
        // At the end of the name (dump.0), or before its extension (out7.pcap, out7.pcap.gz).
        found = take_number_before(text, text.size(), base, name) ||
                take_number_before(text, stem_end(text, base), base, name);
    }
    if (!found && has_separator && at + 1 == text.size()) {
        name.before = text;
        name.first = 0;
        name.first_bare = true;
        found = true;
    }
    if (!found)
        return mistake("there is no number to count up");
    if (name.last && *name.last < name.first)
        return mistake(fmt::format("it stops at {}, before its first number {}", *name.last, name.first));
    return name;
}

bool exists(const std::string& path)
{
    struct stat status = {};
    return ::stat(path.c_str(), &status) == 0;
}

class SeriesCapture final : public CaptureStream {
  public:
    SeriesCapture(SeriesName name, std::unique_ptr<CaptureFile> first, CaptureOptions options)
        : CaptureStream(0), name_(std::move(name)), options_(std::move(options)), number_(name_.first)
    {
        begin_file(std::move(first));
    }

    std::size_t read(std::span<Frame> out) override
    {
        if (out.empty())
            return 0;
        while (!ended_) {
            if (current() == nullptr && !begin_next())
                continue;
            if (std::size_t frames = read_on(out); frames > 0) {
                quiet_ = false;
                return frames;
            }
            step();
        }
        return 0;
    }

  private:
    // Frames of the current file, its header first. 0: header_error_ or state() says why.
    std::size_t read_on(std::span<Frame> out)
    {
        if (!has_header_) {
            Result<bool> whole = current()->read_header();
            if (!whole) {
                header_error_ = whole.error().message;
                return 0;
            }
            has_header_ = *whole;
        }
        return has_header_ ? read_current(out) : 0;
    }

    // The current file has no frames now: goes to the next, waits, or ends.
    void step()
    {
        const CaptureFile::State state = current()->state();
        // NOLINTBEGIN(bugprone-branch-clone): each reason to close a file has its own branch.
        if (state == CaptureFile::State::kStopped) {
            ended_ = true;
            end_file();
        } else if (state == CaptureFile::State::kDamaged || !header_error_.empty()) {
            close_current();
        } else if (final_look_) {
            current()->finish();
            close_current();
        } else if (exists(name_.path(number_ + 1))) {
            // The writer has finished this file, perhaps after our last read: read once more.
            final_look_ = true;
        } else if (is_last() && quiet_ && has_header_ && !current()->is_cut()) {
            // STOP may never get a successor: it is finished when it is whole and rested for one interval.
            close_current();
        } else {
            quiet_ = true;
            wait();
        }
        // NOLINTEND(bugprone-branch-clone)
    }

    [[nodiscard]] bool is_last() const { return name_.last && number_ == *name_.last; }

    void wait()
    {
        if (options_.stop && options_.stop()) {
            // An incomplete record at the end of a file that is still being written is no damage.
            ended_ = true;
            end_file();
            return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(std::max<std::uint32_t>(options_.poll_ms, 1)));
    }

    void close_current()
    {
        if (!header_error_.empty())
            record_damage({.file = current()->info().name, .offset = 0, .reason = header_error_});
        end_file();
        ended_ = is_last();
        ++number_;
    }

    // Opens the file of number_, if it exists. False: not opened.
    bool begin_next()
    {
        const std::string path = name_.path(number_);
        if (!exists(path)) {
            if (options_.stop && options_.stop())
                ended_ = true;
            else
                std::this_thread::sleep_for(std::chrono::milliseconds(std::max<std::uint32_t>(options_.poll_ms, 1)));
            return false;
        }
        has_header_ = final_look_ = quiet_ = false;
        header_error_.clear();
        Result<std::unique_ptr<CaptureFile>> file = open_capture_file(path, options_);
        if (!file) {
            record_damage({.file = path, .offset = 0, .reason = file.error().message});
            ended_ = is_last();
            ++number_;
            return false;
        }
        begin_file(file.take());
        return true;
    }

    SeriesName name_;
    CaptureOptions options_;
    std::uint64_t number_;     // of the current file, or of the next to begin
    std::string header_error_; // the current file is no capture
    bool has_header_ = false;
    bool final_look_ = false; // its successor exists: the next end of input is the end
    bool quiet_ = false;      // the last read gave nothing
    bool ended_ = false;
};

} // namespace

Result<std::unique_ptr<Capture>> open_capture_series(const std::string& expression, const CaptureOptions& options)
{
    Result<SeriesName> name = parse_expression(expression);
    if (!name)
        return name.error();
    Result<std::unique_ptr<CaptureFile>> first = open_capture_file(name->path(name->first), options);
    if (!first)
        return cannot_read(name->path(name->first), first.error().message);
    // An empty first file is one whose writer still buffers; another format is reported at once.
    if (Result<bool> header = first.value()->read_header(); !header)
        return cannot_read(name->path(name->first), header.error().message);
    return std::unique_ptr<Capture>(std::make_unique<SeriesCapture>(name.take(), first.take(), options));
}

} // namespace flowxdp
