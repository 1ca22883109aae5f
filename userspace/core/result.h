// SPDX-License-Identifier: BSD-2-Clause
// result.h - the two kinds of error.
//
// An error that the caller can handle is a value: Result<T>, which sinks know, too (flowxdp/result.hpp). One that ends
// the program (wrong system, no right, unusable options) is an exception, StartupError, caught in main.
#pragma once

#include <stdexcept>
#include <string>

#include "flowxdp/result.hpp"

namespace flowxdp {

// Exit codes, documented in docs/replay.md.
enum class ExitCode : int {
    kOk = 0,
    kRuntime = 1,
    kUsage = 2,
    kIncomplete = 3, // finished, but something was lost or the input was damaged
    kPermission = 77,
};

// The start cannot go on. Caught in main, printed as "flowxdp: MESSAGE", exit with code().
class StartupError : public std::runtime_error {
  public:
    explicit StartupError(const std::string& message, ExitCode code = ExitCode::kRuntime)
        : std::runtime_error(message), code_(code)
    {
    }
    [[nodiscard]] ExitCode code() const { return code_; }

  private:
    ExitCode code_;
};

} // namespace flowxdp
