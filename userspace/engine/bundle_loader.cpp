// SPDX-License-Identifier: BSD-2-Clause
#include "bundle_loader.h"

#include <filesystem>

#include <fmt/format.h>

#include "module/module_file.h"
#include "module/module_trust.h"

namespace flowxdp {
namespace {

std::string library_of(const std::string& folder)
{
    return folder + "/libflowxdp_bundle.so";
}

} // namespace

Result<Bundle> open_bundle(const std::string& folder)
{
    Bundle bundle;
    bundle.folder = folder;
    const std::string path = library_of(folder);
    auto loaded = load_module(path, "engine bundle", "flowxdp_bundle",
                              {"flowxdp_bundle_interface", BUNDLE_ABI_VERSION, sizeof(bundle_descriptor)});
    if (!loaded.ok())
        return loaded.error();
    bundle.handle = loaded->handle;
    bundle.descriptor = reinterpret_cast<const bundle_descriptor* (*)()>(loaded->entry)();
    if (!bundle.descriptor || bundle.descriptor->abi_version != BUNDLE_ABI_VERSION)
        return Error{fmt::format("engine bundle '{}' has ABI version {}, this flowxdp has {}: rebuild it", path,
                                 bundle.descriptor ? bundle.descriptor->abi_version : 0, BUNDLE_ABI_VERSION)};
    const std::string object = folder + "/flowxdp.bpf.o";
    std::error_code error;
    if (!std::filesystem::exists(object, error))
        return bundle;
    if (has_own_rights())
        if (const std::string problem = write_problem(object, kCodeWouldRun); !problem.empty())
            return Error{fmt::format("cannot use BPF object '{}': {}", object, problem)};
    bundle.bpf_object = object;
    return bundle;
}

Bundle load_bundle(const std::string& folder)
{
    auto bundle = open_bundle(folder);
    if (!bundle.ok())
        throw StartupError(bundle.error().message);
    return bundle.take();
}

Bundle find_bundle(const ModuleFolders& folders, std::vector<BrokenModule>* broken)
{
    if (folders.has_choice())
        return load_bundle(folders.all().front().path);
    std::error_code error;
    for (const ModuleFolder& folder : folders.all()) {
        if (!std::filesystem::exists(library_of(folder.path), error))
            continue;
        auto bundle = open_bundle(folder.path);
        if (bundle.ok())
            return bundle.take();
        broken->push_back({library_of(folder.path), bundle.error().message});
    }
    // The reason why the installation's is not usable.
    return load_bundle(installation_folder());
}

} // namespace flowxdp
