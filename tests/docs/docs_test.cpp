// SPDX-License-Identifier: BSD-2-Clause
// What README.md and docs/*.md say of the command line, against the option parser. docs_checks.py has the rest.
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/options.h"

namespace {

// README.md and the pages of docs/, one behind the other; empty when nobody said where they are.
std::string read_pages()
{
    const char* source = std::getenv("FLOWXDP_SOURCE_DIR");
    if (source == nullptr)
        return {};
    std::vector<std::filesystem::path> paths = {std::filesystem::path(source) / "README.md"};
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(source) / "docs"))
        if (entry.path().extension() == ".md")
            paths.push_back(entry.path());
    std::ostringstream text;
    for (const auto& path : paths)
        text << std::ifstream(path).rdbuf();
    return text.str();
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

// The words of a shell command up to its first |, <, > or #. Quotes as in the pages: single, double, no escapes.
std::vector<std::string> words_of(const std::string& command)
{
    std::vector<std::string> words;
    std::string word;
    char quote = 0;
    bool begun = false;
    for (const char c : command) {
        if (quote) {
            if (c == quote)
                quote = 0;
            else
                word += c;
        } else if (c == '\'' || c == '"') {
            quote = c;
            begun = true;
        } else if (std::isspace(static_cast<unsigned char>(c)) || c == '|' || c == '<' || c == '>' || c == '#') {
            if (begun)
                words.push_back(word);
            word.clear();
            begun = false;
            if (!std::isspace(static_cast<unsigned char>(c)))
                return words;
        } else {
            word += c;
            begun = true;
        }
    }
    if (begun)
        words.push_back(word);
    return words;
}

// Exit code of the parser: 0 also when there is something to run. Its output goes to *output.
int parse(std::vector<std::string> words, std::string* output)
{
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    flowxdp::Options options;
    int exit_code = 0;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    flowxdp::parse_options(static_cast<int>(words.size()), argv.data(), &options, &exit_code);
    *output = testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
    return exit_code;
}

std::string help_of(const std::vector<std::string>& command)
{
    std::vector<std::string> words = {"flowxdp"};
    words.insert(words.end(), command.begin(), command.end());
    words.push_back("--help");
    std::string text;
    EXPECT_EQ(parse(words, &text), 0);
    return text;
}

// Names of the subcommands in a help text: "replay", "geo lookup".
std::vector<std::string> subcommands_in(const std::string& help)
{
    std::vector<std::string> names;
    bool inside = false;
    for (const std::string& line : lines_of(help)) {
        if (line == "Commands:" || line.empty())
            inside = !line.empty();
        else if (inside && line.rfind("  ", 0) == 0 && line.size() > 2 && line[2] != ' ')
            names.push_back(line.substr(2, line.find("  ", 2) - 2));
    }
    return names;
}

std::set<std::string> options_in(const std::string& help)
{
    std::set<std::string> options;
    const std::regex option("(^|[ ,])(--?[A-Za-z][A-Za-z-]*)");
    for (std::sregex_iterator at(help.begin(), help.end(), option), end; at != end; ++at)
        options.insert((*at)[2]);
    return options;
}

TEST(Docs, EveryCommandLineInACodeBlockParses)
{
    const std::string text = read_pages();
    if (text.empty())
        GTEST_SKIP() << "SKIP: FLOWXDP_SOURCE_DIR does not name the source tree; run it with ctest";
    bool inside = false;
    int commands = 0;
    for (std::string line : lines_of(text)) {
        if (line.rfind("```", 0) == 0)
            inside = !inside;
        for (const char* prompt : {"$ ", "sudo "})
            if (line.rfind(prompt, 0) == 0)
                line = line.substr(std::string(prompt).size());
        if (!inside || line.rfind("./flowxdp ", 0) != 0)
            continue;
        SCOPED_TRACE(line);
        std::vector<std::string> words = words_of(line);
        for (std::size_t i = 1; i < words.size(); i++)
            if (words[i - 1] == "-F") // the parser reads it, and the command before has written it
                words[i] = "/dev/null";
        std::string output;
        EXPECT_EQ(parse(words, &output), 0) << output;
        commands++;
    }
    EXPECT_GT(commands, 50);
}

TEST(Docs, OptionsInTheProseAreInSomeHelp)
{
    const std::string text = read_pages();
    if (text.empty())
        GTEST_SKIP() << "SKIP: FLOWXDP_SOURCE_DIR does not name the source tree; run it with ctest";
    std::set<std::string> known = options_in(help_of({}));
    for (const std::string& name : subcommands_in(help_of({})))
        known.merge(options_in(help_of(words_of(name))));
    int options = 0;
    const std::regex code("`([^`\n]+)`");
    for (std::sregex_iterator at(text.begin(), text.end(), code), end; at != end; ++at) {
        const std::string words = (*at)[1];
        if (std::regex_search(words, std::regex("^(cmake|nsenter|podman|scripts/)"))) // options of other programs
            continue;
        const std::regex long_option("(^| )(--[a-z][a-z-]*)");
        for (std::sregex_iterator o(words.begin(), words.end(), long_option); o != end; ++o) {
            EXPECT_TRUE(known.contains((*o)[2]))
                << "no help has " << (*o)[2] << ", which a page names in `" << words << "`";
            options++;
        }
    }
    EXPECT_GT(options, 30);
}

TEST(Docs, EverySubcommandIsThere)
{
    const std::string text = read_pages();
    if (text.empty())
        GTEST_SKIP() << "SKIP: FLOWXDP_SOURCE_DIR does not name the source tree; run it with ctest";
    const std::vector<std::string> names = subcommands_in(help_of({}));
    EXPECT_GE(names.size(), 5U);
    for (const std::string& name : names)
        EXPECT_NE(text.find("flowxdp " + name), std::string::npos) << "no page shows 'flowxdp " << name << "'";
}

} // namespace
