// SPDX-License-Identifier: BSD-2-Clause
// encoder_property.h - what must hold for any rows, columns and settings: the decoder reads every value back, each
// record lies whole in one message, no message exceeds the limit, nothing is lost. Driven by octets: random ones in the
// unit test, libFuzzer's in the fuzz target.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace flowxdp::test {

// Returns what is wrong, or an empty string.
std::string check_encoder(std::span<const std::uint8_t> choices);

} // namespace flowxdp::test
