// SPDX-License-Identifier: BSD-2-Clause
#include "community_id_hash.h"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace flowxdp {

namespace {

struct TypePair {
    std::uint8_t request, answer;
};
// RFC 792, 950, 1256: echo, router solicitation, time stamp, information, address mask.
constexpr std::array<TypePair, 5> kIcmpPairs = {{{8, 0}, {10, 9}, {13, 14}, {15, 16}, {17, 18}}};
// RFC 4443, 2710, 4861, 4620, 6275: echo, listener query, router and neighbor solicitation, node information, home
// agent discovery.
constexpr std::array<TypePair, 6> kIcmpV6Pairs = {
    {{128, 129}, {130, 131}, {133, 134}, {135, 136}, {139, 140}, {144, 145}}};

// The bytes that are hashed.
class Input {
  public:
    void add8(unsigned value) { bytes_[size_++] = static_cast<std::uint8_t>(value); }
    void add16(unsigned value)
    {
        add8(value >> 8);
        add8(value);
    }
    void add(const std::uint8_t* bytes, std::size_t size)
    {
        std::memcpy(bytes_.data() + size_, bytes, size);
        size_ += size;
    }
    [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const { return size_; }

  private:
    std::array<std::uint8_t, 2 + 16 + 16 + 2 + 4> bytes_ = {};
    std::size_t size_ = 0;
};

} // namespace

CommunityIdHash::CommunityIdHash(std::uint16_t seed)
    : sha1_(EVP_MD_fetch(nullptr, "SHA1", nullptr)), context_(EVP_MD_CTX_new()), seed_(seed)
{
    if (!sha1_ || !context_)
        throw std::runtime_error("OpenSSL has no SHA-1");
}

std::optional<std::uint8_t> CommunityIdHash::counterpart(std::uint8_t ip_proto, std::uint8_t type)
{
    const auto find = [type](const auto& pairs) -> std::optional<std::uint8_t> {
        for (const TypePair& pair : pairs) {
            if (pair.request == type)
                return pair.answer;
            if (pair.answer == type)
                return pair.request;
        }
        return std::nullopt;
    };
    return ip_proto == kIcmp ? find(kIcmpPairs) : find(kIcmpV6Pairs);
}

std::string CommunityIdHash::id(const CommunityTuple& tuple) const
{
    const std::size_t width = tuple.ip_version == 4 ? 4 : 16;
    const std::uint8_t *first = tuple.src_address + 16 - width, *second = tuple.dst_address + 16 - width;
    std::uint16_t first_port = tuple.src_port, second_port = tuple.dst_port;
    bool one_way = false;
    if (tuple.ip_proto == kIcmp || tuple.ip_proto == kIcmpV6) {
        const auto answer = counterpart(tuple.ip_proto, static_cast<std::uint8_t>(tuple.src_port));
        one_way = !answer;
        if (answer)
            second_port = *answer;
    }
    const int order = std::memcmp(first, second, width);
    const bool with_ports = has_ports(tuple.ip_proto);
    if (!one_way && (order > 0 || (order == 0 && with_ports && first_port > second_port))) {
        std::swap(first, second);
        std::swap(first_port, second_port);
    }
    Input input;
    input.add16(seed_);
    input.add(first, width);
    input.add(second, width);
    input.add8(tuple.ip_proto);
    input.add8(0);
    if (with_ports) {
        input.add16(first_port);
        input.add16(second_port);
    }
    std::uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!EVP_DigestInit_ex2(context_.get(), sha1_.get(), nullptr) ||
        !EVP_DigestUpdate(context_.get(), input.data(), input.size()) ||
        !EVP_DigestFinal_ex(context_.get(), digest, &size))
        return {};
    unsigned char text[4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1];
    const int length = EVP_EncodeBlock(text, digest, static_cast<int>(size));
    return "1:" + std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
}

} // namespace flowxdp
