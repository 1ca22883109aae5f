// SPDX-License-Identifier: BSD-2-Clause
// Plugins of several folders: which one is taken, and that a broken one stops no other.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "plugin/plugin_library.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class Folders {
  public:
    Folders()
    {
        for (const char* name : {"user", "installation"})
            fs::create_directories(at(name) + "/plugins");
    }
    [[nodiscard]] std::string at(const std::string& name) const { return folder_ / name; }
    void put(const std::string& folder, const std::string& plugin, const std::string& as = "") const
    {
        fs::copy_file(fs::path(SMALL_PLUGINS) / (plugin + ".so"),
                      at(folder) + "/plugins/" + (as.empty() ? plugin : as) + ".so");
    }
    [[nodiscard]] FoundPlugins find() const
    {
        const ModuleFolders folders({"", at("user"), "", at("installation")}, false);
        return find_plugins(folders, at("installation"), flowxdp_bundle());
    }

  private:
    test::TempFolder folder_;
};

Names names(const FoundPlugins& found)
{
    Names names;
    for (const PluginLibrary& library : found.usable)
        names.emplace_back(library.descriptor->name);
    return names;
}

TEST(FindPlugins, ThoseOfAllFoldersInOrderOfNumbers)
{
    const Folders folders;
    folders.put("user", "alpha");
    folders.put("installation", "omega");
    EXPECT_EQ(names(folders.find()), (Names{"alpha", "omega"}));
}

TEST(FindPlugins, ABrokenOneIsNamedAndStopsNoOther)
{
    const Folders folders;
    folders.put("installation", "omega");
    folders.put("installation", "other_version");
    folders.put("user", "no_help");
    std::ofstream(folders.at("user") + "/plugins/text.so") << "no library\n";
    const FoundPlugins found = folders.find();
    EXPECT_EQ(names(found), Names{"omega"});
    ASSERT_EQ(found.broken.size(), 3U);
    for (const BrokenModule& broken : found.broken)
        EXPECT_NE(broken.reason.find(broken.path), std::string::npos) << broken.reason;
}

TEST(FindPlugins, WhatNeedsABrokenOneIsLeftOutWithTheReason)
{
    const Folders folders;
    folders.put("installation", "other_version", "alpha");
    folders.put("installation", "beta"); // needs alpha
    folders.put("installation", "omega");
    const FoundPlugins found = folders.find();
    EXPECT_EQ(names(found), Names{"omega"});
    ASSERT_EQ(found.broken.size(), 2U);
    EXPECT_NE(found.broken[1].reason.find("needs plugin 'alpha'"), std::string::npos) << found.broken[1].reason;
}

TEST(FindPlugins, AKernelHalfThatIsNotInTheBundleIsLeftOut)
{
    const Folders folders;
    folders.put("installation", "ghost");       // a half that the bundle has not
    folders.put("installation", "other_state"); // tcp_win with a state of another size
    folders.put("installation", "alpha");
    const FoundPlugins found = folders.find();
    EXPECT_EQ(names(found), Names{"alpha"});
    ASSERT_EQ(found.broken.size(), 2U);
    EXPECT_NE(found.broken[0].reason.find("'ghost'"), std::string::npos) << found.broken[0].reason;
    EXPECT_NE(found.broken[1].reason.find("'tcp_win'"), std::string::npos) << found.broken[1].reason;
}

TEST(FindPlugins, AKernelHalfComesFromTheBundlesFolderAlone)
{
    const Folders folders;
    folders.put("user", "ghost");
    const FoundPlugins found = folders.find();
    EXPECT_TRUE(found.usable.empty());
    EXPECT_TRUE(found.broken.empty());
    ASSERT_EQ(found.hidden.size(), 1U);
    EXPECT_NE(found.hidden[0].reason.find("--lib"), std::string::npos) << found.hidden[0].reason;
}

TEST(FindPlugins, WithoutABundleThereAreNoKernelHalves)
{
    const Folders folders;
    folders.put("user", "ghost");
    folders.put("user", "alpha");
    const FoundPlugins found = find_plugins(ModuleFolders({"", folders.at("user"), "", ""}, false), "", nullptr);
    EXPECT_EQ(names(found), Names{"alpha"});
    ASSERT_EQ(found.hidden.size(), 1U);
    EXPECT_NE(found.hidden[0].reason.find("no bundle"), std::string::npos) << found.hidden[0].reason;
}

TEST(FindPlugins, TheBundlesFolderComesBeforeTheOthers)
{
    const Folders folders;
    folders.put("user", "alpha");
    folders.put("installation", "alpha");
    const FoundPlugins found = folders.find();
    ASSERT_EQ(found.usable.size(), 1U);
    EXPECT_EQ(found.usable[0].path, folders.at("installation") + "/plugins/alpha.so");
    ASSERT_EQ(found.hidden.size(), 1U);
}

TEST(FindPlugins, ANumberThatIsTakenIsBroken)
{
    const Folders folders;
    folders.put("installation", "alpha");
    folders.put("user", "same_number");
    const FoundPlugins found = folders.find();
    EXPECT_EQ(names(found), Names{"alpha"});
    ASSERT_EQ(found.broken.size(), 1U);
    EXPECT_NE(found.broken[0].reason.find("alpha.so"), std::string::npos) << found.broken[0].reason;
}

} // namespace
} // namespace flowxdp
