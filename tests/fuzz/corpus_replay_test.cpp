// SPDX-License-Identifier: BSD-2-Clause
// Corpus and regressions of one fuzz target, without a fuzzer. It is compiled once for all of them: a program
// NAME_replay_test replays the folders NAME.
#include <gtest/gtest.h>

#include <cerrno>
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
    std::string target = program_invocation_short_name;
    const std::string ending = "_replay_test";
    ASSERT_TRUE(target.ends_with(ending)) << target;
    target.resize(target.size() - ending.size());
    std::size_t inputs = 0;
    for (const char* folder : {"tests/fuzz/corpus", "tests/fuzz/regressions"}) {
        const std::filesystem::path path = std::filesystem::path(source) / folder / target;
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
