// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as one direction of a TLS stream. Checks more than memory: a stream says the same however it is cut into
// parts, and what is kept stays within its bounds.
//
// Input: bit 0 seen from its start, bits 1 to 7 bytes of a part; then the stream.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "tls/direction.h"

namespace {

using namespace flowxdp::tls;

void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "tls_fuzz: %s\n", what);
    std::abort();
}

// The stream in parts, each in a block of its own, so that a read behind it is seen.
std::unique_ptr<DirectionFacts> read_stream(const std::vector<std::uint8_t>& stream, bool from_start, std::size_t part)
{
    auto facts = std::make_unique<DirectionFacts>();
    std::memset(static_cast<void*>(facts.get()), 0, sizeof *facts);
    DirectionReader reader;
    for (std::size_t known = 0;;) {
        known = std::min(stream.size(), known + part);
        const std::vector<std::uint8_t> head(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(known));
        const bool ended = known == stream.size();
        const Begin begin = looks_like_tls(head, from_start);
        if (begin == Begin::kOther)
            break;
        if (begin == Begin::kTls && !reader.read(head, ended, 1'772'582'400, facts.get()))
            break;
        if (ended)
            break;
    }
    return facts;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (!size || size > 65536)
        return 0;
    const std::vector<std::uint8_t> stream(data + 1, data + size);
    const bool from_start = data[0] & 1;
    const auto whole = read_stream(stream, from_start, stream.size() + 1);
    const auto parts = read_stream(stream, from_start, static_cast<std::size_t>(data[0] >> 1) * 8 + 1);
    require(!std::memcmp(whole.get(), parts.get(), sizeof *whole), "parts of a stream change what it says");
    const HelloFacts& hello = whole->hello;
    std::string_view names[ProtocolNames::kMost];
    for (std::size_t i = 0, n = hello.protocol_names.views(names); i < n; i++)
        require(names[i].data() + names[i].size() <= hello.protocol_names.bytes + ProtocolNames::kMostBytes,
                "a protocol name outside");
    require(hello.server_name_length <= HelloFacts::kMostServerName, "a long server name");
    require(!hello.has_ja4 || (hello.ja4[10] == '_' && hello.ja4[23] == '_'), "a JA4 of another shape");
    return 0;
}
