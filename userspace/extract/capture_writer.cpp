// SPDX-License-Identifier: BSD-2-Clause
#include "extract/capture_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "flowxdp_version.h" // generated

namespace flowxdp {
namespace {

constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kInterfaceStatistics = 5;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::array<char, 4> kPadding{};
constexpr std::size_t kLongestName = 1024; // an option's length has 16 bits

template <typename T>
void put(T value, std::string* out)
{
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out->append(bytes, sizeof bytes);
}

void put_padded(std::string_view bytes, std::string* out)
{
    out->append(bytes);
    out->append(kPadding.data(), (4 - bytes.size() % 4) % 4);
}

void put_option(std::uint16_t code, std::string_view value, std::string* out)
{
    put<std::uint16_t>(code, out);
    put<std::uint16_t>(static_cast<std::uint16_t>(value.size()), out);
    put_padded(value, out);
}

// Times are two words, the high one first, whatever the byte order.
void put_time(std::int64_t ns, std::string* out)
{
    put<std::uint32_t>(static_cast<std::uint32_t>(static_cast<std::uint64_t>(ns) >> 32), out);
    put<std::uint32_t>(static_cast<std::uint32_t>(ns), out);
}

template <typename T>
std::string_view bytes_of(const T& value)
{
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

// A block around a body of whole words.
void put_block(std::uint32_t type, std::string_view body, std::string* out)
{
    const auto length = static_cast<std::uint32_t>(body.size() + 12);
    put(type, out);
    put(length, out);
    out->append(body);
    put(length, out);
}

} // namespace

std::uint64_t capture_id(const std::string& path)
{
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::absolute(path, error);
    return output_id("capture:" + (error ? path : whole.lexically_normal().string()));
}

void CaptureWriter::note(const Result<void>& written)
{
    if (!written.ok())
        last_error_ = written.error().message;
}

Result<void> CaptureWriter::open(const std::string& path, std::span<const Interface> interfaces,
                                 const ResumePoints& resume)
{
    id_ = capture_id(path);
    const auto left = resume.find(id_);
    RowFileStart start = {true};
    if (left != resume.end() && left->second.size() == 2)
        start = {true, left->second[0], left->second[1]};
    const auto opened = file_.open(path, start);
    std::string head;
    put_section(&head);
    for (const Interface& interface : interfaces)
        put_interface(interface, &head);
    return !opened.ok() || file_.resumed() ? opened : file_.write_header(head);
}

Result<CaptureWriter::Left> CaptureWriter::leave()
{
    note(file_.flush(true));
    if (!last_error_.empty())
        return Error{last_error_};
    return Left{file_.path(), file_.position(), file_.identity(), interfaces_, frames_};
}

Result<void> CaptureWriter::go_on(const Left& left)
{
    id_ = capture_id(left.path);
    interfaces_ = left.interfaces;
    frames_ = left.frames;
    if (auto opened = file_.open(left.path, {true, left.position, left.identity}); !opened.ok())
        return opened;
    if (!file_.resumed())
        return Error{fmt::format("{}: the file was replaced or cut while it was written", left.path)};
    return {};
}

void CaptureWriter::put_section(std::string* out)
{
    std::string section;
    put(kByteOrderMagic, &section);
    put<std::uint16_t>(1, &section);
    put<std::uint16_t>(0, &section);
    put<std::int64_t>(-1, &section); // length not known yet
    put_option(4, fmt::format("flowxdp {}", FLOWXDP_VERSION), &section);
    put_option(0, "", &section);
    put_block(kSectionHeader, section, out);
}

void CaptureWriter::put_interface(const Interface& interface, std::string* out)
{
    interfaces_.emplace(std::pair(interface.index, interface.link_type),
                        static_cast<std::uint32_t>(interfaces_.size()));
    std::string description;
    put<std::uint16_t>(static_cast<std::uint16_t>(interface.link_type), &description);
    put<std::uint16_t>(0, &description);
    put(interface.snap_len, &description);
    if (!interface.name.empty())
        put_option(2, std::string_view(interface.name).substr(0, kLongestName), &description);
    put_option(3, fmt::format("ifindex {}", interface.index), &description);
    put_option(9, "\x09", &description); // nanoseconds
    put_option(0, "", &description);
    put_block(kInterfaceDescription, description, out);
}

void CaptureWriter::put_frame(std::uint32_t number, std::int64_t ts_ns, std::uint32_t wire_len,
                              std::span<const std::uint8_t> bytes, std::string* out)
{
    const auto captured = static_cast<std::uint32_t>(bytes.size());
    const std::uint32_t length = 32 + ((captured + 3) & ~3u);
    put(kEnhancedPacket, out);
    put(length, out);
    put(number, out);
    put_time(ts_ns, out);
    put(captured, out);
    put(wire_len, out);
    put_padded({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, out);
    put(length, out);
}

void CaptureWriter::write(std::uint32_t interface, std::int64_t ts_ns, std::uint32_t wire_len,
                          std::span<const std::uint8_t> bytes)
{
    frames_++;
    const auto found = interfaces_.lower_bound({interface, 0});
    if (found == interfaces_.end() || found->first.first != interface) {
        counts_.dropped++;
        note(Error{
            fmt::format("capture '{}': a frame of interface {}, which it does not describe", file_.path(), interface)});
        return;
    }
    block_.clear();
    put_frame(found->second, ts_ns, wire_len, bytes, &block_);
    file_.buffer()->append(block_);
    note(file_.row_done());
}

void CaptureWriter::write(const Frame& frame, const std::string& interface_name)
{
    frames_++;
    block_.clear();
    // A description stands in one row with its first frame, so that both are in the file or none. Which of the dropped
    // rows had one is not known: a new section describes its interfaces anew.
    if (counts_.dropped != dropped_before_) {
        dropped_before_ = counts_.dropped;
        interfaces_.clear();
        put_section(&block_);
    }
    const std::pair key(frame.if_id, frame.link_type);
    if (!interfaces_.contains(key))
        put_interface({interface_name, frame.if_id, frame.link_type, 0}, &block_);
    put_frame(interfaces_.at(key), frame.ts_ns, frame.wire_len, {frame.data, frame.cap_len}, &block_);
    file_.buffer()->append(block_);
    note(file_.row_done());
}

void CaptureWriter::finish(std::int64_t end_ns, std::uint64_t received, std::uint64_t lost)
{
    for (std::uint32_t number = 0; number < interfaces_.size(); number++) {
        std::string body, end;
        put(number, &body);
        put_time(end_ns, &body);
        put_time(end_ns, &end);
        put_option(3, end, &body);
        // The counters are those of the sensor, for all its interfaces together.
        if (number == 0) {
            put_option(4, bytes_of(received), &body);
            put_option(5, bytes_of(lost), &body);
        }
        put_option(0, "", &body);
        block_.clear();
        put_block(kInterfaceStatistics, body, &block_);
        file_.buffer()->append(block_);
        note(file_.row_done());
    }
    note(file_.flush(true));
}

} // namespace flowxdp
