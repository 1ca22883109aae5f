#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Tests ./flowxdp and ./test on a tree of their own: the real scripts around a program of one file, so that it can be
# broken, moved and given away. Needs g++, cmake and ninja; installs nothing.
set -euo pipefail
unset CMAKE_C_COMPILER_LAUNCHER CMAKE_CXX_COMPILER_LAUNCHER # whoever runs the test may have a cache that others cannot write
source_dir=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch" # another user walks through it below
tree=$scratch/tree
failures=0

check() { # check FACT COMMAND...
    local fact=$1
    shift
    if "$@"; then
        echo "ok: $fact"
    else
        echo "FAILED: $fact"
        sed 's/^/    stderr: /' "$scratch/err"
        failures=$((failures + 1))
    fi
}
said() { grep -q -- "$1" "$scratch/err"; }
silent() { [[ ! -s $scratch/err ]]; }
start() { # start COMMAND...: fills out, err and code
    code=0
    "$@" >"$scratch/out" 2>"$scratch/err" || code=$?
}
printed() { [[ $(<"$scratch/out") == "$1" ]]; }
ends_with() { [[ $(tail -n 1 "$scratch/out") == "$1" ]]; }
exited() { [[ $code == "$1" ]]; }

make_tree() {
    rm -rf "$tree"
    mkdir -p "$tree"
    cp -r "$source_dir/flowxdp" "$source_dir/test" "$source_dir/scripts" "$source_dir/CMakePresets.json" "$tree/"
    echo coreutils >"$tree/scripts/packages.txt"
    echo 'bash # always there' >"$tree/scripts/packages-test.txt"
    printf '#!/bin/sh\n' >"$tree/scripts/vm_kernel.sh" # downloads otherwise
    cat >"$tree/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.25)
project(launcher_test LANGUAGES CXX)
option(FLOWXDP_TESTS "" ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
add_executable(flowxdp ${sources})
if(FLOWXDP_TESTS)
    enable_testing()
    add_test(NAME good COMMAND flowxdp)
    add_test(NAME bad COMMAND flowxdp fail)
    add_test(NAME skipped COMMAND flowxdp skip)
    set_tests_properties(skipped PROPERTIES SKIP_RETURN_CODE 3)
    add_test(NAME missing COMMAND /nowhere/program)
endif()
EOF
    cat >"$tree/main.cpp" <<'EOF'
#include <cstdio>
#include <cstring>
int main(int argc, char** argv)
{
    for (int i = 1; i < argc; i++)
        std::printf("[%s]", argv[i]);
    return argc > 1 && !std::strcmp(argv[1], "fail") ? 7 : argc > 1 && !std::strcmp(argv[1], "skip") ? 3 : 0;
}
EOF
}

make_tree
start "$tree/flowxdp" replay 'two words' '*'
check "the first start builds and passes the words on unchanged" printed '[replay][two words][*]'
check "the build talks on stderr" said 'building build/release'
start "$tree/flowxdp" again
check "nothing is said when nothing changed" silent
check "the tests are not configured by ./flowxdp" grep -q 'FLOWXDP_TESTS:BOOL=OFF' "$tree/build/release/CMakeCache.txt"
start "$tree/flowxdp" fail
check "the program's exit code is the launcher's" exited 7

ln -s "$tree/flowxdp" "$scratch/link"
cd /
start "$scratch/link" linked
check "works from another folder through a symlink" printed '[linked]'
check "a symlink is not a moved tree" silent

start "$tree/test"
check "./test counts, a missing program as failed" ends_with '1 passed, 2 failed, 1 skipped'
check "./test fails when a test fails" [ "$code" != 0 ]
check "./test shows a failed test's output" grep -q '^\[fail\]' "$scratch/out"
start "$tree/test" -R good
check "./test passes options to ctest" ends_with '1 passed, 0 failed, 0 skipped'
check "./test succeeds when all tests do" exited 0
start "$tree/test" -R 'no such test'
check "running no test at all is a failure" [ "$code" != 0 ]

echo 'int main() { return undeclared; }' >"$tree/main.cpp"
start "$tree/flowxdp" replay
check "a broken source fails" exited 1
check "the compiler's words are shown" said "error: .undeclared. was not declared"
check "nothing is started" printed ''

make_tree
start "$tree/flowxdp" x
mv "$tree" "$scratch/moved"
start "$scratch/moved/flowxdp" moved
check "a moved tree is built again" said "building again"
check "a moved tree works" printed '[moved]'
echo 'nonsense(' >>"$scratch/moved/CMakeLists.txt"
rm -rf "$scratch/moved/build"
start "$scratch/moved/flowxdp"
check "a failing configuration is shown" said "Parse error"

# Which packages are missing is asked of dpkg only when a list or dpkg's database changed.
if command -v dpkg-query >/dev/null; then
    make_tree
    start "$tree/flowxdp"
    printf '#!/bin/sh\necho asked >&2\n' >"$tree/scripts/install_packages.sh"
    start "$tree/flowxdp"
    check "satisfied lists are not looked at again" silent
    echo base-files >>"$tree/scripts/packages.txt"
    start "$tree/flowxdp"
    check "a changed list is" said asked
fi

# As root in a user's tree, as under sudo.
if ((EUID == 0)) && setpriv --reuid=nobody --regid=nogroup --clear-groups true 2>/dev/null; then
    make_tree
    chown -R nobody: "$tree"
    start "$tree/flowxdp" root
    check "root builds in a user's tree" printed '[root]'
    start "$tree/test" -R good
    check "and runs the tests" ends_with '1 passed, 0 failed, 0 skipped'
    check "no file in it belongs to root" [ -z "$(find "$tree" -user root)" ]
    chown -R root: "$tree/build"
    start "$tree/flowxdp" again
    check "a build folder that root left behind is given back" [ -z "$(find "$tree" -user root)" ]
else
    echo "not root: what sudo does was not tested"
fi

((failures == 0))
