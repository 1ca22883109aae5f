# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What could stand next on flowxdp's command line, for bash: the program itself says it (flowxdp complete).

_flowxdp() {
    # bash cuts words at : and =, too (COMP_WORDBREAKS): what has no blank between is one word of ours.
    local line=${COMP_LINE:0:COMP_POINT} words=() part i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        part=${COMP_WORDS[i]}
        if ((i == 0)) || [[ $line == [[:blank:]]* ]]; then
            line=${line#"${line%%[![:blank:]]*}"}
            words+=("")
        fi
        if ((i == COMP_CWORD)); then
            part=$line # up to the cursor
        fi
        words[-1]+=$part
        line=${line#"$part"}
    done
    local word=${words[-1]} answer candidate candidates=()
    mapfile -t answer < <("${words[0]/#\~/$HOME}" complete -- "${words[@]:1}" 2>/dev/null)
    if ((${#answer[@]} == 0)); then
        return
    fi
    local kind=${answer[0]%%$'\t'*} before=${answer[0]#*$'\t'}
    for candidate in "${answer[@]:1}"; do
        candidates+=("${candidate%%$'\t'*}")
    done
    if [[ $kind == files || $kind == folders ]]; then
        local paths path=${word#"$before"} action=-f
        if [[ $kind == folders ]]; then
            action=-d
        fi
        mapfile -t paths < <(compgen "$action" -- "$path")
        for candidate in "${paths[@]}"; do
            candidates+=("$before$candidate")
        done
        if ((${#paths[@]})); then
            compopt -o filenames
        fi
    fi
    # bash replaces what is behind the last : or = alone.
    local cut="" breaks=${COMP_WORDBREAKS//[!:=]/}
    if [[ $breaks && $word == *["$breaks"]* ]]; then
        cut=${word%"${word##*["$breaks"]}"}
    fi
    COMPREPLY=("${candidates[@]#"$cut"}")
    if ((${#candidates[@]} == 1)) && [[ ${candidates[0]} == *[=:,/] ]]; then
        compopt -o nospace
    fi
}
complete -F _flowxdp flowxdp
