// SPDX-License-Identifier: BSD-2-Clause
// Files of a killed daemon, which somebody may have moved, replaced or linked since: only the one that was written is
// cut, and never one that is reached by a link. What must hold is a length in bytes, or that a file is as it was.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file_identity.h"
#include "core/unique_fd.h"
#include "live/journal.h"
#include "live/left_files.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

using namespace test;

constexpr std::int64_t kSecond = 1000000000;

void put(const std::string& path, const std::string& text)
{
    std::ofstream(path, std::ios::app) << text;
}

std::int64_t now_ns()
{
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<std::int64_t>(t.tv_sec) * kSecond + t.tv_nsec;
}

class LeftFiles : public testing::Test {
  protected:
    LeftFiles() { std::filesystem::create_directory(folder_ / "in"); }

    // Five bytes are safe, five came behind.
    LeftFile leave(const std::string& name)
    {
        put(folder_ / name, "safe\nlost\n");
        const UniqueFd fd(open((folder_ / name).c_str(), O_RDONLY));
        LeftFile left;
        left.path = folder_ / name;
        left.length = 5;
        left.identity = file_identity(fd.get());
        left.committed_ns = left.last_seen_ns = now_ns();
        left.owner = geteuid();
        return left;
    }
    // What is not cut is as it was, and there is a reason.
    void expect_refused(const LeftFile& left, const std::string& untouched, const std::string& reason)
    {
        const std::string before = read_file(folder_ / untouched);
        const auto said = cut_back({left});
        ASSERT_EQ(said.size(), 1u);
        EXPECT_EQ(said[0].path, left.path);
        EXPECT_NE(said[0].problem.find(reason), std::string::npos) << said[0].problem;
        EXPECT_EQ(read_file(folder_ / untouched), before);
    }

    TempFolder folder_;
};

TEST_F(LeftFiles, WhatIsNotSafeIsCutOffOnce)
{
    const LeftFile left = leave("in/a");
    const auto said = cut_back({left, left});
    ASSERT_EQ(said.size(), 1u);
    EXPECT_EQ(said[0].problem, "");
    EXPECT_EQ(said[0].cut_off, 5u);
    EXPECT_EQ(read_file(folder_ / "in/a"), "safe\n");
    EXPECT_TRUE(cut_back({left}).empty()) << "there is nothing more to do";
}

TEST_F(LeftFiles, OfTwoJournalsTheNewerOneHolds)
{
    LeftFile older = leave("in/a"), newer = older;
    older.length = 2;
    older.committed_ns -= kSecond;
    EXPECT_EQ(cut_back({newer, older}).size(), 1u);
    EXPECT_EQ(read_file(folder_ / "in/a"), "safe\n");
}

TEST_F(LeftFiles, AnotherFileByThatNameIsLeftAlone)
{
    const LeftFile left = leave("in/a");
    ASSERT_EQ(rename((folder_ / "in/a").c_str(), (folder_ / "in/a.1").c_str()), 0);
    put(folder_ / "in/a", "somebody's own");
    expect_refused(left, "in/a", "another file");
    EXPECT_EQ(read_file(folder_ / "in/a.1"), "safe\nlost\n");
    ASSERT_EQ(unlink((folder_ / "in/a").c_str()), 0);
    expect_refused(left, "in/a.1", "moved or removed");
}

TEST_F(LeftFiles, NoLinkIsFollowed)
{
    const LeftFile left = leave("in/a");
    ASSERT_EQ(rename((folder_ / "in/a").c_str(), (folder_ / "in/b").c_str()), 0);
    ASSERT_EQ(symlink("b", (folder_ / "in/a").c_str()), 0);
    expect_refused(left, "in/b", "regular");

    const LeftFile inside = leave("in/c");
    ASSERT_EQ(rename((folder_ / "in").c_str(), (folder_ / "elsewhere").c_str()), 0);
    ASSERT_EQ(symlink("elsewhere", (folder_ / "in").c_str()), 0);
    expect_refused(inside, "elsewhere/c", "symbolic links"); // the words of ELOOP
}

