// SPDX-License-Identifier: BSD-2-Clause
#include "cli/foreign_option.h"

#include <net/if.h>

#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "core/number.h"

namespace flowxdp {
namespace {

// {} is the word after the option, or the placeholder.
struct ForeignOption {
    std::string_view commands; // " replay attach "
    std::string_view option;
    std::string_view placeholder;
    std::string_view answer;
};

constexpr ForeignOption kForeign[] = {
    {" replay ", "-r", "FILE", "-r is not needed: give the file itself, 'flowxdp replay {}'"},
    {" attach detach status top ", "-r", "FILE", "-r: a capture file is read by 'flowxdp replay {}'"},
    {" attach detach status doctor ", "-i", "IFACE", "-i is not needed: give the interface itself, 'flowxdp {1} {0}'"},
    {" replay ", "-i", "IFACE", "-i: an interface is observed by 'sudo flowxdp attach {}'"},
    {" attach ", "--interface", "IFACE", "--interface is not needed: give the interface itself, 'flowxdp attach {}'"},
    {" replay ", "-D", "EXPR",
     "-D: Tranalyzer2's numbered series is --series {} here; tcpdump's list of interfaces is "
     "'flowxdp interfaces'"},
    {" attach ", "-D", "", "-D: 'flowxdp interfaces' lists the interfaces"},
    {" attach ", "--list-interfaces", "", "--list-interfaces: 'flowxdp interfaces' lists them"},
    {" replay attach ", "-n", "", "-n is not needed: addresses and ports are never replaced by names"},
    {" attach ", "-R", "LIST", "-R: a list of captures is read by 'flowxdp replay -R {}'"},
    {" replay attach ", "-p", "DIR",
     "-p: plugins are looked for below the folder of --lib (Tranalyzer2's -p); XDP needs no promiscuous mode "
     "(tcpdump's -p)"},
    {" replay attach ", "-b", "FILE", "-b: plugins are named by --plugins a,b or --plugin NAME, not by a file"},
    {" replay attach ", "-m", "",
     "-m: figures every few seconds are -M SECONDS; SIGUSR1 makes a running flowxdp report"},
    {" replay attach ", "-P", "PRIO", "-P: start it by 'nice -n {} flowxdp ...'"},
    {" replay ", "-B", "SIZE", "-B: a capture file needs no buffer of yours; leave -B out"},
    {" attach ", "-B", "SIZE", "-B: the memory between kernel and daemon is --ring {} (with a unit: 32M)"},
    {" replay attach ", "-C", "SIZE", "-C: a new flow file after so many bytes is -W PREFIX:{}M"},
    {" replay attach ", "-G", "SECONDS",
     "-G: files rotate by time with --rotate, e.g. --rotate 60s; -W PREFIX:500M splits by size"},
    {" replay attach ", "-X", "", "-X: packets are not printed; -s writes a row with the payload for each"},
    {" replay attach ", "-A", "", "-A: packets are not printed; -s writes a row with the payload for each"},
    {" replay attach ", "-t", "", "-t: times are columns of the rows; packets are not printed"},
    {" replay attach ", "-N", "", "-N is not needed: packets are not printed; a row is a flow"},
    {" replay attach ", "-u", "", "-u is not needed: packets are not printed; a row is a flow"},
    {" replay attach ", "-T", "", "-T is not needed: packets are not printed; a row is a flow"},
    {" replay attach ", "-H", "", "-H is not needed: packets are not printed; a row is a flow"},
    {" replay attach ", "-#", "", "-# is not needed: packets are not printed; -s numbers them in rows"},
    {" replay attach ", "--number", "", "--number is not needed: packets are not printed; -s numbers them in rows"},
    {" replay attach ", "--print", "", "--print: rows go to standard output by -w -"},
    {" replay attach ", "--immediate-mode", "", "--immediate-mode is not needed: rows leave as flows end"},
    {" replay attach ", "-0", "", "-0: -s is packet mode here and takes no value; tcpdump's -s 0 is -S 0, the default"},
    {" replay attach ", "-O", "", "-O is not needed: a filter is compiled once"},
    {" replay attach ", "-d", "", "-d: 'tcpdump -d EXPR' shows the program of a filter"},
    {" replay attach ", "-E", "", "-E: nothing is decrypted; leave -E out"},
    {" replay attach ", "-z", "", "-z: a sink's file is compressed when its name ends in .gz or .zst; leave -z out"},
    {" replay attach ", "-y", "", "-y: the link type is the interface's or the capture's; leave -y out"},
    {" attach ", "-j", "", "-j is not needed: the kernel gives each packet its time in nanoseconds"},
    {" attach ", "-J", "", "-J is not needed: the kernel gives each packet its time in nanoseconds"},
    {" attach ", "-I", "", "-I: monitor mode is set by 'iw', before the interface is attached"},
    {" attach ", "-Q", "", "-Q: received frames are --direction ingress, sent ones too --direction both"},
    {" replay ", "-Q", "", "-Q: a capture holds what was recorded; leave -Q out"},
    {" replay attach ", "-U", "", "-U is not needed: rows leave as flows end"},
    {" replay attach ", "-Z", "USER", "-Z: the daemon becomes another user by 'attach --user {}'"},
};

std::string fill(const ForeignOption& foreign, const std::string& command, const std::string& given)
{
    const std::string word =
        given.empty() || given[0] == '-' ? std::string(foreign.placeholder) : printable(given, kValueBytes);
    return fmt::format(fmt::runtime(foreign.answer), word, command);
}

} // namespace

std::string foreign_answer(const std::string& command, const std::string& word, const std::string& next)
{
    const bool is_letter = word.size() > 1 && word[1] != '-';
    const std::size_t equal = word.find('=');
    const std::string name = is_letter ? word.substr(0, 2) : word.substr(0, equal);
    // "-rfile", "--count=5"; of "-nn" the second is no value.
    std::string value = next;
    if (is_letter && word.size() > 2)
        value = word[1] == word[2] ? "" : word.substr(2);
    else if (!is_letter && equal != std::string::npos)
        value = word.substr(equal + 1);
    for (const ForeignOption& foreign : kForeign)
        if (foreign.option == name && foreign.commands.find(" " + command + " ") != std::string_view::npos)
            return fill(foreign, command, value);
    return "";
}

std::string command_for_word(std::span<const std::string> words)
{
    const std::string& word = words[0];
    const std::string next = words.size() > 1 && words[1][0] != '-' ? printable(words[1], kValueBytes) : "";
    if (word == "-r")
        return fmt::format("a command comes first, and -r is not needed: 'flowxdp replay {}'",
                           next.empty() ? "FILE" : next);
    if (word == "-i")
        return fmt::format("a command comes first, and -i is not needed: 'sudo flowxdp attach {}'",
                           next.empty() ? "IFACE" : next);
    if (word == "-R")
        return fmt::format("a command comes first: 'flowxdp replay -R {}'", next.empty() ? "LIST" : next);
    if (word == "-D" || word == "--list-interfaces")
        return fmt::format("{}: 'flowxdp interfaces' lists the interfaces; Tranalyzer2's -D is 'flowxdp replay "
                           "--series EXPR'",
                           word);
    if (word == "-v")
        return "-v: the version is said by 'flowxdp --version'";
    if (word.starts_with('-') || word.empty())
        return "";
    std::error_code ignored; // a word that cannot be a path is none
    if (std::filesystem::exists(word, ignored))
        return fmt::format("there is no command '{0}'; is it a capture? 'flowxdp replay {0}'",
                           printable(word, kValueBytes));
    if (if_nametoindex(word.c_str()))
        return fmt::format("there is no command '{0}'; to observe the interface: 'sudo flowxdp attach {0}'",
                           printable(word, kValueBytes));
    return "";
}

} // namespace flowxdp
