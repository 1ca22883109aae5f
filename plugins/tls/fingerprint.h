// SPDX-License-Identifier: BSD-2-Clause
// fingerprint.h - what a hello says of the software that wrote it: JA3 and JA3S (MD5 over decimal lists) and JA4
// (FoxIO's technical details of JA4: sorted lists, SHA-256). Of malformed hellos there is none.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tls/hello.h"

namespace flowxdp::tls {

using Md5 = std::array<std::uint8_t, 16>;
inline constexpr std::size_t kJa4Size = 36;
using Ja4 = std::array<char, kJa4Size>;

// JA4's first letter.
inline constexpr char kOverTcp = 't', kOverQuic = 'q';

// The texts that the MD5 is made of: "version,ciphers,extensions,groups,formats" and "version,cipher,extensions".
std::string ja3_text(const ClientHello& hello);
std::string ja3s_text(const ServerHello& hello);

// Nothing when libcrypto has no MD5, as under a FIPS policy.
std::optional<Md5> ja3(const ClientHello& hello);
std::optional<Md5> ja3s(const ServerHello& hello);
std::optional<Ja4> ja4(const ClientHello& hello, char transport);

} // namespace flowxdp::tls
