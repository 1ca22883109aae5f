// SPDX-License-Identifier: BSD-2-Clause
// A path is opened name by name: no symbolic link, no way up, and, when asked, no other file system.
#include "core/open_without_links.h"

#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "support/temp_folder.h"

namespace flowxdp {
namespace {

namespace fs = std::filesystem;

class OpenWithoutLinks : public ::testing::Test {
  protected:
    OpenWithoutLinks()
    {
        fs::create_directories(folder_.path() / "a/b");
        std::ofstream(folder_.path() / "a/b/file") << "text";
        fs::create_symlink("a", folder_.path() / "link");
        fs::create_symlink("file", folder_.path() / "a/b/last");
        root_.reset(::open(folder_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    // The error that it ends with; 0: it opened.
    int error_of(const char* path, int flags = O_RDONLY, FileSystems which = FileSystems::kOne) const
    {
        return open_without_links(root_.get(), path, flags, which) ? 0 : errno;
    }

    test::TempFolder folder_;
    UniqueFd root_;
};

TEST_F(OpenWithoutLinks, OpensTheFileThatThePathNames)
{
    const UniqueFd file = open_without_links(root_.get(), "a/b/file", O_RDONLY, FileSystems::kOne);
    char text[8] = {};
    ASSERT_TRUE(file);
    EXPECT_EQ(read(file.get(), text, sizeof text), 4);
    EXPECT_STREQ(text, "text");
    EXPECT_NE(fcntl(file.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_EQ(error_of("a/none"), ENOENT);
    EXPECT_EQ(error_of("a/b/file/c"), ENOTDIR);
}

TEST_F(OpenWithoutLinks, FollowsNoLink)
{
    EXPECT_EQ(error_of("link/b/file"), ELOOP);
    EXPECT_EQ(error_of("a/b/last"), ELOOP);
    const UniqueFd link = open_without_links(root_.get(), "a/b/last", O_PATH, FileSystems::kOne);
    struct stat found {};
    ASSERT_TRUE(link);
    ASSERT_EQ(fstat(link.get(), &found), 0);
    EXPECT_TRUE(S_ISLNK(found.st_mode));
}

TEST_F(OpenWithoutLinks, LeavesTheFolderByNoName)
{
    for (const char* path : {"", "..", "../x", "a/../a/b", "./a", "/a", "a//b", "a/b/"})
        EXPECT_EQ(error_of(path), EINVAL) << path;
}

TEST_F(OpenWithoutLinks, AnotherFileSystemIsRefusedWhenAsked)
{
    root_.reset(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat above {
    }, below{};
    ASSERT_EQ(stat("/", &above), 0);
    if (stat("/proc/sys", &below) || above.st_dev == below.st_dev)
        GTEST_SKIP() << "needs /proc as a file system of its own";
    EXPECT_EQ(error_of("proc/sys", O_PATH), EXDEV);
    EXPECT_EQ(error_of("proc/sys", O_PATH, FileSystems::kAny), 0);
}

} // namespace
} // namespace flowxdp
