// SPDX-License-Identifier: BSD-2-Clause
// frames.h - the frames that may stand in an Initial packet (RFC 9000 12.4): PADDING, PING, ACK, CRYPTO and
// CONNECTION_CLOSE.
#pragma once

#include "quic/crypto_stream.h"

namespace flowxdp::quic {

enum class FrameResult {
    kGood,
    kMalformed, // cut, or a frame that an Initial packet may not have; those before it were read
};

// Puts CRYPTO data into stream, which may be NULL; *closed becomes true when the connection is closed.
FrameResult read_frames(Bytes payload, CryptoStream* stream, bool* closed);

} // namespace flowxdp::quic
