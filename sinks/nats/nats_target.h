// SPDX-License-Identifier: BSD-2-Clause
// nats_target.h - nats://HOST:PORT/SUBJECT, or tls://; several servers of one cluster with ';' between them.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp {

struct NatsTarget {
    std::vector<std::string> servers; // each with its scheme and port
    std::string subject;
};
// Error: what is wrong with it. A user or a password in it is wrong: others would see it.
Result<NatsTarget> parse_nats_target(const std::string& text);

// Error: it is no subject that messages can be published to.
Result<void> check_nats_subject(const std::string& subject);

} // namespace flowxdp
