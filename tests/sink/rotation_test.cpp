// SPDX-License-Identifier: BSD-2-Clause
// The promises of rotation.h, file_series.h and split_file.h: where files end, what they are called, what a kill at
// each step leaves, and how the next daemon resumes.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "sink/file/split_file.h"
#include "support/packed_file.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

using namespace test;

constexpr std::int64_t kSecond = 1000000000;
// date -u -d @1022171701: 2002-05-23 16:35:01.
constexpr std::int64_t kThen = 1022171701 * kSecond;

Rotation rotation(const std::string& limits, const std::string& command = "")
{
    return parse_rotation(limits, "_%Y%m%dT%H%M%SZ", command).value();
}

// Names and contents of a folder.
std::map<std::string, std::string> contents(const TempFolder& folder)
{
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(folder / ""))
        all[entry.path().filename()] = read_file(entry.path());
    return all;
}

using Contents = std::map<std::string, std::string>;

// A file under test, and rows for it.
struct Rotating {
    Rotating(const TempFolder& folder, const std::string& limits, bool live,
             const std::vector<std::uint64_t>& resume = {}, const std::string& command = "")
    {
        const Result<void> opened = file.open(folder / "x.txt", {{}, rotation(limits, command)}, "%h\n", live, resume);
        EXPECT_TRUE(opened.ok()) << opened.error().message;
    }
    void row(std::int64_t time_ns, const std::string& text)
    {
        auto buffer = file.begin_row(time_ns);
        ASSERT_TRUE(buffer.ok()) << buffer.error().message;
        buffer.value()->append(text + "\n");
        EXPECT_TRUE(file.row_done().ok());
    }
    // As the daemon does: the words are in its journal before the next call of the sink.
    std::vector<std::uint64_t> commit()
    {
        EXPECT_TRUE(file.commit().ok());
        return file.positions();
    }
    SinkCounts counts;
    SplitFile file{&counts};
};

TEST(Rotation, LimitsAreTimesSizesAndRows)
{
    const Rotation all = rotation("5m/500M/1e5f");
    EXPECT_EQ(all.period_ns, 300 * kSecond);
    EXPECT_EQ(all.bytes, 500U * 1024 * 1024);
    EXPECT_EQ(all.rows, 100000U);
    EXPECT_EQ(rotation("1d").period_ns, 86400 * kSecond);
    EXPECT_EQ(rotation("5M").bytes, 5U * 1024 * 1024) << "a capital M is no minute";
    EXPECT_FALSE(rotation("").rotates());
    for (const char* wrong : {"/", "1h/", "0", "x", "1h/2h", "5f/6f", "1/2", "-1h", "0d", "1h;5M", "99999d"})
        EXPECT_FALSE(parse_rotation(wrong, "_%Y", "").ok()) << wrong;
    for (const char* wrong : {"", "_", "%", "%y", "a/%Y", "%Y%", "%D", "\n%Y"})
        EXPECT_FALSE(parse_rotation("1h", wrong, "").ok()) << wrong;
    EXPECT_FALSE(parse_rotation("", "_%Y", "gzip").ok()) << "a command without files that end";
    EXPECT_FALSE(parse_rotation("1h", "_%Y", " ").ok());
}

TEST(Rotation, AFileEndsAtMultiplesOfItsPeriod)
{
    const Rotation hourly = rotation("1h");
    const std::int64_t five = 1022173200 * kSecond; // 17:00:00
    EXPECT_FALSE(hourly.is_due(1, 1, kThen, five - 1));
    EXPECT_TRUE(hourly.is_due(1, 1, kThen, five));
    EXPECT_FALSE(hourly.is_due(1, 0, kThen, five)) << "no file without rows";
    EXPECT_FALSE(hourly.is_due(1, 1, -1, -1)) << "times before 1970";
    EXPECT_TRUE(hourly.is_due(1, 1, -1, 0));
}

