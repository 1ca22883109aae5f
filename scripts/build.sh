#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# build.sh PRESET TARGET [-DNAME=VALUE...] [--first -DNAME=VALUE...]: configures build/PRESET (CMakePresets.json) when
# needed and builds TARGET. Options after --first only decide how a new build tree begins; the others are enforced.
# Silent when there is nothing to do; one line, with progress on a terminal, while it builds; the compiler's words when
# it fails. All of it on stderr. The whole output stays in build/PRESET.log.
#   CMAKE_BUILD_PARALLEL_LEVEL=1   one compiler at a time
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
preset=$1 target=$2
shift 2
enforced=() first=()
while (($#)); do
    if [[ $1 == --first ]]; then
        shift
        first=("$@")
        break
    fi
    enforced+=("$1")
    shift
done
tree=$root/build/$preset
log=$root/build/$preset.log

say() { printf 'flowxdp: %s\n' "$*" >&2; }

# Two terminals may start at once, and ninja has no lock of its own.
mkdir -p "$root/build"
exec 9>"$root/build/.lock"
if ! flock --nonblock 9; then
    say "waiting for another build in $root/build"
    flock 9
fi

cached() { sed -n "s/^$1:[A-Z]*=//p" "$tree/CMakeCache.txt"; }

# A tree that was moved or copied: every path in its cache and in its objects is of the old place.
if [[ -f $tree/CMakeCache.txt && ! $(cached CMAKE_HOME_DIRECTORY) -ef $root ]]; then
    say "build/$preset was made for $(cached CMAKE_HOME_DIRECTORY): building again"
    rm -rf "$tree"
fi

# Later changes of CMake files are noticed by ninja; this is for the first time and for other options.
need_configure=""
if [[ ! -f $tree/build.ninja ]]; then
    need_configure=yes
    enforced+=("${first[@]}")
fi
for option in "${enforced[@]}"; do
    name=${option#-D}
    if [[ ! $need_configure && $(cached "${name%%=*}") != "${name#*=}" ]]; then
        need_configure=yes
    fi
done
if [[ $need_configure ]]; then
    say "configuring build/$preset"
    if ! (cd "$root" && cmake --preset "$preset" "${enforced[@]}") >"$log" 2>&1 </dev/null; then
        # Half a tree would look like a finished one to the next run.
        rm -f "$tree/build.ninja"
        cat "$log" >&2
        say "configuring build/$preset failed"
        exit 1
    fi
fi

# progress: ninja's lines to the log; "[12/80] ..." becomes one line that is overwritten on a terminal.
progress() {
    local line begun=""
    while IFS= read -r line; do
        printf '%s\n' "$line" >&3
        # [0/1] is CMake looking whether globbed folders changed, at every start.
        if [[ $line != \[+([0-9])/+([0-9])\]* || $line == '[0/'* ]]; then
            continue
        fi
        if [[ -t 2 ]]; then
            printf '\rflowxdp: building build/%s %s] ' "$preset" "${line%%]*}" >&2
        elif [[ ! $begun ]]; then
            say "building build/$preset"
        fi
        begun=yes
    done
    if [[ $begun && -t 2 ]]; then
        printf '\r\033[K' >&2
    fi
    if [[ $begun ]]; then
        say "build/$preset: $SECONDS s"
    fi
}
if ! cmake --build "$tree" --target "$target" 2>&1 </dev/null 9>&- | progress 3>"$log"; then
    # ninja prints what failed as FAILED: followed by the compiler's output.
    if grep -q '^FAILED' "$log"; then
        sed -n '/^FAILED/,$p' "$log" >&2
    else
        tail -n 40 "$log" >&2
    fi
    say "build/$preset failed; the whole output is in $log"
    exit 1
fi
