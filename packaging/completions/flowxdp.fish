# SPDX-License-Identifier: BSD-2-Clause
# What could stand next on flowxdp's command line, for fish: the program itself says it (flowxdp complete).

function __flowxdp_complete
    set -l words (commandline --cut-at-cursor --current-process --tokenize)
    set -l word (commandline --cut-at-cursor --current-token)
    set -l program $words[1]
    set -e words[1]
    set -l answer ($program complete -- $words "$word" 2>/dev/null)
    set -q answer[1]; or return
    set -l first (string split \t -- $answer[1])
    set -e answer[1]
    string join \n -- $answer
    set -l path (string sub --start (math (string length -- $first[2]) + 1) -- "$word")
    switch $first[1]
        case files
            printf '%s\n' $first[2](__fish_complete_path "$path")
        case folders
            printf '%s\n' $first[2](__fish_complete_directories "$path" "")
    end
end
complete --command flowxdp --no-files --arguments '(__flowxdp_complete)'