TEST(Rotation, NamesHaveTheTimeBeforeTheirEnding)
{
    const auto name = [](const std::string& path, unsigned again) {
        return finished_name(path, "_%Y%m%dT%H%M%SZ", kThen, again);
    };
    EXPECT_EQ(name("/a.b/eth0_flows.txt", 0), "/a.b/eth0_flows_20020523T163501Z.txt");
    EXPECT_EQ(name("eth0.100_flows.json.zst", 2), "eth0.100_flows_20020523T163501Z-2.json.zst");
    EXPECT_EQ(name("/a.b/x", 0), "/a.b/x_20020523T163501Z");
    EXPECT_EQ(finished_name("x", ".%j", kThen, 0), "x.143") << "May 23 is day 143";
}

TEST(SplitFile, InReplayEachFileHasItsRowsAndTheHeader)
{
    const TempFolder folder;
    {
        Rotating r(folder, "2f", false);
        r.row(kThen, "1");
        r.row(kThen, "2");
        EXPECT_EQ(contents(folder).count("x.txt.part0"), 1U) << "its name comes with its end";
        r.row(kThen, "3");
        r.row(kThen + 60 * kSecond, "4");
        r.row(kThen + 60 * kSecond, "5");
        EXPECT_TRUE(r.file.flush(true).ok());
        EXPECT_EQ(r.counts.sent, 5U);
        EXPECT_NE(r.file.report()[0].find("3 files finished"), std::string::npos);
    }
    EXPECT_EQ(contents(folder), (Contents{{"x_20020523T163501Z.txt", "%h\n1\n2\n"},
                                          {"x_20020523T163501Z-1.txt", "%h\n3\n4\n"},
                                          {"x_20020523T163601Z.txt", "%h\n5\n"}}));
}

TEST(SplitFile, ATimeThatIsOverEndsAFileWithoutAnotherRow)
{
    const TempFolder folder;
    Rotating r(folder, "1m", false);
    r.row(kThen, "1");
    EXPECT_TRUE(r.file.tick(kThen + 58 * kSecond).ok());
    EXPECT_EQ(contents(folder).count("x.txt.part0"), 1U);
    EXPECT_TRUE(r.file.tick(kThen + 59 * kSecond).ok());
    EXPECT_EQ(contents(folder), (Contents{{"x_20020523T163501Z.txt", "%h\n1\n"}}));
    EXPECT_TRUE(r.file.flush(true).ok());
}

TEST(SplitFile, ARunWithoutRowsLeavesNoFile)
{
    const TempFolder folder;
    Rotating r(folder, "1m", false);
    EXPECT_TRUE(r.file.flush(true).ok());
    EXPECT_EQ(contents(folder), Contents());
}

TEST(SplitFile, NothingThatIsThereIsOverwritten)
{
    const TempFolder folder;
    for (int run = 0; run < 2; run++) {
        Rotating r(folder, "1m", false);
        r.row(kThen, std::to_string(run));
        EXPECT_TRUE(r.file.flush(true).ok());
    }
    EXPECT_EQ(contents(folder),
              (Contents{{"x_20020523T163501Z.txt", "%h\n0\n"}, {"x_20020523T163501Z-1.txt", "%h\n1\n"}}));
}

// The machine went down: nobody resumes the part, and the next run of these options must not empty it.
TEST(SplitFile, APartThatNobodyGoesOnWithIsKept)
{
    const TempFolder folder;
    std::ofstream(folder / "x.txt.part7") << "%h\nrow\n";
    std::ofstream(folder / "x.txt.part") << "no part";
    std::ofstream(folder / "x.txt.part1x") << "no part";
    const timespec times[2] = {{1022171701, 0}, {1022171701, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder / "x.txt.part7").c_str(), times, 0), 0);
    {
        Rotating r(folder, "1m", true);
        r.row(kThen, "new");
        EXPECT_TRUE(r.file.flush(true).ok());
    }
    EXPECT_EQ(contents(folder), (Contents{{"x_20020523T163501Z.txt", "%h\nrow\n"},
                                          {"x_20020523T163501Z-1.txt", "%h\nnew\n"},
                                          {"x.txt.part", "no part"},
                                          {"x.txt.part1x", "no part"}}));
}

