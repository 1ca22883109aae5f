// SPDX-License-Identifier: BSD-2-Clause
// publish_ack.h - what a JetStream server answers to a message (io.nats.jetstream.api.v1.pub_ack_response).
#pragma once

#include <string>
#include <string_view>

namespace flowxdp {

struct PublishAck {
    bool stored = false;
    bool duplicate = false; // stored: it was in the stream already
    int error_code = 0;     // not stored: JetStream's err_code, 0 when the answer has none
    std::string error = {}; // its description
};
// text: a JSON object from outside. What is neither an acknowledgement nor an error is an error.
PublishAck parse_publish_ack(std::string_view text);

} // namespace flowxdp
