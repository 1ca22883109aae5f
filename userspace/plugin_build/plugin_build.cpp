// SPDX-License-Identifier: BSD-2-Clause
#include "plugin_build/plugin_build.h"

#include <fcntl.h>
#include <stdio.h> // renameat2

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include <fmt/format.h>

#include "bundle_flags.h" // generated
#include "bundle_loader.h"
#include "half_list.h"
#include "plugin/plugin_library.h"
#include "plugin_build/compiler.h"
#include "plugin_build/held_signals.h"
#include "plugin_build/plugin_source.h"
#include "record_layout.h"

namespace flowxdp {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr unsigned kLowestNumber = 100, kHighestNumber = 899; // plugin.hpp

// A folder beside the output, so that it can take its place by its name alone; removed with what did not.
class NewFolder {
  public:
    static Result<NewFolder> beside(const std::string& output)
    {
        std::string name = output + ".new-XXXXXX";
        if (!mkdtemp(name.data()))
            return Error{fmt::format("cannot make a folder beside '{}': {}", output, std::strerror(errno))};
        std::error_code error;
        fs::permissions(name, fs::perms(0755), error); // as any folder of modules: others may read
        return NewFolder(name);
    }
    ~NewFolder()
    {
        std::error_code ignored;
        if (!path_.empty())
            fs::remove_all(path_, ignored);
    }
    NewFolder(NewFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}
    NewFolder(const NewFolder&) = delete;
    NewFolder& operator=(const NewFolder&) = delete;
    NewFolder& operator=(NewFolder&&) = delete;

    [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    [[nodiscard]] const std::string& path() const { return path_; }
    // It is not removed any more.
    void leave() { path_.clear(); }

    // Puts a part of it in the output's place; what was there is removed.
    [[nodiscard]] Result<void> replace(const std::string& part, const std::string& output) const
    {
        const std::string made = *this / part;
        if (!rename(made.c_str(), output.c_str()))
            return {};
        if (errno != ENOTEMPTY && errno != EEXIST)
            return Error{fmt::format("cannot write '{}': {}", output, std::strerror(errno))};
        // The old one comes here and goes with this folder. Not every file system exchanges two names in one step.
        if (!renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, output.c_str(), RENAME_EXCHANGE))
            return {};
        const std::string old = *this / "old";
        if (rename(output.c_str(), old.c_str()) || rename(made.c_str(), output.c_str()))
            return Error{fmt::format("cannot replace '{}': {}", output, std::strerror(errno))};
        return {};
    }

