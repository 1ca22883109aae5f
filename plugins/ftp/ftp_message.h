// SPDX-License-Identifier: BSD-2-Clause
// ftp_message.h - commands and replies of an FTP control connection (RFC 959, 2428) at the head of one direction's
// stream.
#pragma once

#include "text_protocol/command_dialogue.h"

namespace flowxdp::ftp {

// Most bytes of a direction that are looked at.
inline constexpr std::uint32_t kHeadBytes = 32768;

enum Stat : std::uint8_t {
    kFtp = 0x01,     // T2
    kPassive = 0x02, // T2
    kNotFtp = 0x04,
    kActive = 0x08, // T2
    kGap = 0x10,
    kHeadEnded = 0x20,
    kEncrypted = 0x40,
    kOverflow = 0x80, // T2
};

enum Text : std::uint8_t { kUser = 1, kPassword, kParameter };

// T2's names and bits of ftpCBF, from bit 0.
inline constexpr std::string_view kCommands[] = {
    "ABOR", "ACCT", "ADAT", "ALLO", "APPE", "AUTH", "CCC",  "CDUP", "CONF", "CWD",  "DELE", "ENC",  "EPRT",
    "EPSV", "FEAT", "HELP", "LANG", "LIST", "LPRT", "LPSV", "MDTM", "MIC",  "MKD",  "MLSD", "MLST", "MODE",
    "NLST", "NOOP", "OPTS", "PASS", "PASV", "PBSZ", "PORT", "PROT", "PWD",  "QUIT", "REIN", "REST", "RETR",
    "RMD",  "RNFR", "RNTO", "SITE", "SIZE", "SMNT", "STAT", "STOR", "STOU", "STRU", "SYST", "TYPE", "USER",
    "XCUP", "XMKD", "XPWD", "XRCP", "XRMD", "XRSQ", "XSEM", "XSEN", "CLNT"};

// Where a data connection goes, as announced.
struct Endpoint {
    std::uint8_t address[16]; // IPv4 mapped into IPv6
    std::uint8_t ip_version;  // 0: the sender's own address (EPSV)
    std::uint8_t pad;
    std::uint16_t port;
};
inline constexpr std::size_t kMostEndpoints = 8;

// What one direction said. Lies in flow memory: plain bytes, zero at first.
struct Side {
    LinePlace place;
    std::uint64_t commands; // ftpCBF
    std::uint16_t open_code;
    std::uint8_t stat; // ftpStat
    DialogueRole role;
    std::uint8_t is_done;
    std::uint8_t users, passwords, parameters, endpoint_count;
    NumberList<std::uint8_t, 32> order; // indices of kCommands
    std::uint8_t pad[2];
    NumberList<std::uint16_t, 24> codes;
    Endpoint endpoints[kMostEndpoints];
    TextPool<688> texts;
};

// Reads on. keep_passwords: their texts, too. Returns whether more bytes are wanted; a side without kFtp is zero.
bool read(const StreamView& head, bool keep_passwords, Side* side);

} // namespace flowxdp::ftp
