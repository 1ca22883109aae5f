// SPDX-License-Identifier: BSD-2-Clause
// Root writes into folders of others. What must hold is arithmetic on owners and modes: links(7), "protected_regular"
// and "protected_symlinks" of proc_sys_fs(5), which a system may have turned off.
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "core/output_file.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

using namespace test;

constexpr uid_t kSomebody = 65534;

void put(const std::string& path, const std::string& text)
{
    std::ofstream(path) << text;
}

class OutputFile : public testing::Test {
  protected:
    // A folder of an owner with a mode; a file of root's elsewhere.
    void make(uid_t owner, mode_t mode)
    {
        ASSERT_EQ(mkdir((folder_ / "out").c_str(), 0700), 0);
        put(folder_ / "roots", "root's own");
        ASSERT_EQ(chmod((folder_ / "out").c_str(), mode), 0);
        ASSERT_EQ(chown((folder_ / "out").c_str(), owner, static_cast<gid_t>(-1)), 0);
    }
    [[nodiscard]] bool opens(const std::string& name) const
    {
        return open_empty_output(folder_ / ("out/" + name)).ok();
    }
    [[nodiscard]] bool untouched() const { return read_file(folder_ / "roots") == "root's own"; }

    TempFolder folder_;
};

TEST_F(OutputFile, InAFolderOfOnesOwnLinksAreFollowed)
{
    make(geteuid(), 0755);
    ASSERT_EQ(symlink((folder_ / "roots").c_str(), (folder_ / "out/link").c_str()), 0);
    EXPECT_TRUE(opens("new"));
    EXPECT_TRUE(opens("new"));
    EXPECT_TRUE(opens("link"));
    EXPECT_EQ(read_file(folder_ / "roots"), "");
}

TEST_F(OutputFile, WhereOthersWriteRootFollowsNothing)
{
    if (geteuid() != 0)
        GTEST_SKIP() << "needs root: for others links are the kernel's affair";
    for (const auto& [owner, mode] : {std::pair<uid_t, mode_t>{0, 01777}, {0, 0775}, {kSomebody, 0755}}) {
        make(owner, mode);
        ASSERT_EQ(symlink((folder_ / "roots").c_str(), (folder_ / "out/link").c_str()), 0);
        ASSERT_EQ(symlink((folder_ / "nowhere").c_str(), (folder_ / "out/dangling").c_str()), 0);
        ASSERT_EQ(link((folder_ / "roots").c_str(), (folder_ / "out/second").c_str()), 0);
        put(folder_ / "out/somebodys", "");
        ASSERT_EQ(chown((folder_ / "out/somebodys").c_str(), kSomebody, kSomebody), 0);
        ASSERT_EQ(mkfifo((folder_ / "out/fifo").c_str(), 0666), 0);
        ASSERT_EQ(chown((folder_ / "out/fifo").c_str(), kSomebody + 1, kSomebody), 0);
        EXPECT_FALSE(opens("link"));
        EXPECT_FALSE(opens("dangling"));
        EXPECT_FALSE(opens("second"));
        EXPECT_FALSE(opens("fifo")); // and nobody waits for a reader
        EXPECT_EQ(opens("somebodys"), owner == kSomebody) << "the folder's owner may have files there";
        EXPECT_TRUE(opens("new"));
        EXPECT_TRUE(opens("new"));
        EXPECT_TRUE(untouched());
        EXPECT_FALSE(std::filesystem::exists(folder_ / "nowhere"));
        std::filesystem::remove_all(folder_ / "out");
    }
}

} // namespace
} // namespace flowxdp
