#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# parity.sh FLOWXDP CAPTURE...: every capture gives byte-identical flow and packet files from the native engine and from the
# BPF program by test-run, with the default plugins and with all of them, force mode and the active timeout. Plain sh: it
# runs inside the VM too. Exit 77 when this process may not load BPF programs.
set -u
program=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compared=0 failed=0

# compare CAPTURE OPTION...: both engines, files and exit codes
compare() {
    capture=$1
    shift
    "$program" replay "$capture" -w "$work/native" -s -q "$@" 2>"$work/native.err"
    native=$?
    "$program" replay --engine bpf --max-flows 16384 "$capture" -w "$work/bpf" -s -q "$@" 2>"$work/bpf.err"
    bpf=$?
    if [ "$bpf" = 77 ]; then
        echo "SKIP: $(cat "$work/bpf.err")"
        exit 77
    fi
    compared=$((compared + 1))
    for file in flows packets; do
        cmp "$work/native_$file.txt" "$work/bpf_$file.txt" || bpf=differs
    done
    if [ "$native" != "$bpf" ]; then
        echo "FAILED: $capture with '$*': native $native, bpf $bpf: $(head -n 3 "$work/bpf.err")"
        failed=$((failed + 1))
    fi
    rm -f "$work"/*
}

for capture in "$@"; do
    compare "$capture"
    compare "$capture" --plugin mac_recorder --plugin flow_export --plugin tcp_flags \
        --plugin tcp_win:threshold=100,force_at=3 --active-timeout 1
done
echo "$compared comparisons, $failed differ"
[ "$failed" = 0 ] && [ "$compared" -gt 0 ]
