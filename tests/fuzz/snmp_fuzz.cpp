// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as an SNMP message. Checks more than memory: texts lie in the message, a PDU is one of the kinds, and a
// name that is not asked for is not kept.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "snmp_flow.h"

namespace {

void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "snmp_fuzz: %s\n", what);
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace flowxdp::snmp;
    const std::vector<std::uint8_t> bytes(data, data + size);
    const Message message = read_message(bytes);
    for (const Bytes text : {message.community, message.user, message.engine_id})
        require(text.empty() || (text.data() >= bytes.data() && text.data() + text.size() <= bytes.data() + size),
                "a text outside the message");
    require(!message.has_pdu || message.pdu < kPduKinds, "a PDU that is none");
    require(!message.has_error || message.pdu == kResponse, "an error of what is no response");
    Direction hidden{}, clear{};
    for (Direction* direction : {&hidden, &clear}) {
        direction->add(bytes, true, direction == &clear);
        direction->add(bytes, false, direction == &clear);
        require(direction->messages == (message.has_version ? 2U : 0U), "a message that is not counted");
    }
    for (const SecretText* name : {&hidden.community, &hidden.user})
        require(!name->kept && std::all_of(name->text, name->text + SecretText::kMost, [](char c) { return c == 0; }),
                "a name that nobody asked for");
    return 0;
}
