#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# prove_container.sh DIR DEB...: proves deploy/container/Containerfile without a container engine. Its steps make a root in DIR (FROM is
# debootstrap's bookworm, COPY and RUN are done there), and its command runs in it with the namespaces and exactly the capabilities that
# docs/install.md names, on a veth pair of its own: attached, killed, taken over by the next container, handed over, stopped. DIR must not
# exist yet, and is removed again. Needs root, debootstrap, setpriv and 400 MB in DIR.
# shellcheck disable=SC2016 # conditions and scripts that others expand
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
if (($# < 2)); then
    sed -n '3,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
fi
if ((EUID != 0)); then
    echo "prove_container.sh: needs root for namespaces and mounts" >&2
    exit 77
fi
if [[ ! ${FLOWXDP_PROVE_UNSHARED:-} ]]; then
    FLOWXDP_PROVE_UNSHARED=1 exec unshare --mount --propagation private -- "$0" "$@"
fi
if [[ -e $1 ]]; then
    echo "prove_container.sh: $1 is there already" >&2
    exit 2
fi
mkdir -p "$1"
dir=$(readlink -f "$1")
shift
root=$dir/root log=$dir/log host=fxct$$
# shellcheck disable=SC2317 # called by the trap
finish() {
    if [[ -e /run/netns/$host ]]; then
        ip netns pids "$host" | xargs -r kill -9
        ip netns del "$host"
        ip netns del "$host-peer"
    fi
    awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount
    rm -rf --one-file-system "$dir"
}
trap finish EXIT
step() { printf -- '-- %s (%d s)\n' "$*" "$SECONDS"; }
quietly() { "$@" >"$log" 2>&1 </dev/null || { tail -n 40 "$log" >&2; return 1; }; }
fail() { echo "prove_container.sh: $*" >&2; exit 1; }
until_true() { # until_true CONDITION: the condition of a shell, for half a minute
    for ((i = 0; i < 300; i++)); do
        if eval "$1"; then
            return
        fi
        sleep 0.1
    done
    tail -n 20 "$dir"/said.* >&2 || true
    fail "waited in vain: $1"
}

# An instruction a line, those of several lines as one.
mapfile -t instructions < <(sed -e '/^#/d' -e ':more; /\\$/ { N; s/\\\n *//; b more }' "$here/../deploy/container/Containerfile")
folder=/ entrypoint=() command=()
words_of() { # words_of ["A", "B"]: one a line
    grep -o '"[^"]*"' <<<"$1" | tr -d '"'
}
mkdir "$dir/context"
cp "$@" "$dir/context/"
for instruction in "${instructions[@]}"; do
    what=${instruction%% *} rest=${instruction#* }
    case $what in
        FROM)
            [[ $rest == debian:bookworm-slim ]] || fail "no recipe for '$rest'"
            step "FROM $rest"
            mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk '$2 == "bookworm" { print $1; exit }')
            quietly debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "${mirror:-http://deb.debian.org/debian}"
            cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
            cp -L /etc/resolv.conf "$root/etc/"
            ;;
        COPY)
            step "COPY $rest"
            mkdir -p "$root${rest##* }"
            # shellcheck disable=SC2086 # a pattern
            (cd "$dir/context" && cp ${rest% *} "$root${rest##* }")
            ;;
        RUN)
            step "RUN ${rest:0:60}..."
            quietly chroot "$root" /bin/sh -c "export DEBIAN_FRONTEND=noninteractive; $rest"
            ;;
        WORKDIR) folder=$rest && mkdir -p "$root$rest" ;;
        ENTRYPOINT) mapfile -t entrypoint < <(words_of "$rest") ;;
        CMD) mapfile -t command < <(words_of "$rest") ;;
        VOLUME | STOPSIGNAL) ;;
        *) fail "unknown instruction: $instruction" ;;
    esac
done

step "a network that stands for the host's"
ip netns add "$host"
ip netns add "$host-peer"
ip link add eth0 netns "$host" type veth peer name eth1 netns "$host-peer"
peer() { nsenter --net="/run/netns/$host-peer" "$@"; }
nsenter --net="/run/netns/$host" ip addr add 192.0.2.1/24 dev eth0
nsenter --net="/run/netns/$host" ip link set eth0 up
peer ip addr add 192.0.2.2/24 dev eth1
peer ip link set eth1 up

