// SPDX-License-Identifier: BSD-2-Clause
// sink_module.h - sinks as flowxdp has them: modules of the build tree, loaded by name.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "sink/module_sink.h"

namespace flowxdp::test {

inline Result<std::unique_ptr<Sink>> make_module_sink(const SinkSpec& spec)
{
    const auto module = SinkLibrary(FLOWXDP_SINK_DIR).load(spec.name);
    if (!module.ok())
        return module.error();
    return make_sink(module.value(), spec);
}

// As --sink names it.
inline std::unique_ptr<Sink> make_module_sink(const std::string& text)
{
    Result<SinkSpec> spec = parse_sink_spec(text);
    EXPECT_TRUE(spec.ok()) << text;
    Result<std::unique_ptr<Sink>> sink = make_module_sink(spec.value());
    EXPECT_TRUE(sink.ok()) << (sink.ok() ? "" : sink.error().message);
    return sink.take();
}

} // namespace flowxdp::test
