// SPDX-License-Identifier: BSD-2-Clause
// community_id_hash.h - Community ID version 1 of a flow, as in Corelight's community-id-spec.
//
// "1:" and base64 of SHA-1 over, in network order: seed (2 bytes), smaller and larger end's addresses (4 or 16 each),
// IP protocol, a zero byte, and for TCP, UDP, SCTP, ICMP and ICMPv6 the two ports in the same order. An end is smaller
// by its address, then by its port. ICMP types stand for ports: a request and its answer are each other's, and of a
// message that has no answer type and code are the ports and the sender is the first end.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

namespace flowxdp {

// A flow from one direction's view.
struct CommunityTuple {
    const std::uint8_t *src_address, *dst_address; // 16 bytes, IPv4 mapped into IPv6
    std::uint16_t src_port = 0, dst_port = 0;      // ICMP: type and code of a message that the source sent
    std::uint8_t ip_version, ip_proto;
};

class CommunityIdHash {
  public:
    static constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpV6 = 58, kSctp = 132;

    // Throws std::runtime_error when the library has no SHA-1.
    explicit CommunityIdHash(std::uint16_t seed);

    [[nodiscard]] static bool has_ports(std::uint8_t ip_proto)
    {
        return ip_proto == kIcmp || ip_proto == kTcp || ip_proto == kUdp || ip_proto == kIcmpV6 || ip_proto == kSctp;
    }
    // The type of the message that answers this type, or that it answers.
    [[nodiscard]] static std::optional<std::uint8_t> counterpart(std::uint8_t ip_proto, std::uint8_t type);

    // Empty when the library fails.
    [[nodiscard]] std::string id(const CommunityTuple& tuple) const;

  private:
    struct Free {
        void operator()(EVP_MD* md) const { EVP_MD_free(md); }
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD, Free> sha1_;
    std::unique_ptr<EVP_MD_CTX, Free> context_;
    std::uint16_t seed_;
};

} // namespace flowxdp
