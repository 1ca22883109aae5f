// SPDX-License-Identifier: BSD-2-Clause
// status.h - the bit columns of the tls plugin: what a direction's handshake is, offers, and lacks.
#pragma once

#include <cstdint>

namespace flowxdp::tls {

// sslStat. Bits below 0x10000 that Tranalyzer2 has as well have its values.
enum Stat : std::uint32_t {
    kRecordTooLong = 0x00000002,
    kMalformed = 0x00000004,
    kCertificateExpired = 0x00000008,
    kFatalAlert = 0x00000010,
    kCipherListCut = 0x00000080,
    kExtensionListCut = 0x00000100,
    kProtocolListCut = 0x00000200,
    kProtocolNameCut = 0x00000400,
    kGroupListCut = 0x00000800,
    kWeakProtocol = 0x00004000,
    kStartNotSeen = 0x00010000,
    kHandshakeCut = 0x00020000,
    kCertificateEncrypted = 0x00040000,
    kSelfIssued = 0x00080000,
    kCertificateBroken = 0x00100000,
    kHelloRetry = 0x00200000,
    kResumptionOffered = 0x00400000,
    kResumed = 0x00800000,
    kEarlyDataOffered = 0x01000000,
    kEncryptedHello = 0x02000000,
    kOtherListCut = 0x04000000,
    kTextCut = 0x08000000,
    kClientSide = 0x10000000,
    kServerSide = 0x20000000,
};

// sslFlags, with Tranalyzer2's values.
enum Flag : std::uint8_t {
    kFlagSsl2 = 0x01,
    kFlagVersionDiffers = 0x02,
    kFlagSmallTime = 0x04,
    kFlagFarTime = 0x08,
    kFlagRandomIsNone = 0x10,
    kFlagDeflate = 0x20,
};

// sslProto, with Tranalyzer2's values.
enum Protocol : std::uint32_t {
    kHttp = 0x0001,
    kHttp2 = 0x0002,
    kHttp3 = 0x0004,
    kSpdy = 0x0008,
    kImap = 0x0010,
    kPop3 = 0x0020,
    kFtp = 0x0040,
    kXmpp = 0x0080,
    kStun = 0x0100,
    kWebRtc = 0x0400,
    kCoap = 0x0800,
    kManageSieve = 0x1000,
    kRtp = 0x2000,
    kOtherProtocol = 0x8000,
};

} // namespace flowxdp::tls