// A finished file waits for its name until its rows are in the journal.
TEST(SplitFile, LiveAFinishedFileGetsItsNameAfterTheCommitThatCoversIt)
{
    const TempFolder folder;
    Rotating r(folder, "2f", true);
    for (const char* row : {"1", "2", "3", "4", "5"})
        r.row(kThen, row);
    EXPECT_TRUE(r.file.tick(kThen).ok());
    EXPECT_EQ(contents(folder).count("x.txt.part0"), 1U) << "no commit yet";
    r.commit();
    EXPECT_EQ(contents(folder).count("x.txt.part0"), 1U) << "the journal is written after it";
    EXPECT_TRUE(r.file.flush(false).ok());
    EXPECT_EQ(contents(folder).count("x.txt.part0"), 1U) << "an idle sink does not know of the journal";
    EXPECT_TRUE(r.file.tick(kThen).ok());
    EXPECT_EQ(contents(folder), (Contents{{"x_20020523T163501Z.txt", "%h\n1\n2\n"}, {"x.txt.part1", "%h\n3\n4\n5\n"}}))
        << "one file at most waits for its name, so the second took a row more";
    EXPECT_TRUE(r.file.flush(true).ok());
}

// Copies the folder as a kill would leave it, and lets a successor go on from the words.
void expect_goes_on(const TempFolder& left, const std::vector<std::uint64_t>& words, const std::vector<int>& again,
                    const Contents& wanted)
{
    // In place: the identity of a file is part of the words.
    {
        Rotating next(left, "2f", true, words);
        for (const int row : again)
            next.row(kThen + 60 * kSecond, std::to_string(row));
        next.commit();
        EXPECT_TRUE(next.file.flush(true).ok());
    }
    EXPECT_EQ(contents(left), wanted);
}

// A daemon that was killed: its file is dropped as it stands, without the end that a destructor would give it.
struct Killed {
    explicit Killed(const TempFolder& folder) : r(new Rotating(folder, "2f", true))
    {
        static auto* kept = new std::vector<Rotating*>; // never deleted, as nothing is after a kill
        kept->push_back(r);
    }
    Rotating* r;
};

TEST(SplitFile, AKillBeforeTheCommitBringsTheRowsOfBothFilesAgain)
{
    const TempFolder folder;
    const Killed killed(folder);
    killed.r->row(kThen, "1");
    const auto words = killed.r->commit();
    for (const char* row : {"2", "3", "4"})
        killed.r->row(kThen + 60 * kSecond, row);
    killed.r->commit(); // the kill comes before the journal has it
    EXPECT_EQ(contents(folder), (Contents{{"x.txt.part0", "%h\n1\n2\n"}, {"x.txt.part1", "%h\n3\n4\n"}}));
    expect_goes_on(folder, words, {2, 3, 4},
                   {{"x_20020523T163501Z.txt", "%h\n1\n2\n"}, {"x_20020523T163601Z.txt", "%h\n3\n4\n"}});
}

TEST(SplitFile, AKillBetweenTheCommitAndTheNameNamesTheFile)
{
    const TempFolder folder;
    const Killed killed(folder);
    for (const char* row : {"1", "2", "3"})
        killed.r->row(kThen, row);
    const auto words = killed.r->commit();
    killed.r->row(kThen, "4");
    EXPECT_TRUE(killed.r->file.flush(false).ok());
    expect_goes_on(folder, words, {4, 5},
                   {{"x_20020523T163501Z.txt", "%h\n1\n2\n"},
                    {"x_20020523T163501Z-1.txt", "%h\n3\n4\n"},
                    {"x_20020523T163601Z.txt", "%h\n5\n"}});
}

TEST(SplitFile, AKillAfterTheNameLeavesTheFileAlone)
{
    const TempFolder folder;
    const Killed killed(folder);
    for (const char* row : {"1", "2", "3"})
        killed.r->row(kThen, row);
    const auto words = killed.r->commit();
    EXPECT_TRUE(killed.r->file.tick(kThen).ok());
    expect_goes_on(folder, words, {},
                   {{"x_20020523T163501Z.txt", "%h\n1\n2\n"}, {"x_20020523T163501Z-1.txt", "%h\n3\n"}});
}

TEST(SplitFile, AKillWhileNoFileIsBegunGoesOnWithTheNext)
{
    const TempFolder folder;
    std::vector<std::uint64_t> words;
    const Killed killed(folder);
    killed.r->row(kThen, "1");
    killed.r->row(kThen, "2");
    EXPECT_TRUE(killed.r->file.tick(kThen).ok()); // two rows: it ends
    words = killed.r->commit();
    killed.r->row(kThen, "3");
    EXPECT_TRUE(killed.r->file.flush(false).ok());
    expect_goes_on(folder, words, {3},
                   {{"x_20020523T163501Z.txt", "%h\n1\n2\n"}, {"x_20020523T163601Z.txt", "%h\n3\n"}});
}

