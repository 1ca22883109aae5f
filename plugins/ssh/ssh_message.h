// SPDX-License-Identifier: BSD-2-Clause
// ssh_message.h - the start of SSH in one direction (RFC 4253): banner, algorithms, host key, until encryption begins.
#pragma once

#include "text_protocol/stream_view.h"

namespace flowxdp::ssh {

// Most bytes of a direction that are looked at.
inline constexpr std::uint32_t kHeadBytes = 16384;

enum Stat : std::uint16_t { // T2; those of key exchange messages are told apart at the end only
    kSsh = 0x0001,
    kFirstBanner = 0x0002,
    kOddBanner = 0x0004,
    kKexInit = 0x0008,
    kDhInit = 0x0010,
    kDhReply = 0x0020,
    kEcdhInit = 0x0040,
    kEcdhReply = 0x0080,
    kGexGroup = 0x0100,
    kGexInit = 0x0200,
    kGexRequest = 0x0400,
    kGexReply = 0x0800,
    kNewKeys = 0x1000,
    kTextCut = 0x2000,
    kListCut = 0x4000,
    kMalformed = 0x8000,
};

// The name lists of SSH_MSG_KEXINIT that are kept, in their order (RFC 4253 7.1).
enum List : std::uint8_t {
    kKex,
    kHostKey,
    kCipherCs,
    kCipherSc,
    kMacCs,
    kMacSc,
    kCompressionCs,
    kCompressionSc,
    kLists,
};

inline constexpr std::size_t kMostBanner = 126, kMostKeyType = 48, kMostLists = 1280;

enum class Phase : std::uint8_t { kBanner, kPackets, kDone };

// What one direction said. Lies in flow memory: plain bytes, zero at first.
struct Side {
    std::uint32_t offset; // of the next binary packet
    std::uint16_t stat;   // sshStat, without the key exchange messages
    Phase phase;
    std::uint8_t messages;  // bit n: message 30 + n
    std::uint8_t lists_cut; // bit n: list n
    std::uint8_t has_host_key;
    std::uint8_t banner_length, key_type_length;
    std::uint16_t lists_used;
    std::uint16_t list_offset[kLists], list_length[kLists];
    std::uint8_t pad[2];
    std::uint8_t hassh[16], hassh_server[16]; // of these lists, if a client and if a server sent them
    std::uint8_t key_md5[16], key_sha256[32]; // of the host key
    char banner[kMostBanner];
    char key_type[kMostKeyType];
    char lists[kMostLists];

    [[nodiscard]] std::string_view banner_text() const { return {banner, banner_length}; }
    [[nodiscard]] std::string_view key_type_text() const { return {key_type, key_type_length}; }
    // Comma-separated names, as they were sent; only their front where the list's bit in lists_cut is set.
    [[nodiscard]] std::string_view list(List which) const { return {lists + list_offset[which], list_length[which]}; }
};

// Reads on. other is the opposite direction. Returns whether more bytes are wanted; a side without kSsh is zero.
bool read(const StreamView& head, const Side& other, Side* side);

// Whether this side is the client: it sent what clients send; if neither did, as the ports say (by_port).
bool is_client(const Side& side, const Side& other, bool by_port);

// The algorithm that client and server agree on: the client's first one that the server has, too. Empty when there is
// none, or when a cut list hides it.
std::string_view chosen(const Side& client, const Side& server, List which);

// sshStat with the key exchange messages, whose numbers have several meanings (RFC 4253 8, RFC 4419 3, RFC 5656 4).
std::uint16_t stat_with_messages(const Side& side, std::string_view kex);

} // namespace flowxdp::ssh
