// SPDX-License-Identifier: BSD-2-Clause
#include "quic/frames.h"

namespace flowxdp::quic {
namespace {

enum FrameType : std::uint64_t {
    kPadding = 0x00,
    kPing = 0x01,
    kAck = 0x02,
    kAckEcn = 0x03,
    kCrypto = 0x06,
    kConnectionClose = 0x1c,
};

bool skip_varints(Bytes* left, std::uint64_t count)
{
    for (; count; count--)
        if (!take_varint(left))
            return false;
    return true;
}

// RFC 9000 19.3. Each range is at least two bytes, so a count that lies ends with the payload.
bool skip_ack(Bytes* left, bool ecn)
{
    if (!skip_varints(left, 2))
        return false;
    const auto ranges = take_varint(left);
    if (!ranges || *ranges > left->size())
        return false;
    return skip_varints(left, 1 + 2 * *ranges) && (!ecn || skip_varints(left, 3));
}

} // namespace

FrameResult read_frames(Bytes payload, CryptoStream* stream, bool* closed)
{
    while (!payload.empty()) {
        const auto type = take_varint(&payload);
        if (!type)
            return FrameResult::kMalformed;
        switch (*type) {
        case kPadding:
        case kPing:
            break;
        case kAck:
        case kAckEcn:
            if (!skip_ack(&payload, *type == kAckEcn))
                return FrameResult::kMalformed;
            break;
        case kCrypto: {
            const auto offset = take_varint(&payload);
            const auto length = offset ? take_varint(&payload) : std::nullopt;
            if (!length || *length > payload.size())
                return FrameResult::kMalformed;
            if (stream)
                stream->add(*offset, payload.first(static_cast<std::size_t>(*length)));
            payload = payload.subspan(static_cast<std::size_t>(*length));
            break;
        }
        case kConnectionClose: {
            *closed = true;
            if (!skip_varints(&payload, 2))
                return FrameResult::kMalformed;
            const auto reason = take_varint(&payload);
            if (!reason || *reason > payload.size())
                return FrameResult::kMalformed;
            payload = payload.subspan(static_cast<std::size_t>(*reason));
            break;
        }
        default:
            return FrameResult::kMalformed;
        }
    }
    return FrameResult::kGood;
}

} // namespace flowxdp::quic
