// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as DNS messages of one flow. Checks more than memory: sums, lists and texts stay within their bounds, and a
// stream gives the same however it is cut.
//
// Input: bit 0 stream instead of a datagram, bit 1 seen from its start; then the bytes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "dns_flow.h"
#include "dns_stream.h"

namespace {

using flowxdp::dns::FlowMessages;

void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "dns_fuzz: %s\n", what);
    std::abort();
}

void check(const FlowMessages& messages)
{
    require(messages.query_count() <= FlowMessages::kMostQueries, "too many questions");
    require(messages.answer_count() <= FlowMessages::kMostRecords, "too many records");
    for (std::size_t i = 0; i < messages.query_count(); i++)
        require(messages.text(messages.query(i).name).size() <= 255, "a long name");
    for (std::size_t i = 0; i < messages.answer_count(); i++) {
        require(messages.text(messages.answer(i).name).size() <= 255, "a long name");
        require(messages.text(messages.answer(i).text).size() <= 255, "a long text");
        require(messages.answer_direction(i) <= 1, "a direction that is none");
    }
}

// A stream whose packets carry step bytes. The bytes stand in a block of their own, so that a read behind them is seen.
std::unique_ptr<FlowMessages> read_stream(const std::vector<std::uint8_t>& bytes, bool from_start, std::size_t step)
{
    auto messages = std::make_unique<FlowMessages>();
    std::memset(static_cast<void*>(messages.get()), 0, sizeof *messages);
    bool more = true;
    for (std::size_t known = 0; more;) {
        const std::size_t length = std::min(bytes.size(), known + step);
        const std::vector<std::uint8_t> now(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
        fx_stream stream{};
        stream.bytes = now.data();
        stream.length = length;
        stream.known_before = known;
        stream.from_start = from_start;
        stream.complete = known == bytes.size();
        more = flowxdp::dns::add_stream(stream, 16384, messages.get());
        require(!more || !stream.complete, "more is wanted of a stream that ended");
        known = length;
    }
    check(*messages);
    return messages;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (!size)
        return 0;
    const std::vector<std::uint8_t> bytes(data + 1, data + size);
    if (!(data[0] & 1)) {
        FlowMessages messages{};
        messages.add(bytes, {1, 0, true, true});
        messages.add(bytes, {2, 1, true, false});
        check(messages);
        return 0;
    }
    const bool from_start = data[0] & 2;
    const auto whole = read_stream(bytes, from_start, bytes.size() + 1);
    const auto pieces = read_stream(bytes, from_start, 7);
    for (auto* messages : {whole.get(), pieces.get()})
        messages->sums(0).status &= ~std::uint32_t{flowxdp::dns::kStatSegments};
    require(!std::memcmp(&whole->sums(0), &pieces->sums(0), sizeof whole->sums(0)),
            "pieces of a stream change the sums");
    require(whole->query_count() == pieces->query_count() && whole->answer_count() == pieces->answer_count(),
            "pieces of a stream change the lists");
    return 0;
}
