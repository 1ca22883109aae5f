// SPDX-License-Identifier: BSD-2-Clause
#include "tls/hello.h"

#include <algorithm>
#include <array>

namespace flowxdp::tls {
namespace {

constexpr std::size_t kRandomSize = 32, kMostSessionId = 32;
constexpr std::uint8_t kDeflate = 1, kHostName = 0;

// RFC 8446 4.1.3: the random of a HelloRetryRequest, SHA-256 of "HelloRetryRequest".
constexpr std::array<std::uint8_t, kRandomSize> kRetryRandom = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

// Version, random and session id, which both messages begin with.
bool parse_start(ByteReader* reader, Hello* hello)
{
    hello->legacy_version = reader->u16();
    hello->random = reader->take(kRandomSize);
    hello->session_id = reader->vector8();
    hello->malformed = hello->session_id.size() > kMostSessionId;
    return reader->ok();
}

void parse_common_extension(const ExtensionList::Extension& extension, Hello* hello, ByteReader* reader)
{
    switch (extension.type) {
    case kAlpn:
        if (hello->protocol_names.empty())
            hello->protocol_names = reader->vector16();
        break;
    case kSessionTicket:
        hello->offers_ticket = !extension.data.empty();
        break;
    case kPreSharedKey:
        hello->pre_shared_key = true;
        break;
    case kEarlyData:
        hello->early_data = true;
        break;
    case kEncryptedClientHello:
        hello->encrypted_hello = true;
        break;
    case kUseSrtp:
        hello->use_srtp = true;
        break;
    default:
        break;
    }
}

Bytes first_host_name(ByteReader* reader)
{
    ByteReader names(reader->vector16());
    while (names.left()) {
        const std::uint8_t type = names.u8();
        const Bytes name = names.vector16();
        if (names.ok() && type == kHostName)
            return name;
    }
    return {};
}

// Extensions are optional before TLS 1.3. A message that was cut has the front of them.
void take_extensions(ByteReader* reader, Hello* hello)
{
    if (!reader->left())
        return;
    const std::size_t claimed = reader->u16();
    hello->malformed |= !reader->ok() || claimed != reader->left();
    hello->extensions = ExtensionList(reader->take(std::min(claimed, reader->left())));
}

} // namespace

std::uint16_t ClientHello::version() const
{
    std::uint16_t highest = 0;
    for (std::size_t i = 0; i < versions.size(); i++)
        if (!is_grease(versions[i]))
            highest = std::max(highest, versions[i]);
    return highest ? highest : legacy_version;
}

std::optional<ClientHello> parse_client_hello(Bytes body)
{
    ByteReader reader(body);
    ClientHello hello;
    if (!parse_start(&reader, &hello))
        return std::nullopt;
    const Bytes suites = reader.vector16();
    if (!reader.ok())
        return std::nullopt;
    hello.cipher_suites = U16View(suites);
    const Bytes compression = reader.vector8();
    hello.deflate = std::find(compression.begin(), compression.end(), kDeflate) != compression.end();
    hello.malformed |= !reader.ok() || suites.size() % 2;
    take_extensions(&reader, &hello);
    const bool whole = hello.extensions.each([&hello](const ExtensionList::Extension& extension) {
        ByteReader data(extension.data);
        switch (extension.type) {
        case kServerName:
            if (!hello.has_server_name && !extension.data.empty())
                hello.server_name = first_host_name(&data);
            hello.has_server_name = true;
            break;
        case kSupportedVersions:
            hello.versions = U16View(data.vector8());
            break;
        case kSignatureAlgorithms:
            hello.signature_algorithms = U16View(data.vector16());
            break;
        case kSupportedGroups:
            hello.groups = U16View(data.vector16());
            break;
        case kPointFormats:
            hello.point_formats = data.vector8();
            break;
        default:
            parse_common_extension(extension, &hello, &data);
        }
        hello.malformed |= !data.ok();
    });
    hello.malformed |= !whole;
    return hello;
}

std::optional<ServerHello> parse_server_hello(Bytes body)
{
    ByteReader reader(body);
    ServerHello hello;
    if (!parse_start(&reader, &hello))
        return std::nullopt;
    hello.cipher_suite = reader.u16();
    // Drafts of TLS 1.3 before 22 chose a version 0x7f.. here, and another shape of the message.
    if (!reader.ok() || hello.legacy_version >> 8 != kSsl3 >> 8)
        return std::nullopt;
    hello.deflate = reader.u8() == kDeflate;
    hello.malformed |= !reader.ok();
    hello.is_retry = std::equal(hello.random.begin(), hello.random.end(), kRetryRandom.begin(), kRetryRandom.end());
    take_extensions(&reader, &hello);
    const bool whole = hello.extensions.each([&hello](const ExtensionList::Extension& extension) {
        ByteReader data(extension.data);
        if (extension.type == kSupportedVersions)
            hello.selected_version = data.u16();
        else
            parse_common_extension(extension, &hello, &data);
        hello.malformed |= !data.ok();
    });
    hello.malformed |= !whole;
    return hello;
}

} // namespace flowxdp::tls
