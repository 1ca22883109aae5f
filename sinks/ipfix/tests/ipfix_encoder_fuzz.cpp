// SPDX-License-Identifier: BSD-2-Clause
// ipfix_encoder_fuzz.cpp - encoder_property.h under libFuzzer.
#include <cstdio>
#include <cstdlib>

#include "encoder_property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string wrong = flowxdp::test::check_encoder({data, size});
    if (!wrong.empty()) {
        std::fprintf(stderr, "%s\n", wrong.c_str());
        std::abort();
    }
    return 0;
}
