// SPDX-License-Identifier: BSD-2-Clause
// tunnel_option.h - --tunnel: which tunnels a run looks into, and at which UDP ports.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "flowxdp/tunnel_config.h"

namespace flowxdp {

// The values of --tunnel in their order, over the default: KIND=PORT,... (the ports of a kind instead of its own),
// KIND (its own ports), KIND=none, none (no tunnel at all so far). KIND is a name of FX_TUNNEL, or ip for the tunnels
// over IP, which have no ports.
Result<tunnel_config> tunnel_config_of(const std::vector<std::string>& values);

// "vxlan=4789,8472 ip": the tunnels of a configuration, in words that tunnel_config_of() takes after none; "none".
std::string tunnel_text(const tunnel_config& config);

// --tunnel as given so far, and what it means.
struct TunnelChoice {
    std::vector<std::string> values;
    tunnel_config config = tunnel_config_default();

    Result<void> take(const std::string& value);
};

} // namespace flowxdp