TEST(SplitFile, FilesThatRotateAreCompressedByTheirFinishedName)
{
    const TempFolder folder;
    SinkCounts counts;
    SplitFile file(&counts);
    ASSERT_TRUE(file.open(folder / "x.json.gz", {{}, rotation("1m")}, "", false, {}).ok());
    file.begin_row(kThen).value()->append("row\n");
    ASSERT_TRUE(file.row_done().ok());
    ASSERT_TRUE(file.flush(true).ok());
    EXPECT_EQ(read_gzip(folder / "x_20020523T163501Z.json.gz"), "row\n");
}

// A program that writes its arguments, one a line, into NAME.args.
std::string argument_writer(const TempFolder& folder)
{
    const std::string path = folder / "tool";
    std::ofstream(path) << "#!/bin/sh\nfor last; do :; done\nprintf '%s\\n' \"$@\" > \"$last.args\"\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
}

TEST(FileCommand, NoShellReadsItAndTheNameIsOneWord)
{
    const TempFolder folder;
    FileCommand command(argument_writer(folder) + "  -q\t$(touch${IFS}x) ;");
    const std::string name = folder / "a b;$(touch c)'\"";
    command.run(name);
    EXPECT_TRUE(command.finish(std::chrono::minutes(1)).ok());
    EXPECT_EQ(read_file(name + ".args"), "-q\n$(touch${IFS}x)\n;\n" + name + "\n");
    EXPECT_EQ(command.succeeded(), 1U);
    EXPECT_EQ(contents(folder).size(), 2U) << "the tool and its arguments";
}

TEST(FileCommand, FailuresAreCountedAndTold)
{
    FileCommand fails("false");
    fails.run("x");
    const Result<void> told = fails.finish(std::chrono::minutes(1));
    ASSERT_FALSE(told.ok());
    EXPECT_EQ(told.error().message, "x: 'false' failed for it: exit code 1");
    EXPECT_EQ(fails.failed(), 1U);
    FileCommand missing("/no/such/program");
    missing.run("x");
    EXPECT_FALSE(missing.poll().ok());
    EXPECT_EQ(missing.report(), "/no/such/program: 0 succeeded, 1 failed");
}

TEST(FileCommand, AFewRunAtOnceAndABoundedNumberWaits)
{
    FileCommand none;
    none.run("x");
    EXPECT_EQ(none.report(), "");
    const TempFolder folder;
    ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
    FileCommand waits("tee " + (folder / "fifo")); // opening a FIFO that nobody reads waits
    for (std::size_t i = 0; i < FileCommand::kAtOnce + FileCommand::kWaiting + 3; i++)
        waits.run(folder / "never");
    EXPECT_EQ(waits.skipped(), 3U);
    EXPECT_FALSE(waits.finish(std::chrono::milliseconds(1)).ok());
    EXPECT_EQ(waits.skipped(), 3U + FileCommand::kWaiting);
    // Two opened it for writing and go on once it has a reader; then they end.
    const UniqueFd reader(::open((folder / "fifo").c_str(), O_RDONLY | O_NONBLOCK));
    EXPECT_EQ(waits.succeeded() + waits.failed(), 0U);
}

TEST(SplitFile, EachFinishedFileGetsTheCommand)
{
    const TempFolder folder;
    const std::string tool = argument_writer(folder);
    Rotating r(folder, "1f", false, {}, tool);
    r.row(kThen, "1");
    r.row(kThen, "2");
    EXPECT_TRUE(r.file.flush(true).ok());
    const auto found = contents(folder);
    EXPECT_EQ(found.at("x_20020523T163501Z.txt.args"), folder / "x_20020523T163501Z.txt" + "\n");
    EXPECT_EQ(found.at("x_20020523T163501Z-1.txt.args"), folder / "x_20020523T163501Z-1.txt" + "\n");
    EXPECT_NE(r.file.report()[1].find("2 succeeded, 0 failed"), std::string::npos);
}

} // namespace
} // namespace flowxdp
