// SPDX-License-Identifier: BSD-2-Clause
// pcap_file.h - capture files built byte by byte, in either byte order, right or wrong on purpose.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flowxdp::test {

using Bytes = std::vector<std::uint8_t>;

// Appends numbers in a chosen byte order.
class ByteWriter {
  public:
    explicit ByteWriter(bool big_endian) : big_endian_(big_endian) {}

    ByteWriter& u8(std::uint64_t value) { return number(value, 1); }
    ByteWriter& u16(std::uint64_t value) { return number(value, 2); }
    ByteWriter& u32(std::uint64_t value) { return number(value, 4); }
    ByteWriter& u64(std::uint64_t value) { return number(value, 8); }
    ByteWriter& bytes(const Bytes& data)
    {
        data_.insert(data_.end(), data.begin(), data.end());
        return *this;
    }
    // Zeros up to a multiple of 4.
    ByteWriter& pad4()
    {
        while (data_.size() % 4 != 0)
            data_.push_back(0);
        return *this;
    }
    [[nodiscard]] const Bytes& data() const { return data_; }
    [[nodiscard]] bool big_endian() const { return big_endian_; }

  private:
    ByteWriter& number(std::uint64_t value, int size)
    {
        for (int i = 0; i < size; ++i)
            data_.push_back(static_cast<std::uint8_t>(value >> (8 * (big_endian_ ? size - 1 - i : i))));
        return *this;
    }

    bool big_endian_;
    Bytes data_;
};

struct PcapHeader {
    bool big_endian = false;
    std::uint32_t magic = 0xa1b2c3d4; // 0xa1b23c4d nanoseconds, 0xa1b2cd34 modified record header
    std::uint16_t major = 2;
    std::uint16_t minor = 4;
    std::uint32_t snap_len = 262144;
    std::uint32_t link_type = 1; // all 32 bits of the field
};

class PcapFile {
  public:
    explicit PcapFile(const PcapHeader& header = {}) : header_(header), out_(header.big_endian)
    {
        out_.u32(header.magic).u16(header.major).u16(header.minor).u32(0).u32(0);
        out_.u32(header.snap_len).u32(header.link_type);
    }

    // fraction in the file's unit; wire_len 0 = as captured.
    PcapFile& packet(std::uint32_t seconds, std::uint32_t fraction, const Bytes& frame, std::uint32_t wire_len = 0)
    {
        const auto cap_len = static_cast<std::uint32_t>(frame.size());
        record(seconds, fraction, cap_len, wire_len == 0 ? cap_len : wire_len);
        out_.bytes(frame);
        return *this;
    }

    // A record header alone, with the two lengths in the order they stand in the file.
    PcapFile& record(std::uint32_t seconds, std::uint32_t fraction, std::uint32_t length, std::uint32_t other_length)
    {
        out_.u32(seconds).u32(fraction).u32(length).u32(other_length);
        if (header_.magic == 0xa1b2cd34)
            out_.u32(7).u16(0x0800).u8(0).u8(0);
        return *this;
    }

    PcapFile& raw(const Bytes& data)
    {
        out_.bytes(data);
        return *this;
    }

    [[nodiscard]] const Bytes& bytes() const { return out_.data(); }

  private:
    PcapHeader header_;
    ByteWriter out_;
};

struct PcapngOption {
    std::uint16_t code;
    Bytes value;
};

class PcapngFile {
  public:
    PcapngFile() : out_(false) {}

    // Later blocks are of this byte order, until the next section.
    PcapngFile& section(bool big_endian = false, std::uint16_t major = 1, std::uint16_t minor = 0)
    {
        big_endian_ = big_endian;
        ByteWriter body = writer();
        body.u32(0x1a2b3c4d).u16(major).u16(minor).u64(UINT64_MAX);
        return block(0x0a0d0d0a, body.data());
    }

    PcapngFile& interface(std::uint16_t link_type, std::uint32_t snap_len = 0,
                          const std::vector<PcapngOption>& interface_options = {})
    {
        ByteWriter body = writer();
        body.u16(link_type).u16(0).u32(snap_len).bytes(options(interface_options));
        return block(1, body.data());
    }

    // wire_len 0 = as captured.
    PcapngFile& enhanced(std::uint32_t if_id, std::uint64_t ticks, const Bytes& frame, std::uint32_t wire_len = 0,
                         const std::vector<PcapngOption>& packet_options = {})
    {
        ByteWriter body = writer();
        body.u32(if_id);
        timed(body, ticks, frame, wire_len);
        body.bytes(options(packet_options));
        return block(6, body.data());
    }

    PcapngFile& obsolete(std::uint16_t if_id, std::uint64_t ticks, const Bytes& frame)
    {
        ByteWriter body = writer();
        body.u16(if_id).u16(0xffff);
        timed(body, ticks, frame, 0);
        return block(2, body.data());
    }

    PcapngFile& simple(const Bytes& captured, std::uint32_t wire_len)
    {
        ByteWriter body = writer();
        body.u32(wire_len).bytes(captured).pad4();
        return block(3, body.data());
    }

    // Any block; body must be a multiple of 4. wrong_by is added to the length at the end.
    PcapngFile& block(std::uint32_t type, const Bytes& body, std::uint32_t wrong_by = 0)
    {
        ByteWriter whole = writer();
        const std::uint64_t length = body.size() + 12;
        whole.u32(type).u32(length).bytes(body).u32(length + wrong_by);
        return raw(whole.data());
    }

    PcapngFile& raw(const Bytes& data)
    {
        out_.bytes(data);
        return *this;
    }

    // if_tsresol (9) and if_tsoffset (14, seconds).
    [[nodiscard]] PcapngOption resolution(std::uint8_t value) const { return {9, {value}}; }
    [[nodiscard]] PcapngOption offset(std::int64_t seconds) const
    {
        return {14, writer().u64(static_cast<std::uint64_t>(seconds)).data()};
    }

    [[nodiscard]] const Bytes& bytes() const { return out_.data(); }

  private:
    [[nodiscard]] ByteWriter writer() const { return ByteWriter(big_endian_); }

    static void timed(ByteWriter& body, std::uint64_t ticks, const Bytes& frame, std::uint32_t wire_len)
    {
        body.u32(ticks >> 32).u32(ticks & 0xffffffff).u32(frame.size());
        body.u32(wire_len == 0 ? frame.size() : wire_len).bytes(frame).pad4();
    }

    [[nodiscard]] Bytes options(const std::vector<PcapngOption>& list) const
    {
        ByteWriter out = writer();
        for (const PcapngOption& option : list)
            out.u16(option.code).u16(option.value.size()).bytes(option.value).pad4();
        if (!list.empty())
            out.u32(0);
        return out.data();
    }

    bool big_endian_ = false;
    ByteWriter out_;
};

// A frame of `size` bytes that differs by seed.
inline Bytes sample_frame(std::size_t size, std::uint8_t seed = 0)
{
    Bytes frame(size);
    for (std::size_t i = 0; i < size; ++i)
        frame[i] = static_cast<std::uint8_t>(seed + i * 7);
    return frame;
}

} // namespace flowxdp::test
