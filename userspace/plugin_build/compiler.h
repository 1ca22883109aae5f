// SPDX-License-Identifier: BSD-2-Clause
// compiler.h - a compiler of this machine: found, asked what it is, run.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp {

class Compiler {
  public:
    // The BPF compiler: $CLANG, else clang, clang-19 ... clang-14.
    static Result<Compiler> clang();
    // The C++ compiler: $CXX, else c++, g++, clang++.
    static Result<Compiler> cxx();

    // Error: the compiler's words, and the Debian package that a missing header or library is in. what: for the message
    // ("the kernel half of 'my_plugin'"). folder: where it runs; "" = this process's own.
    [[nodiscard]] Result<void> run(const std::string& what, std::span<const std::string> arguments,
                                   const std::string& folder = "") const;
    // Whether it takes the options that g++ alone knows.
    [[nodiscard]] bool is_gnu() const { return gnu_; }
    [[nodiscard]] const std::vector<std::string>& command() const { return command_; }

  private:
    static Result<Compiler> first_of(const char* variable, const std::vector<std::string>& names,
                                     const std::string& what, const std::string& package);

    std::vector<std::string> command_; // program and its first arguments: "ccache g++"
    bool gnu_ = false;
};

// The words of a text as a shell splits them, without quotes.
std::vector<std::string> split_words(const std::string& text);
// What an environment variable adds to a command line, $CXXFLAGS; none when it is not set.
std::vector<std::string> words_of_variable(const char* name);

} // namespace flowxdp
