// SPDX-License-Identifier: BSD-2-Clause
// risk_bits.h - the risks of nDPI 4.2, bit n for risk n.
#pragma once

#include <cstdint>

#include "flowxdp/row.h"

namespace flowxdp {

inline constexpr fx_bit kNdpiRiskBits[] = {
    {std::uint64_t{1} << 1, "URL looks like cross-site scripting"},
    {std::uint64_t{1} << 2, "URL looks like SQL injection"},
    {std::uint64_t{1} << 3, "URL looks like code injection"},
    {std::uint64_t{1} << 4, "Program file is transferred"},
    {std::uint64_t{1} << 5, "Known protocol on another port than its own"},
    {std::uint64_t{1} << 6, "Certificate is signed by itself"},
    {std::uint64_t{1} << 7, "TLS 1.1 or older"},
    {std::uint64_t{1} << 8, "Weak TLS cipher"},
    {std::uint64_t{1} << 9, "Certificate has expired or is not valid yet"},
    {std::uint64_t{1} << 10, "Certificate is of another name"},
    {std::uint64_t{1} << 11, "Suspicious HTTP user agent"},
    {std::uint64_t{1} << 12, "HTTP host is an IP address"},
    {std::uint64_t{1} << 13, "Suspicious HTTP URL"},
    {std::uint64_t{1} << 14, "Suspicious HTTP header"},
    {std::uint64_t{1} << 15, "TLS that does not seem to carry HTTPS"},
    {std::uint64_t{1} << 16, "Name looks like made by an algorithm (DGA)"},
    {std::uint64_t{1} << 17, "Malformed packet"},
    {std::uint64_t{1} << 18, "Obsolete version or cipher of the SSH client"},
    {std::uint64_t{1} << 19, "Obsolete version or cipher of the SSH server"},
    {std::uint64_t{1} << 20, "SMB version 1"},
    {std::uint64_t{1} << 21, "Suspicious use of encrypted server names (ESNI)"},
    {std::uint64_t{1} << 22, "Protocol that is not safe"},
    {std::uint64_t{1} << 23, "Suspicious DNS traffic"},
    {std::uint64_t{1} << 24, "TLS without server name"},
    {std::uint64_t{1} << 25, "HTTP content is not what its type says"},
    {std::uint64_t{1} << 26, "Risky autonomous system"},
    {std::uint64_t{1} << 27, "Risky domain name"},
    {std::uint64_t{1} << 28, "JA3 of known malware"},
    {std::uint64_t{1} << 29, "Certificate of known malware"},
    {std::uint64_t{1} << 30, "Desktop or file sharing session"},
    {std::uint64_t{1} << 31, "Uncommon protocol in ALPN"},
    {std::uint64_t{1} << 32, "Certificate is valid for too long"},
    {std::uint64_t{1} << 33, "Suspicious TLS extension"},
    {std::uint64_t{1} << 34, "Fatal TLS alert"},
    {std::uint64_t{1} << 35, "Suspicious entropy"},
    {std::uint64_t{1} << 36, "Credentials in clear text"},
    {std::uint64_t{1} << 37, "DNS message above 512 bytes"},
    {std::uint64_t{1} << 38, "Fragmented DNS message"},
    {std::uint64_t{1} << 39, "Text with characters that cannot be printed"},
    {std::uint64_t{1} << 40, "Possible exploit"},
    {std::uint64_t{1} << 41, "Certificate is about to expire"},
};

} // namespace flowxdp