  private:
    explicit NewFolder(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

Result<void> write_text(const std::string& path, const std::string& text)
{
    std::ofstream out(path, std::ios::trunc);
    out << text;
    out.close();
    if (!out)
        return Error{fmt::format("cannot write '{}': {}", path, std::strerror(errno))};
    return {};
}

// A plugin that will be in the bundle, and its library.
struct Part {
    BuiltPlugin plugin;
    PluginLibrary library;
};

class Build {
  public:
    Build(const BundleSources& sources, NewFolder folder, Compiler clang, Compiler cxx)
        : sources_(sources), folder_(std::move(folder)), clang_(std::move(clang)), cxx_(std::move(cxx))
    {
    }

    Result<void> prepare()
    {
        std::error_code error;
        for (const char* name : {"bundle/plugins", "generated", "plugins"})
            if (fs::create_directories(folder_ / name, error); error)
                return Error{fmt::format("cannot make '{}': {}", folder_ / name, error.message())};
        return {};
    }

    // The installation's plugins stay.
    Result<void> take_installed()
    {
        for (const std::string& path : module_files(sources_.modules + "/plugins")) {
            auto library = load_plugin_library(path);
            if (!library.ok())
                return library.error();
            std::error_code error;
            fs::copy_file(path, module_path(fs::path(path).stem()), error);
            if (error)
                return Error{fmt::format("cannot copy '{}': {}", path, error.message())};
            if (auto added = add(library.take(), false); !added.ok())
                return added;
        }
        return {};
    }

    Result<void> compile_user_half(const PluginSource& source)
    {
        if (std::ranges::any_of(parts_, [&](const Part& part) { return part.plugin.name == source.name; }))
            return Error{
                fmt::format("cannot build plugin '{}': another plugin has this name; rename one", source.folder)};
        Words words = cxx_words();
        append(&words, words_of_variable("CXXFLAGS"));
        std::error_code error;
        fs::create_directory_symlink(source.folder, link_of(source), error);
        if (error)
            return Error{fmt::format("cannot make '{}': {}", link_of(source), error.message())};
        given_.push_back(source);
        append(&words, {"-iquote", folder_ / "plugins", source.user_half(), "-o", module_path(source.name)});
        append(&words, link_words());
        if (source.uses_fmt())
            words.emplace_back("-lfmt");
        append(&words, words_of_variable("LDFLAGS"));
        if (auto compiled = compile(cxx_, fmt::format("the user half of '{}'", source.name), words); !compiled.ok())
            return compiled;
        auto library = load_plugin_library(module_path(source.name));
        if (!library.ok())
            return Error{fmt::format("plugin '{}': {}", source.folder, library.error().message)};
        if (source.name != library->descriptor->name)
            return Error{fmt::format("cannot build plugin '{}': it calls itself '{}'; folder, files and name are one "
                                     "word",
                                     source.folder, library->descriptor->name)};
        return add(library.take(), source.has_half);
    }

    Result<void> compile_halves()
    {
        std::ranges::sort(parts_, {}, [](const Part& part) { return part.plugin.number; });
        Words halves;
        for (const Part& part : parts_)
            if (part.plugin.has_half)
                halves.push_back(part.plugin.name);
        if (auto written = write_text(folder_ / "generated/plugin_list.h", half_list_text(halves)); !written.ok())
            return written;
        Words words(std::begin(kBpfFlags), std::end(kBpfFlags));
        append(&words, include_words());
        append(&words, {"-c", sources_.bundle + "/bpf/flowxdp.bpf.c", "-o", kObject});
        return compile(clang_, "the kernel halves", words, folder_.path());
    }

    Result<void> compile_engine()
    {
        const auto id = record_layout_id_of(folder_ / kObject);
        if (!id.ok())
            return id.error();
        layout_id_ = id.value();
        if (auto written = write_text(folder_ / "generated/bundle_layout_id.h", layout_id_text(layout_id_));
            !written.ok())
            return written;
        Words link = cxx_words();
        for (const std::string file : {"bundle", "native_engine", "flow_table"}) {
            Words words = cxx_words();
            append(&words, include_words());
            append(&words, {"-c", sources_.bundle + "/engine/" + file + ".cpp", "-o", file + ".o"});
            if (auto compiled = compile(cxx_, "the bundle's engine", words, folder_.path()); !compiled.ok())
                return compiled;
            link.push_back(file + ".o");
        }
        append(&link, {"-o", "bundle/libflowxdp_bundle.so"});
        append(&link, link_words());
        return compile(cxx_, "the bundle's engine", link, folder_.path());
    }

    // Both halves of each plugin, as a run would ask.
    Result<void> check()
    {
        const auto bundle = open_bundle(folder_ / "bundle");
        if (!bundle.ok())
            return bundle.error();
        for (const Part& part : parts_)
            if (const std::string problem = half_problem(*part.library.descriptor, *bundle->descriptor);
                !problem.empty())
                return Error{problem};
        return {};
    }

    Result<BuiltBundle> finish(const std::string& output)
    {
        // Sinks that lie there stay, moved and not copied: whoever owns one goes on to own it.
        const std::string sinks = output + "/sinks", kept = folder_ / "bundle/sinks";
        std::error_code error;
        const bool has_sinks = fs::exists(fs::symlink_status(sinks, error));
        if (has_sinks && rename(sinks.c_str(), kept.c_str()))
            return Error{fmt::format("cannot keep '{}': {}", sinks, std::strerror(errno))};
        if (auto replaced = folder_.replace("bundle", output); !replaced.ok()) {
            if (!has_sinks || !rename(kept.c_str(), sinks.c_str()))
                return replaced.error();
            folder_.leave();
            return Error{fmt::format("{}; its sinks are now in '{}'", replaced.error().message, kept)};
        }
        BuiltBundle built{output, layout_id_, {}};
        for (const Part& part : parts_)
            built.plugins.push_back(part.plugin);
        return built;
    }

  private:
    Result<void> add(PluginLibrary library, bool half)
    {
        const fx_plugin& plugin = *library.descriptor;
        for (const Part& part : parts_)
            if (part.plugin.number == plugin.number || part.plugin.name == plugin.name)
                return Error{fmt::format("plugin '{}' has number {}, which is plugin '{}'s: choose another",
                                         plugin.name, plugin.number, part.plugin.name)};
        if (plugin.number < kLowestNumber || plugin.number > kHighestNumber)
            return Error{fmt::format("plugin '{}' has number {}: choose one from {} to {}", plugin.name, plugin.number,
                                     kLowestNumber, kHighestNumber)};
        std::error_code error;
        const bool is_new = fs::path(library.path).parent_path() == folder_ / "bundle/plugins";
        if (!is_new)
            half = fs::exists(fmt::format("{0}/plugins/{1}/{1}.bpf.h", sources_.bundle, plugin.name), error);
        parts_.push_back({{plugin.number, plugin.name, is_new, half}, std::move(library)});
        return {};
    }

    [[nodiscard]] std::string module_path(const std::string& name) const
    {
        return folder_ / ("bundle/plugins/" + name + ".so");
    }
    static constexpr const char* kObject = "bundle/flowxdp.bpf.o";

    static void append(Words* words, const Words& more) { words->insert(words->end(), more.begin(), more.end()); }

    [[nodiscard]] Words cxx_words() const
    {
        Words words(std::begin(kCxxFlags), std::end(kCxxFlags));
        if (cxx_.is_gnu())
            words.insert(words.end(), std::begin(kGnuFlags), std::end(kGnuFlags));
        append(&words, {"-I" + sources_.headers, "-I" + sources_.bundle + "/plugins"});
        return words;
    }
    [[nodiscard]] static Words link_words() { return {std::begin(kLinkFlags), std::end(kLinkFlags)}; }
    // Of the halves: the given plugins' are found before any other, and nothing else that lies beside their folders.
    // Paths in the new folder are relative to it, because its name is another one each time: ccache knows a file by the
    // compiler's words and what is included.
    [[nodiscard]] Words include_words() const
    {
        return {"-iquote",
                "plugins",
                "-I" + sources_.headers,
                "-I" + sources_.bundle + "/bpf",
                "-I" + sources_.bundle + "/engine",
                "-I" + sources_.bundle + "/plugins",
                "-Igenerated"};
    }
    // By which a plugin's folder is found as NAME.
    [[nodiscard]] std::string link_of(const PluginSource& source) const { return folder_ / ("plugins/" + source.name); }

    // The compiler's words name the user's files, not links to them. folder: where it runs; "" = here.
    [[nodiscard]] Result<void> compile(const Compiler& compiler, const std::string& what, const Words& words,
                                       const std::string& folder = "") const
    {
        auto compiled = compiler.run(what, words, folder);
        if (compiled.ok())
            return {};
        std::string message = compiled.error().message;
        for (const PluginSource& source : given_)
            for (const std::string& link : {link_of(source) + "/", "plugins/" + source.name + "/"})
                for (std::size_t at = message.find(link); at != std::string::npos;) {
                    const bool whole = at == 0 || message[at - 1] != '/';
                    const std::string& by = whole ? source.folder + "/" : link;
                    message.replace(at, link.size(), by);
                    at = message.find(link, at + by.size());
                }
        return Error{message};
    }

    const BundleSources& sources_;
    NewFolder folder_;
    Compiler clang_, cxx_;
    std::vector<Part> parts_;
    std::vector<PluginSource> given_;
    std::uint64_t layout_id_ = 0;
};

// Why the output cannot be replaced; empty: it can.
std::string output_problem(const std::string& output)
{
    std::error_code error;
    if (!fs::exists(fs::symlink_status(output, error)))
        return "";
    if (!fs::is_directory(fs::symlink_status(output, error)))
        return fmt::format("'{}' is no folder: choose another with -o", output);
    for (const auto& entry : fs::directory_iterator(output, error))
        if (const std::string name = entry.path().filename();
            name != "libflowxdp_bundle.so" && name != "flowxdp.bpf.o" && name != "plugins" && name != "sinks")
            return fmt::format("'{}' holds other things than a bundle ('{}'), which would be lost: choose another with "
                               "-o",
                               output, name);
    return error ? fmt::format("cannot read '{}': {}", output, error.message()) : "";
}

} // namespace

Result<BundleSources> installed_sources()
{
    const fs::path installed = fs::path(installation_folder()).parent_path().parent_path();
    BundleSources sources{installed / "include", installed / "share/flowxdp/bundle", installation_folder()};
    std::error_code error;
    for (const std::string& file : {sources.headers + "/flowxdp/plugin.hpp", sources.bundle + "/bpf/flowxdp.bpf.c",
                                    sources.bundle + "/engine/bundle.cpp"})
        if (!fs::exists(file, error))
            return Error{fmt::format("cannot build plugins: '{}' is not installed; install flowxdp's component dev: "
                                     "cmake --install BUILD --component dev --prefix '{}'",
                                     file, installed.string())};
    return sources;
}

Result<BuiltBundle> build_bundle(const BundleSources& sources, const std::vector<std::string>& plugins,
                                 const std::string& output, const std::function<void(const std::string&)>& say)
{
    std::error_code error;
    const std::string whole = (fs::absolute(output, error) / "").parent_path().lexically_normal();
    if (std::string problem = output_problem(whole); !problem.empty())
        return Error{problem};
    std::vector<PluginSource> given;
    for (const std::string& folder : plugins) {
        auto source = read_plugin_source(folder);
        if (!source.ok())
            return source.error();
        given.push_back(source.take());
    }
    auto clang = Compiler::clang();
    if (!clang.ok())
        return clang.error();
    auto cxx = Compiler::cxx();
    if (!cxx.ok())
        return cxx.error();
    // The folder that is begun goes before the process does.
    const HeldSignals held;
    auto folder = NewFolder::beside(whole);
    if (!folder.ok())
        return folder.error();
    Build build(sources, folder.take(), clang.take(), cxx.take());
    const auto step = [&](const std::string& name, const std::function<Result<void>()>& run) -> Result<void> {
        if (held.pending())
            return Error{"interrupted: nothing was changed"};
        if (!name.empty())
            say(name);
        return run();
    };
    if (auto done = step("", [&] { return build.prepare(); }); !done.ok())
        return done.error();
    if (auto done = step("", [&] { return build.take_installed(); }); !done.ok())
        return done.error();
    for (const PluginSource& source : given)
        if (auto done = step(source.name + ": user half", [&] { return build.compile_user_half(source); }); !done.ok())
            return done.error();
    if (auto done = step("kernel halves for the kernel", [&] { return build.compile_halves(); }); !done.ok())
        return done.error();
    if (auto done = step("kernel halves for replay, in the engine", [&] { return build.compile_engine(); }); !done.ok())
        return done.error();
    if (auto done = step("", [&] { return build.check(); }); !done.ok())
        return done.error();
    return build.finish(whole);
}

} // namespace flowxdp
