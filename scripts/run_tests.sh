#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# run_tests.sh PRESET [CTEST-OPTION...]: runs the tests of build/PRESET; the last line of stdout is
# `N passed, N failed, N skipped`. Exit 0 when something ran and nothing failed. Tests that share the kernel (bpf, system,
# vm) hold a ctest RESOURCE_LOCK, so two at a time is right for all.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
preset=$1
shift
result=$root/build/$preset/test-results.xml
rm -f "$result"

status=0
ctest --test-dir "$root/build/$preset" -j2 --output-on-failure --no-tests=error --output-junit "$result" "$@" || status=$?
if [[ ! -f $result ]]; then
    # A list (-N), a help text, or ctest itself failed.
    exit "$status"
fi

# <testsuite name="..." tests="9" failures="1" disabled="0" skipped="2" ...>
suite=$(sed -n '/<testsuite/,/>/p' "$result" | tr '\n\t' '  ')
count() { sed -n "s/.*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p" <<<"$suite"; }
total=$(count tests) failed=$(count failures) skipped=$(($(count skipped) + $(count disabled)))
echo "$((total - failed - skipped)) passed, $failed failed, $skipped skipped"
exit "$status"
