// SPDX-License-Identifier: BSD-2-Clause
// config_file.h - a configuration file: TOML whose keys are the option table's names without dashes.
//
//   write = "/var/log/flows"         an option
//   sink = ["json:a.json", "csv"]    one that may be given several times
//   [[sink]]                         a sink as a table: name, target, its options
//   [plugin.NAME]                    a plugin as a table: its options
//
// Values are read by the rows of the table, as those of the command line are. A problem names file, line and key.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "cli/option_table.h"

namespace flowxdp {

inline constexpr std::size_t kMaxConfigBytes = 1u << 18;

struct ConfigValue {
    enum class Type { kText, kInteger, kReal, kSwitch, kTable, kOther };
    Type type = Type::kOther;
    std::string text;  // as an option takes it; kSwitch: "true", "false"; kOther: what it is instead ("a date")
    ModuleTable table; // kTable
    std::size_t line = 0;
};

struct ConfigEntry {
    std::string key;
    std::size_t line = 0;
    bool is_list = false;
    std::vector<ConfigValue> values; // one, unless it is a list
};

struct ConfigFile {
    std::string path;
    std::vector<ConfigEntry> entries; // in the order of their lines
};

// The file of a value of --config: a word without slash and dot is NAME of /etc/flowxdp/NAME.toml.
std::string config_path(const std::string& name);

// Opens and reads a file. An error is a whole sentence with the file's name. A process with rights of its own (root,
// capabilities) refuses a file that somebody else could write.
Result<ConfigFile> read_config_file(const std::string& path);
// The same of text. path: for messages.
Result<ConfigFile> parse_config(const std::string& text, const std::string& path);

// Reads the entries into the options of a command; returns what is wrong, each a sentence. commands: to say whose key
// it is. is_given: rows that the command line has set, whose entries are left out.
std::vector<std::string> apply_config(const ConfigFile& file, const std::vector<CommandRow>& commands,
                                      const CommandRow& command, const std::function<bool(const OptionRow&)>& is_given);

// The options of a command as a file: each row with its help, those that have their default after a #. defaults: the
// table of the same command, untouched. Error: a value that no file can hold.
Result<std::string> config_text(const CommandRow& command, const OptionTable& defaults);

} // namespace flowxdp
