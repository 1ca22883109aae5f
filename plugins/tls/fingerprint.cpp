// SPDX-License-Identifier: BSD-2-Clause
#include "tls/fingerprint.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include <openssl/evp.h>

namespace flowxdp::tls {
namespace {

constexpr char kDigits[] = "0123456789abcdef";
constexpr std::size_t kShortHash = 12, kMostCounted = 99;

// Appends a decimal number, with a dash in front unless it is the first of its list.
void append_decimal(std::string* text, std::uint16_t value, bool* first)
{
    if (!*first)
        text->push_back('-');
    *first = false;
    char digits[5];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    text->append(digits, end);
}

void append_without_grease(std::string* text, const U16View& values)
{
    bool first = true;
    for (std::size_t i = 0; i < values.size(); i++)
        if (!is_grease(values[i]))
            append_decimal(text, values[i], &first);
}

std::optional<Md5> md5(const std::string& text)
{
    Md5 out;
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), out.data(), &size, EVP_md5(), nullptr) != 1 || size != out.size())
        return std::nullopt;
    return out;
}

// "0005,000a": four digits each.
std::string hex_list(const std::vector<std::uint16_t>& values)
{
    std::string text;
    text.reserve(values.size() * 5);
    for (const std::uint16_t value : values) {
        if (!text.empty())
            text.push_back(',');
        for (int shift = 12; shift >= 0; shift -= 4)
            text.push_back(kDigits[value >> shift & 15]);
    }
    return text;
}

// The first 12 digits of the SHA-256; an empty text has zeros. Returns false when libcrypto does not answer.
bool short_hash(const std::string& text, char* out)
{
    if (text.empty()) {
        std::memset(out, '0', kShortHash);
        return true;
    }
    std::uint8_t hash[32];
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), hash, &size, EVP_sha256(), nullptr) != 1)
        return false;
    for (std::size_t i = 0; i < kShortHash; i++)
        out[i] = kDigits[(i & 1 ? hash[i / 2] : hash[i / 2] >> 4) & 15];
    return true;
}

const char* ja4_version(std::uint16_t version)
{
    switch (version) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    case 0x0002:
        return "s2";
    case 0xfeff:
        return "d1";
    case 0xfefd:
        return "d2";
    case 0xfefc:
        return "d3";
    default:
        return "00";
    }
}

void put_count(std::size_t count, char* out)
{
    count = std::min(count, kMostCounted);
    out[0] = static_cast<char>('0' + count / 10);
    out[1] = static_cast<char>('0' + count % 10);
}

constexpr bool is_alphanumeric(std::uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// First and last character of the first protocol's name; of its hexadecimal digits when one of both is no letter or
// digit.
void put_protocol(Bytes protocol_names, char* out)
{
    out[0] = out[1] = '0';
    const Bytes name = ByteReader(protocol_names).vector8();
    if (name.empty())
        return;
    if (is_alphanumeric(name.front()) && is_alphanumeric(name.back())) {
        out[0] = static_cast<char>(name.front());
        out[1] = static_cast<char>(name.back());
    } else {
        out[0] = kDigits[name.front() >> 4];
        out[1] = kDigits[name.back() & 15];
    }
}

} // namespace

std::string ja3_text(const ClientHello& hello)
{
    std::string text;
    bool first = true;
    append_decimal(&text, hello.legacy_version, &first);
    text.push_back(',');
    append_without_grease(&text, hello.cipher_suites);
    text.push_back(',');
    first = true;
    hello.extensions.each([&](const ExtensionList::Extension& extension) {
        if (!is_grease(extension.type))
            append_decimal(&text, extension.type, &first);
    });
    text.push_back(',');
    append_without_grease(&text, hello.groups);
    text.push_back(',');
    first = true;
    for (const std::uint8_t format : hello.point_formats)
        append_decimal(&text, format, &first);
    return text;
}

std::string ja3s_text(const ServerHello& hello)
{
    std::string text;
    bool first = true;
    append_decimal(&text, hello.legacy_version, &first);
    text.push_back(',');
    first = true;
    append_decimal(&text, hello.cipher_suite, &first);
    text.push_back(',');
    first = true;
    hello.extensions.each(
        [&](const ExtensionList::Extension& extension) { append_decimal(&text, extension.type, &first); });
    return text;
}

std::optional<Md5> ja3(const ClientHello& hello)
{
    return hello.malformed ? std::nullopt : md5(ja3_text(hello));
}

std::optional<Md5> ja3s(const ServerHello& hello)
{
    return hello.malformed ? std::nullopt : md5(ja3s_text(hello));
}

std::optional<Ja4> ja4(const ClientHello& hello, char transport)
{
    if (hello.malformed)
        return std::nullopt;
    std::vector<std::uint16_t> ciphers, extensions, algorithms;
    std::size_t extension_count = 0;
    for (std::size_t i = 0; i < hello.cipher_suites.size(); i++)
        if (!is_grease(hello.cipher_suites[i]))
            ciphers.push_back(hello.cipher_suites[i]);
    hello.extensions.each([&](const ExtensionList::Extension& extension) {
        if (is_grease(extension.type))
            return;
        extension_count++;
        // Server name and protocol are told by the first part: the last one stays the same without them.
        if (extension.type != kServerName && extension.type != kAlpn)
            extensions.push_back(extension.type);
    });
    for (std::size_t i = 0; i < hello.signature_algorithms.size(); i++)
        if (!is_grease(hello.signature_algorithms[i]))
            algorithms.push_back(hello.signature_algorithms[i]);
    const std::size_t cipher_count = ciphers.size();
    std::sort(ciphers.begin(), ciphers.end());
    std::sort(extensions.begin(), extensions.end());

    Ja4 out;
    out[0] = transport;
    std::memcpy(&out[1], ja4_version(hello.version()), 2);
    out[3] = hello.has_server_name ? 'd' : 'i';
    put_count(cipher_count, &out[4]);
    put_count(extension_count, &out[6]);
    put_protocol(hello.protocol_names, &out[8]);
    out[10] = out[23] = '_';
    std::string last = hex_list(extensions);
    if (!last.empty() && !algorithms.empty())
        last += '_' + hex_list(algorithms);
    if (!short_hash(hex_list(ciphers), &out[11]) || !short_hash(last, &out[24]))
        return std::nullopt;
    return out;
}

} // namespace flowxdp::tls
