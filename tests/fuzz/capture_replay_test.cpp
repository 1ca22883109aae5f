// SPDX-License-Identifier: BSD-2-Clause
// Corpus and regressions of capture_fuzz, without a fuzzer.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

TEST(CaptureFuzz, CorpusAndRegressionsPass)
{
    const char* source = std::getenv("FLOWXDP_SOURCE_DIR");
    if (source == nullptr)
        GTEST_SKIP() << "FLOWXDP_SOURCE_DIR does not name the source tree; run it with ctest";
    std::size_t inputs = 0;
    for (const char* folder : {"tests/fuzz/corpus/capture", "tests/fuzz/regressions/capture"}) {
        const std::filesystem::path path = std::filesystem::path(source) / folder;
        if (!std::filesystem::is_directory(path))
            continue;
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            SCOPED_TRACE(entry.path().string());
            std::ifstream in(entry.path(), std::ios::binary);
            const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
            // A heap block of the exact size, so that a sanitizer sees one byte too many.
            EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), 0);
            ++inputs;
        }
    }
    EXPECT_GT(inputs, 0U);
}

} // namespace
