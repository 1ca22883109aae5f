// SPDX-License-Identifier: BSD-2-Clause
#include "module/module_folders.h"

#include <sys/auxv.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "core/result.h"
#include "module/module_trust.h"

namespace flowxdp {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAdministratorFolder = "/usr/local/lib/flowxdp";

// --lib or $FLOWXDP_LIB; empty: neither.
std::string chosen_folder(const std::string& given)
{
    // With file capabilities (setcap) or set-user-ID the program, and the code it loads, has rights that its user has
    // not: that user does not say which code it is.
    if (!given.empty()) {
        if (getauxval(AT_SECURE) != 0)
            throw StartupError(
                fmt::format("--lib {}: this program has rights that its user has not (setcap), so it loads "
                            "code from its own folder and the administrator's only; run it with sudo, or a copy "
                            "without rights",
                            given),
                ExitCode::kPermission);
        return given;
    }
    const char* from_environment = secure_getenv("FLOWXDP_LIB");
    return from_environment ? from_environment : "";
}

std::string user_folder()
{
    // The specification of XDG base directories ignores a relative path.
    if (const char* data = secure_getenv("XDG_DATA_HOME"); data && *data == '/')
        return std::string(data) + "/flowxdp";
    const char* home = secure_getenv("HOME");
    return home && *home == '/' ? std::string(home) + "/.local/share/flowxdp" : "";
}

ModulePlaces places_of(std::string chosen, ModuleUse use)
{
    ModulePlaces places;
    places.chosen = std::move(chosen);
    if (use == ModuleUse::kReplay && !has_own_rights())
        places.user = user_folder();
    places.administrator = kAdministratorFolder;
    places.installation = installation_folder();
    return places;
}

} // namespace

std::string_view name_of(FolderKind kind)
{
    switch (kind) {
    case FolderKind::kChosen:
        return "chosen";
    case FolderKind::kUser:
        return "user";
    case FolderKind::kAdministrator:
        return "administrator";
    case FolderKind::kInstallation:
        return "installation";
    }
    return "";
}

std::string BrokenModule::name() const
{
    return fs::path(path).stem();
}

ModuleFolders::ModuleFolders(const ModulePlaces& places, bool own_rights)
{
    if (!places.chosen.empty())
        folders_.push_back({places.chosen, FolderKind::kChosen});
    for (const ModuleFolder& place : {ModuleFolder{places.user, FolderKind::kUser},
                                      {places.administrator, FolderKind::kAdministrator},
                                      {places.installation, FolderKind::kInstallation}}) {
        std::error_code error;
        if (place.path.empty() || !fs::is_directory(place.path, error))
            continue;
        // Installed in /usr/local.
        if (place.kind != FolderKind::kInstallation && fs::equivalent(place.path, places.installation, error))
            continue;
        // One that is there under two names counts once: --lib often names the installation's.
        if (std::ranges::any_of(folders_, [&](const ModuleFolder& known) {
                std::error_code ignored;
                return fs::equivalent(known.path, place.path, ignored);
            }))
            continue;
        const std::string problem = own_rights ? write_problem(place.path, kCodeWouldRun) : "";
        if (problem.empty())
            folders_.push_back(place);
        else
            refused_.push_back({place.path, fmt::format("nothing is loaded from '{}': {}", place.path, problem)});
    }
}

ModuleFolders ModuleFolders::of(const std::string& given, ModuleUse use)
{
    return ModuleFolders(places_of(chosen_folder(given), use), has_own_rights());
}

ModuleFolders ModuleFolders::beside(const std::string& folder, ModuleUse use)
{
    return ModuleFolders(places_of(folder, use), has_own_rights());
}

bool ModuleFolders::has_choice() const
{
    return !folders_.empty() && folders_.front().kind == FolderKind::kChosen;
}

std::vector<std::string> module_files(const std::string& folder)
{
    std::error_code error;
    std::vector<std::string> files;
    for (const auto& file : fs::directory_iterator(folder, error))
        if (file.path().extension() == ".so")
            files.push_back(file.path());
    std::ranges::sort(files);
    return files;
}

std::string library_folder(const std::string& given)
{
    const std::string chosen = chosen_folder(given);
    return chosen.empty() ? installation_folder() : chosen;
}

std::string installation_folder()
{
    std::error_code error;
    const auto self = fs::read_symlink("/proc/self/exe", error);
    if (error)
        throw StartupError(fmt::format("cannot find the program's own folder: {}; set FLOWXDP_LIB", error.message()));
    return self.parent_path().parent_path() / "lib" / "flowxdp";
}

} // namespace flowxdp
