// SPDX-License-Identifier: BSD-2-Clause
// Which folders modules are taken from, in which order, and which ones a program with privileges leaves alone.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "module/module_folders.h"
#include "module/module_trust.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

namespace fs = std::filesystem;
using Kinds = std::vector<FolderKind>;

class Places {
  public:
    Places()
    {
        for (const char* name : {"user", "administrator", "installation", "chosen"})
            fs::create_directory(at(name));
    }
    [[nodiscard]] std::string at(const std::string& name) const { return folder_ / name; }
    [[nodiscard]] ModulePlaces all() const { return {"", at("user"), at("administrator"), at("installation")}; }

  private:
    test::TempFolder folder_;
};

Kinds kinds(const ModuleFolders& folders)
{
    Kinds kinds;
    for (const ModuleFolder& folder : folders.all())
        kinds.push_back(folder.kind);
    return kinds;
}

TEST(ModuleFolders, TheNearestComesFirst)
{
    const Places places;
    EXPECT_EQ(kinds(ModuleFolders(places.all(), false)),
              (Kinds{FolderKind::kUser, FolderKind::kAdministrator, FolderKind::kInstallation}));
    ModulePlaces chosen = places.all();
    chosen.chosen = places.at("chosen");
    EXPECT_EQ(kinds(ModuleFolders(chosen, false)),
              (Kinds{FolderKind::kChosen, FolderKind::kUser, FolderKind::kAdministrator, FolderKind::kInstallation}));
}

TEST(ModuleFolders, OneThatIsNotThereIsNoFault)
{
    const Places places;
    fs::remove(places.at("administrator"));
    const ModuleFolders folders(places.all(), true);
    EXPECT_EQ(kinds(folders), (Kinds{FolderKind::kUser, FolderKind::kInstallation}));
    EXPECT_TRUE(folders.refused().empty());
}

TEST(ModuleFolders, AFolderUnderTwoNamesCountsOnce)
{
    const Places places;
    ModulePlaces same = places.all();
    same.chosen = places.at("link");
    fs::create_directory_symlink(same.installation, same.chosen);
    EXPECT_EQ(kinds(ModuleFolders(same, false)),
              (Kinds{FolderKind::kChosen, FolderKind::kUser, FolderKind::kAdministrator}));
}

TEST(ModuleFolders, AnInstallationInTheAdministratorsFolderIsTheInstallation)
{
    const Places places;
    ModulePlaces local = places.all();
    local.installation = local.administrator;
    EXPECT_EQ(kinds(ModuleFolders(local, false)), (Kinds{FolderKind::kUser, FolderKind::kInstallation}));
}

TEST(ModuleFolders, WithPrivilegesWhatOthersMayWriteIsNamedAndLeftOut)
{
    const Places places;
    ASSERT_EQ(chmod(places.at("administrator").c_str(), 0777), 0);
    const ModuleFolders careful(places.all(), true);
    EXPECT_EQ(kinds(careful), (Kinds{FolderKind::kUser, FolderKind::kInstallation}));
    ASSERT_EQ(careful.refused().size(), 1U);
    const std::string& reason = careful.refused()[0].reason;
    EXPECT_NE(reason.find(places.at("administrator")), std::string::npos) << reason;
    EXPECT_NE(reason.find("chmod go-w"), std::string::npos) << reason;
    EXPECT_EQ(ModuleFolders(places.all(), false).all().size(), 3U);
}

TEST(ModuleFolders, NobodyElseMayWriteAboveEither)
{
    const Places places;
    fs::create_directory(places.at("user/lib"));
    ASSERT_EQ(chmod(places.at("user").c_str(), 0777), 0);
    const std::string problem = write_problem(places.at("user/lib"), kCodeWouldRun);
    EXPECT_NE(problem.find("others may write"), std::string::npos) << problem;
    EXPECT_NE(problem.find("code in it would run"), std::string::npos) << problem;
    // In a folder with the sticky bit others can neither rename nor remove it.
    ASSERT_EQ(chmod(places.at("user").c_str(), 01777), 0);
    EXPECT_EQ(write_problem(places.at("user/lib"), kCodeWouldRun), "");
}

TEST(ModuleFolders, ALinkLeadsToTheFolderThatCounts)
{
    const Places places;
    ASSERT_EQ(chmod(places.at("user").c_str(), 0777), 0);
    fs::create_directory_symlink(places.at("user"), places.at("link"));
    EXPECT_NE(write_problem(places.at("link"), kCodeWouldRun), "");
}

TEST(ModuleFolders, TheConsequenceIsTheCallers)
{
    const Places places;
    ASSERT_EQ(chmod(places.at("user").c_str(), 0777), 0);
    const std::string problem = write_problem(places.at("user"), "it would decide what is written");
    EXPECT_NE(problem.find("it would decide what is written"), std::string::npos) << problem;
    EXPECT_EQ(problem.find("code"), std::string::npos) << problem;
}

} // namespace
} // namespace flowxdp
