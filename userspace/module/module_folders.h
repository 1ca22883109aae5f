// SPDX-License-Identifier: BSD-2-Clause
// module_folders.h - where bundles, plugins and sinks are looked for, nearest first.
//
//     --lib FOLDER, or $FLOWXDP_LIB      stands in for the installation's bundle and plugins
//     $XDG_DATA_HOME/flowxdp             the user's; replay and listings, never with privileges
//     /usr/local/lib/flowxdp             the administrator's
//     ../lib/flowxdp beside the program  the installation's
//
// A folder holds a bundle (libflowxdp_bundle.so and flowxdp.bpf.o), plugins/NAME.so, sinks/NAME.so, or some of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flowxdp {

enum class FolderKind { kChosen, kUser, kAdministrator, kInstallation };
// "administrator", whose folder it is; "chosen".
std::string_view name_of(FolderKind kind);

struct ModuleFolder {
    std::string path;
    FolderKind kind = FolderKind::kInstallation;
};

// Something that is left out, and why.
struct BrokenModule {
    std::string path;
    std::string reason; // a whole sentence, with the path
    // NAME of NAME.so.
    [[nodiscard]] std::string name() const;
};

// Every folder that there could be; empty ones do not count.
struct ModulePlaces {
    std::string chosen, user, administrator, installation;
};

enum class ModuleUse { kReplay, kLive }; // listings are as replay

class ModuleFolders {
  public:
    // Leaves out folders that are not there, and, with own_rights, those that somebody with fewer rights could have
    // changed. The chosen folder always stays: what is wrong with it is an error of whoever loads from it.
    ModuleFolders(const ModulePlaces& places, bool own_rights);

    // The folders of this process. given: --lib, or empty. Throws StartupError: --lib with rights that the user has
    // not, or a system that does not say where the program is.
    static ModuleFolders of(const std::string& given, ModuleUse use);
    // As with --lib FOLDER, for a folder that a sensor's pins name: also allowed with rights that the user has not.
    static ModuleFolders beside(const std::string& folder, ModuleUse use);

    // Nearest first. The installation's plugins go with its bundle: a chosen folder stands in for both.
    [[nodiscard]] const std::vector<ModuleFolder>& all() const { return folders_; }
    // Whether --lib or $FLOWXDP_LIB names the bundle.
    [[nodiscard]] bool has_choice() const;
    // Folders that were left out though they are there.
    [[nodiscard]] const std::vector<BrokenModule>& refused() const { return refused_; }

  private:
    std::vector<ModuleFolder> folders_;
    std::vector<BrokenModule> refused_;
};

// NAME.so in a folder, in order of names; none when it cannot be read.
std::vector<std::string> module_files(const std::string& folder);

// The chosen folder, or the installation's. Throws StartupError as ModuleFolders::of().
std::string library_folder(const std::string& given);
// ../lib/flowxdp from the running program. Throws StartupError when the system does not say where that is.
std::string installation_folder();

} // namespace flowxdp