# What an engine does for: run --network host --cap-drop all --cap-add CAPABILITY... --volume /sys/fs/bpf:/sys/fs/bpf
capabilities=$(sed -n 's/^ *--cap-drop all //p' "$here/../docs/install.md" | grep -o 'cap-add [A-Z_]*' | sed 's/cap-add /+/' | tr 'A-Z\n' 'a-z,')
[[ $capabilities ]] || fail "docs/install.md names no capabilities"
capabilities="-all,${capabilities%,}"
container() { # container NAME WORDS...: sets pid
    local name=$1
    shift
    # Mounts, processes, names and message queues of its own; the network is the host's.
    nsenter --net="/run/netns/$host" unshare --mount --pid --uts --ipc --fork --kill-child sh -ec '
        root=$1 folder=$2 capabilities=$3
        shift 3
        mount -t proc proc "$root/proc"
        mount -t sysfs -o ro sysfs "$root/sys"
        mount --bind "$root/../bpf" "$root/sys/fs/bpf"
        exec chroot "$root" setpriv --bounding-set="$capabilities" --inh-caps=-all --no-new-privs sh -ec "cd \$0; exec \"\$@\"" "$folder" "$@"
    ' container "$root" "$folder" "$capabilities" "${entrypoint[@]}" "$@" >"$dir/said.$name" 2>&1 &
    outer=$!
    until_true '[[ $(pgrep --parent "$outer" --newest) ]] || [[ ! -e /proc/$outer ]]'
    pid=$(pgrep --parent "$outer" --newest)
}
ends() { # ends SIGNAL: its exit code
    kill "-$1" "$pid"
    code=0
    wait "$outer" || code=$?
}
says() { grep -q "$2" "$dir/said.$1"; }
mkdir "$dir/bpf"
mount -t bpf -o mode=0700 bpf "$dir/bpf"

step "the command that it has by itself, with ${capabilities#-all,}"
printf 'interfaces = ["eth0"]\nwrite = "/data/eth0"\nidle-timeout = "200ms"\n' >"$root/etc/flowxdp/sensor.toml"
container first "${command[@]}"
until_true 'says first "XDP program"'
granted=$(sed -n 's/^CapBnd:\t//p' "/proc/$pid/status")
step "bounding set $granted"
peer ping -qc 5 192.0.2.1 >/dev/null

step "killed: the kernel goes on counting, the next container takes over"
ends KILL
peer ping -qc 3 192.0.2.1 >/dev/null
container second "${command[@]}"
until_true 'says second "took over a running sensor"'

step "handed over to a third one"
ends USR2
((code == 0)) || fail "exit code $code"
peer ping -qc 2 192.0.2.1 >/dev/null
container third "${command[@]}"
until_true 'says third "took over a running sensor"'

step "stopped: every flow is exported"
peer ping -qc 1 192.0.2.1 >/dev/null
ends TERM
((code == 0)) || fail "exit code $code"
says third '^Ledger: .* 0 unattributed' || fail "no ledger"
counted=$(awk -F'\t' '/^%/ { for (i = 1; i <= NF; i++) c[$i] = i; next } $c["l4Proto"] == 1 { sum += $c["pktsSnt"] } END { print sum + 0 }' \
    "$root/data/eth0_flows.txt")
((counted == 22)) || fail "$counted packets of 11 pings and their answers"
[[ ! -e $dir/bpf/flowxdp/eth0 ]] || fail "the sensor is still there"

step "without a capability it says which"
for missing in bpf net_admin perfmon; do
    capabilities_all=$capabilities capabilities=${capabilities/,+$missing/}
    container "without-$missing" "${command[@]}"
    code=0
    wait "$outer" || code=$?
    capabilities=$capabilities_all
    if ((code != 77)) || ! says "without-$missing" "cap_$missing"; then
        fail "exit code $code: $(cat "$dir/said.without-$missing")"
    fi
done
step "as it should be"
