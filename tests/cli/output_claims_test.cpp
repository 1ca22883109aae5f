// SPDX-License-Identifier: BSD-2-Clause
// Which names are one file: by inode where it exists, by the path it will have where it does not.
#include "cli/output_claims.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/temp_folder.h"

namespace flowxdp {
namespace {

namespace fs = std::filesystem;

class OutputClaimsTest : public testing::Test {
  protected:
    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
    void make(const std::string& name) const { std::ofstream(path(name)) << "x"; }
    // False: refused.
    bool add(const std::string& file, bool pieces = false)
    {
        try {
            claims_.add_output({file, pieces}, "sink " + file);
            return true;
        } catch (const StartupError& error) {
            EXPECT_EQ(error.code(), ExitCode::kUsage);
            said_ = error.what();
            return false;
        }
    }

    const test::TempFolder temporary_;
    const fs::path folder_ = temporary_.path();
    OutputClaims claims_;
    std::string said_;
};

TEST_F(OutputClaimsTest, OneNameTwiceIsOneFile)
{
    EXPECT_TRUE(add(path("a")));
    EXPECT_TRUE(add(path("b")));
    EXPECT_FALSE(add(path("a")));
    EXPECT_EQ(said_, "sink " + path("a") + " and sink " + path("a") + " would both write to '" + path("a") +
                         "': give one of them a file of its own");
}

TEST_F(OutputClaimsTest, OtherWaysToWriteAPathThatDoesNotExistAreOneFile)
{
    fs::create_directory(folder_ / "d");
    fs::create_directory_symlink(folder_ / "d", folder_ / "link");
    EXPECT_TRUE(add(path("d/new")));
    EXPECT_FALSE(add(path("d/../d/./new")));
    EXPECT_FALSE(add(path("link/new")));
    EXPECT_TRUE(add(path("link/other")));
}

TEST_F(OutputClaimsTest, LinksAreTheFileThatTheyName)
{
    make("file");
    fs::create_hard_link(folder_ / "file", folder_ / "hard");
    fs::create_symlink(folder_ / "file", folder_ / "soft");
    fs::create_symlink("later", folder_ / "dangling"); // writing to it makes "later"
    EXPECT_TRUE(add(path("file")));
    EXPECT_FALSE(add(path("hard")));
    EXPECT_FALSE(add(path("soft")));
    EXPECT_TRUE(add(path("dangling")));
    EXPECT_FALSE(add(path("later")));
}

TEST_F(OutputClaimsTest, AnInputIsNotWritten)
{
    make("in.pcap");
    fs::create_hard_link(folder_ / "in.pcap", folder_ / "same");
    claims_.add_input(path("in.pcap"), "input 'in.pcap'");
    claims_.add_input(path("in.pcap"), "input 'in.pcap'"); // read twice
    EXPECT_FALSE(add(path("same")));
    EXPECT_EQ(said_, "sink " + path("same") + " would write over the input 'in.pcap': give it another file than '" +
                         path("same") + "'");
    EXPECT_TRUE(add(path("out")));
}

TEST_F(OutputClaimsTest, StandardOutputHasSeveralNames)
{
    EXPECT_TRUE(add("-"));
    EXPECT_FALSE(add("-"));
    struct stat s = {};
    ASSERT_EQ(fstat(1, &s), 0);
    if (S_ISCHR(s.st_mode))
        GTEST_SKIP() << "SKIP: standard output is a device here";
    EXPECT_FALSE(add("/dev/stdout"));
    EXPECT_FALSE(add("/proc/self/fd/1"));
}

TEST_F(OutputClaimsTest, TheNullDeviceIsNobodys)
{
    EXPECT_TRUE(add("/dev/null"));
    EXPECT_TRUE(add("/dev/null"));
}

TEST_F(OutputClaimsTest, EveryPieceOfASplitFileIsTaken)
{
    EXPECT_TRUE(add(path("x_flows.txt0"), true));
    EXPECT_FALSE(add(path("x_flows.txt7")));
    EXPECT_TRUE(add(path("x_flows.txt")));
    EXPECT_TRUE(add(path("x_flows.txt7.gz")));
    EXPECT_TRUE(add(path("y_flows.txt3")));
    EXPECT_FALSE(add(path("y_flows.txt0"), true));
}

} // namespace
} // namespace flowxdp
