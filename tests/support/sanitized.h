// SPDX-License-Identifier: BSD-2-Clause
// sanitized.h - whether this test is compiled with sanitizers, which take ten times as long: it may then try each kind
// of input instead of each input. The plain build tries all.
#pragma once

namespace flowxdp::test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

} // namespace flowxdp::test
