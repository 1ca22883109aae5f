// SPDX-License-Identifier: BSD-2-Clause
#include "plugin_build/compiler.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/unique_fd.h"

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace flowxdp {
namespace {

struct Ended {
    int status = 0;     // exit code; 128 and more: a signal
    std::string output; // of both streams
};

// Error: it could not be started. folder: where it runs; "" = here.
Result<Ended> run_program(const std::vector<std::string>& words, const std::string& folder)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return Error{fmt::format("cannot make a pipe: {}", std::strerror(errno))};
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, writer.get(), 1);
    posix_spawn_file_actions_adddup2(&actions, writer.get(), 2);
    if (!folder.empty())
        posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    // Ctrl-C ends the compiler, also where this process holds it back.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    std::vector<std::string> own = words;
    std::vector<char*> arguments;
    for (std::string& word : own)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int error = posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    writer.reset();
    if (error)
        return Error{fmt::format("cannot run '{}': {}", words[0], std::strerror(error))};
    Ended ended;
    char buffer[4096];
    for (;;) {
        const ssize_t n = read(reader.get(), buffer, sizeof buffer);
        if (n > 0)
            ended.output.append(buffer, static_cast<std::size_t>(n));
        else if (n == 0 || errno != EINTR)
            break;
    }
    while (waitpid(child, &ended.status, 0) < 0 && errno == EINTR)
        ;
    ended.status = WIFEXITED(ended.status) ? WEXITSTATUS(ended.status) : 128 + WTERMSIG(ended.status);
    return ended;
}

// The package that has what the compiler did not find; empty: it says nothing of the kind.
std::string missing_package(const std::string& output)
{
    static constexpr struct {
        const char *word, *package;
    } kMissing[] = {{"bpf/bpf_", "libbpf-dev"},        {"fmt/", "libfmt-dev"},       {"-lfmt", "libfmt-dev"},
                    {"asm/types.h", "linux-libc-dev"}, {"linux/", "linux-libc-dev"}, {"gnu/stubs", "libc6-dev"}};
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);)
        for (const auto& [word, package] : kMissing)
            if ((line.find("file not found") != std::string::npos ||
                 line.find("No such file or directory") != std::string::npos ||
                 line.find("cannot find") != std::string::npos || line.find("unable to find") != std::string::npos) &&
                line.find(word) != std::string::npos)
                return package;
    return "";
}

// A program that is named by a path from here: by one that is right in every folder.
std::string seen_from_anywhere(const std::string& word)
{
    namespace fs = std::filesystem;
    std::error_code error;
    const bool path = word.find('/') != std::string::npos && fs::exists(word, error);
    return path ? fs::absolute(word, error).string() : word;
}

} // namespace

std::vector<std::string> split_words(const std::string& text)
{
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;)
        words.push_back(word);
    return words;
}

std::vector<std::string> words_of_variable(const char* name)
{
    const char* text = secure_getenv(name);
    return text ? split_words(text) : std::vector<std::string>();
}

Result<Compiler> Compiler::clang()
{
    std::vector<std::string> names = {"clang"};
    for (int version = 19; version >= 14; version--)
        names.push_back(fmt::format("clang-{}", version));
    return first_of("CLANG", names, "the compiler of kernel halves", "clang");
}

Result<Compiler> Compiler::cxx()
{
    return first_of("CXX", {"c++", "g++", "clang++"}, "a C++ compiler", "g++");
}

Result<Compiler> Compiler::first_of(const char* variable, const std::vector<std::string>& names,
                                    const std::string& what, const std::string& package)
{
    std::vector<std::vector<std::string>> candidates = {words_of_variable(variable)};
    const bool chosen = !candidates[0].empty();
    if (!chosen) {
        candidates.clear();
        for (const std::string& name : names)
            candidates.push_back({name});
    }
    for (const std::vector<std::string>& command : candidates) {
        std::vector<std::string> words = command;
        words.emplace_back("--version");
        const auto ended = run_program(words, "");
        if (!ended.ok() || ended->status)
            continue;
        Compiler compiler;
        for (const std::string& word : command)
            compiler.command_.push_back(seen_from_anywhere(word));
        compiler.gnu_ = ended->output.find("Free Software Foundation") != std::string::npos;
        return compiler;
    }
    return Error{chosen ? fmt::format("${} is '{}', which does not run: set it to {}, or leave it out", variable,
                                      fmt::join(candidates[0], " "), what)
                        : fmt::format("{} is missing ({}): apt-get install {}, or set ${}", what,
                                      fmt::join(names, ", "), package, variable)};
}

Result<void> Compiler::run(const std::string& what, std::span<const std::string> arguments,
                           const std::string& folder) const
{
    std::vector<std::string> words = command_;
    words.insert(words.end(), arguments.begin(), arguments.end());
    const auto ended = run_program(words, folder);
    if (!ended.ok())
        return ended.error();
    if (!ended->status)
        return {};
    const std::string package = missing_package(ended->output);
    return Error{fmt::format("cannot compile {}{}; {} says:\n{}", what,
                             package.empty() ? "" : fmt::format(": apt-get install {}", package), command_.back(),
                             ended->output)};
}

} // namespace flowxdp