TEST_F(LeftFiles, AFileWithASecondNameIsLeftAlone)
{
    const LeftFile left = leave("in/a");
    ASSERT_EQ(link((folder_ / "in/a").c_str(), (folder_ / "second").c_str()), 0);
    expect_refused(left, "second", "second name");
}

TEST_F(LeftFiles, OnlyARegularFileIsCut)
{
    const LeftFile left = leave("in/a");
    ASSERT_EQ(unlink((folder_ / "in/a").c_str()), 0);
    ASSERT_EQ(mkfifo((folder_ / "in/a").c_str(), 0600), 0);
    const auto said = cut_back({left}); // and nobody waits for a reader
    ASSERT_EQ(said.size(), 1u);
    EXPECT_NE(said[0].problem.find("regular"), std::string::npos);
}

TEST_F(LeftFiles, SomebodyElsesFileIsCutOnTheWordOfRootAlone)
{
    if (geteuid() != 0)
        GTEST_SKIP() << "needs root to give a file away";
    LeftFile left = leave("in/a");
    ASSERT_EQ(chown((folder_ / "in/a").c_str(), 65534, 65534), 0);
    left.owner = 65533;
    expect_refused(left, "in/a", "another user");
    left.owner = 0;
    EXPECT_EQ(cut_back({left}).at(0).cut_off, 5u);
}

TEST_F(LeftFiles, AFileThatSomebodyWroteIntoLaterIsLeftAlone)
{
    LeftFile left = leave("in/a");
    left.last_seen_ns -= 3600 * kSecond;
    expect_refused(left, "in/a", "since");
}

TEST_F(LeftFiles, PiecesBegunBehindTheLastCommitGo)
{
    LeftFile left = leave("in/a7");
    left.pieces = folder_ / "in/a";
    left.piece = 7;
    put(folder_ / "in/a8", "lost\n");
    put(folder_ / "in/a9", "lost\n");
    put(folder_ / "in/a10", "of last week\n");
    const timespec times[2] = {{0, UTIME_NOW}, {(now_ns() / kSecond) - 600000, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, (folder_ / "in/a10").c_str(), times, 0), 0);
    EXPECT_EQ(cut_back({left}).size(), 3u);
    EXPECT_EQ(read_file(folder_ / "in/a7"), "safe\n");
    EXPECT_FALSE(std::filesystem::exists(folder_ / "in/a8"));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "in/a9"));
    EXPECT_TRUE(std::filesystem::exists(folder_ / "in/a10"));
}

// The pins are somebody's: numbers that lead nowhere are no files.
TEST_F(LeftFiles, OnlyFilesThatTheJournalNamesAreLeft)
{
    journal_slot journal{};
    ASSERT_TRUE(set_resume_points({{1, {100, 11}}, {2, {0, 0}}, {3, {7, 5, 6, 8}}, {4, {1ULL << 63, 3}}}, &journal));
    SensorStateRecord state{};
    const std::vector<ResumableFile> files = {
        {1, {0, 1, 0}, false, "/a"},  {1, {0, 2, 0}, false, "/b"},
        {2, {0, 1, 0}, false, "/c"},  {3, {0, 1, 3}, true, "/d"},
        {3, {0, 1, 255}, true, "/e"}, {4, {0, 1, 0}, false, "/f"},
        {9, {0, 1, 0}, false, "/g"},  {1, {0, 1, 0}, false, std::string(2000, 'x')}};
    EXPECT_EQ(set_files(files, &state).size(), 1u) << "a path that is too long";
    const auto left = left_files(state, journal, 0, 0);
    ASSERT_EQ(left.size(), 2u);
    EXPECT_EQ(left[0].path, "/a");
    EXPECT_EQ(left[0].length, 100u);
    EXPECT_EQ(left[0].identity, 11u);
    EXPECT_EQ(left[1].path, "/d8");
    EXPECT_EQ(left[1].pieces, "/d");
    EXPECT_EQ(left[1].piece, 8u);
}

} // namespace
} // namespace flowxdp
