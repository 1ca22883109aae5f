#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# parity.sh FLOWXDP CAPTURE...: every capture gives byte-identical flow and packet files from the native engine and from the
# BPF program by test-run, with the default plugins, with all of them, force mode and the active timeout, and with those of
# exporters; both ledgers balance, and every counter is the same. Plain sh: it runs inside the VM too. Exit 77 when this
# process may not load BPF programs.
set -u
program=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compared=0 failed=0

# part FILE KEY: an object of a JSON report
part() {
    sed -n 's/.*\("'"$2"'":{[^}]*}\).*/\1/p' "$1"
}

# compare CAPTURE OPTION...: both engines; files, ledgers, counters and exit codes
compare() {
    capture=$1
    shift
    "$program" replay "$capture" -w "$work/native" -s --json "$@" >"$work/native.json" 2>"$work/native.err"
    native=$?
    "$program" replay --engine bpf --max-flows 16384 "$capture" -w "$work/bpf" -s --json "$@" >"$work/bpf.json" 2>"$work/bpf.err"
    bpf=$?
    if [ "$bpf" = 77 ]; then
        echo "SKIP: $(cat "$work/bpf.err")"
        exit 77
    fi
    compared=$((compared + 1))
    for file in flows packets; do
        cmp "$work/native_$file.txt" "$work/bpf_$file.txt" || bpf=differs
    done
    for engine in native bpf; do
        case $(part "$work/$engine.json" ledger) in
        *'"difference":0}') ;;
        *) echo "$engine: no balanced ledger: $(part "$work/$engine.json" ledger)" && bpf=differs ;;
        esac
    done
    if [ "$(part "$work/native.json" counters)" != "$(part "$work/bpf.json" counters)" ]; then
        echo "native $(part "$work/native.json" counters)" && echo "bpf $(part "$work/bpf.json" counters)"
        bpf=differs
    fi
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
    compare "$capture" --plugins export_basics,flow_export
    compare "$capture" --plugins basic_flow,tcp_rtt,conn_stat,nfrst_pkts,pkt_siat_histo,descriptive_stats,entropy --plugin dedup:any_ttl=1,leave_out=1
done
echo "$compared comparisons, $failed differ"
[ "$failed" = 0 ] && [ "$compared" -gt 0 ]
