#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# run_tests.sh PRESET [CTEST-OPTION...]: runs the tests of build/PRESET; the last line of stdout is
# `N passed, N failed, N skipped`. Exit 0 when something ran and nothing failed. Tests that share the kernel (bpf, system)
# hold a ctest RESOURCE_LOCK, vm tests that of their machine. Two more tests than processors at a time: many wait most of
# their time, for a timeout, a receiver, a guest.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
preset=$1
shift
result=$root/build/$preset/test-results.xml
rm -f "$result"

# Tests write many small files over and over, and a disk lets them wait for each. So their folders are in memory where there is
# room and where a folder is as good as one of /tmp: programs run there, also with capabilities of a file.
if [[ ! ${TMPDIR-} && -w /dev/shm && $(findmnt -n -o FSTYPE,OPTIONS -T /dev/shm) =~ ^tmpfs ]] &&
    ! findmnt -n -o OPTIONS -T /dev/shm | grep -qE 'noexec|nosuid' && (($(df --output=avail -B1M /dev/shm | tail -n 1) >= 4096)); then
    TMPDIR=$(mktemp -d /dev/shm/fx.XXXX) # short: names of sockets are
    export TMPDIR
    trap 'rm -rf "$TMPDIR"' EXIT
    chmod 1777 "$TMPDIR" # other users have it too
fi

status=0
ctest --test-dir "$root/build/$preset" -j "$(($(nproc) + 2))" --output-on-failure --no-tests=error --output-junit "$result" \
    --test-output-truncation head "$@" || status=$?
if [[ ! -f $result ]]; then
    # A list (-N), a help text, or ctest itself failed.
    exit "$status"
fi

# ctest's own count calls a test skipped whose program is missing. Only what said SKIP, or is disabled, was skipped:
#   <testcase name="..." status="run|fail|disabled|notrun"> followed by <skipped message="SKIP_..."/>
# A whole GoogleTest program counts as many as it says (with sanitizers, cmake/flowxdp_test.cmake).
awk '
    /^[[:space:]]*<testcase / { total++; skipped += /status="disabled"/ }
    /^[[:space:]]*<testcase .*status="(fail|notrun)"/ { failed++ }
    /^[[:space:]]*<skipped message="SKIP_/ { failed--; skipped++ }
    /\[  PASSED  \] [0-9]+ tests\./ { sub(/.*PASSED  \] /, ""); if ($1 > 1) total += $1 - 1 }
    END { printf "%d passed, %d failed, %d skipped\n", total - failed - skipped, failed, skipped }' "$result"
exit "$status"
