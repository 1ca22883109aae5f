// SPDX-License-Identifier: BSD-2-Clause
#include "bundle_loader.h"

#include <dlfcn.h>
#include <sys/auxv.h>

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "core/result.h"
#include "library_file.h"

namespace flowxdp {

std::string library_folder(const std::string& given)
{
    // With file capabilities (setcap) or set-user-ID the program, and the code it loads, has rights that its user has
    // not. Then only the folder beside the program is used.
    if (!given.empty()) {
        if (getauxval(AT_SECURE) != 0)
            throw StartupError(
                fmt::format("--lib {}: this program has rights that its user has not (setcap), so it loads "
                            "code from its own folder only; run it with sudo, or a copy without rights",
                            given),
                ExitCode::kPermission);
        return given;
    }
    if (const char* from_environment = secure_getenv("FLOWXDP_LIB"))
        return from_environment;
    return installation_folder();
}

std::string installation_folder()
{
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error)
        throw StartupError(fmt::format("cannot find the program's own folder: {}; set FLOWXDP_LIB", error.message()));
    return self.parent_path().parent_path() / "lib" / "flowxdp";
}

Bundle load_bundle(const std::string& folder)
{
    Bundle bundle;
    bundle.folder = folder;
    const std::string path = folder + "/libflowxdp_bundle.so";
    if (auto checked = check_library(path, "engine bundle", "flowxdp_bundle",
                                     {"flowxdp_bundle_interface", BUNDLE_ABI_VERSION, sizeof(bundle_descriptor)});
        !checked.ok())
        throw StartupError(checked.error().message);
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        throw StartupError(fmt::format("cannot load engine bundle '{}': {}", path, dlerror()));
    bundle.handle = std::shared_ptr<void>(handle, [](void* h) { dlclose(h); });
    auto* entry = reinterpret_cast<const bundle_descriptor* (*)()>(dlsym(handle, "flowxdp_bundle"));
    if (!entry)
        throw StartupError(fmt::format("'{}' is not an engine bundle: it exports no flowxdp_bundle()", path));
    bundle.descriptor = entry();
    if (!bundle.descriptor || bundle.descriptor->abi_version != BUNDLE_ABI_VERSION)
        throw StartupError(fmt::format("engine bundle '{}' has ABI version {}, this flowxdp has {}: rebuild it", path,
                                       bundle.descriptor ? bundle.descriptor->abi_version : 0, BUNDLE_ABI_VERSION));
    const std::string object = folder + "/flowxdp.bpf.o";
    if (std::filesystem::exists(object))
        bundle.bpf_object = object;
    return bundle;
}

} // namespace flowxdp
