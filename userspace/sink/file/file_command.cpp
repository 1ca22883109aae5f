// SPDX-License-Identifier: BSD-2-Clause
#include "sink/file/file_command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>
#include <thread>
#include <utility>

#include <fmt/format.h>

extern char** environ;

namespace flowxdp {
namespace {

// Starts a program with no signal blocked or ignored. Returns errno's value, 0 = it runs.
int spawn(const std::vector<std::string>& words, pid_t* process)
{
    std::vector<char*> arguments;
    for (const std::string& word : words)
        arguments.push_back(const_cast<char*>(word.c_str())); // the API lacks the const
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int error = posix_spawnp(process, arguments[0], &actions, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

} // namespace

FileCommand::FileCommand(const std::string& text)
{
    std::istringstream words(text);
    for (std::string word; words >> word;)
        words_.push_back(word);
}

void FileCommand::run(const std::string& path)
{
    if (words_.empty())
        return;
    if (waiting_.size() >= kWaiting) {
        skipped_++;
        problem_ = fmt::format("{}: '{}' is not run for it: {} files wait for the command", path, words_[0], kWaiting);
        return;
    }
    waiting_.push_back(path);
    note_ended();
}

Result<void> FileCommand::poll()
{
    note_ended();
    return problem_.empty() ? Result<void>() : Error{std::exchange(problem_, {})};
}

Result<void> FileCommand::finish(std::chrono::milliseconds patience)
{
    const auto until = std::chrono::steady_clock::now() + patience;
    for (note_ended(); !running_.empty() && std::chrono::steady_clock::now() < until; note_ended())
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (!running_.empty() || !waiting_.empty()) {
        skipped_ += waiting_.size();
        unfinished_ += running_.size();
        problem_ = fmt::format("'{}' still runs for {} files and is not run for {}", words_[0], running_.size(),
                               waiting_.size());
        waiting_.clear();
        running_.clear();
    }
    return poll();
}

std::string FileCommand::report() const
{
    if (words_.empty())
        return "";
    std::string text = fmt::format("{}: {} succeeded, {} failed", words_[0], succeeded_.load(), failed_.load());
    if (skipped_ || unfinished_)
        text += fmt::format(", {} skipped, {} unfinished", skipped_.load(), unfinished_.load());
    return text;
}

void FileCommand::start(const std::string& path)
{
    std::vector<std::string> words = words_;
    words.push_back(path.starts_with('-') ? "./" + path : path); // a name, not an option
    pid_t process = -1;
    if (const int error = spawn(words, &process); error != 0)
        fail(path, std::strerror(error));
    else
        running_.push_back({process, path});
}

// Processes that this object started, by their ids: the program has other children.
void FileCommand::note_ended()
{
    std::erase_if(running_, [this](const Running& one) {
        int status = 0;
        const pid_t ended = ::waitpid(one.process, &status, WNOHANG);
        if (ended == 0 || (ended < 0 && errno == EINTR))
            return false;
        if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
            succeeded_++;
        else if (ended > 0 && WIFSIGNALED(status))
            fail(one.path, fmt::format("ended by signal {}", WTERMSIG(status)));
        else
            fail(one.path, ended > 0 ? fmt::format("exit code {}", WEXITSTATUS(status)) : std::strerror(errno));
        return true;
    });
    while (running_.size() < kAtOnce && !waiting_.empty()) {
        const std::string path = std::move(waiting_.front());
        waiting_.pop_front();
        start(path);
    }
}

void FileCommand::fail(const std::string& path, const std::string& why)
{
    failed_++;
    problem_ = fmt::format("{}: '{}' failed for it: {}", path, words_[0], why);
}

} // namespace flowxdp
