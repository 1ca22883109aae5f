// SPDX-License-Identifier: BSD-2-Clause
// Corpus and regressions of one fuzz target, without a fuzzer. flowxdp_add_fuzzer() builds it once for each target and
// names its folder in FLOWXDP_FUZZ_CORPUS.
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

TEST(FuzzCorpus, CorpusAndRegressionsPass)
{
    const char* source = std::getenv("FLOWXDP_SOURCE_DIR");
    if (source == nullptr)
        GTEST_SKIP() << "FLOWXDP_SOURCE_DIR does not name the source tree; run it with ctest";
    std::size_t inputs = 0;
    for (const char* folder :
         {"tests/fuzz/corpus/" FLOWXDP_FUZZ_CORPUS, "tests/fuzz/regressions/" FLOWXDP_FUZZ_CORPUS}) {
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
