#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# prove_in_chroot.sh [--keep] [--user] DIR [COMMAND...]: proves that flowxdp builds on a fresh Debian 12.
# Makes a minimal bookworm with git in DIR (which must not exist yet, or come from a run with --keep), clones this tree's
# HEAD into it and runs there ./flowxdp and ./test as README.md has them, or the COMMANDs given (each one word, run by bash). Prints
# time and disk use of every step and removes DIR again.
#   --keep   leave DIR, so that the next run starts from the finished base system (clone and packages stay as well)
#   --user   run the commands as an ordinary user with sudo instead of as root
# Needs root, debootstrap, and about 4 GB in DIR. Debian's mirror is the one in this machine's apt configuration.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")

keep="" account=root
while [[ ${1:-} == --* ]]; do
    case $1 in
    --keep) keep=yes ;;
    --user) account=guest ;;
    *) sed -n '3,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done
if (($# == 0)); then
    echo "usage: prove_in_chroot.sh [--keep] [--user] DIR [COMMAND...]" >&2
    exit 2
fi
if ((EUID != 0)); then
    echo "prove_in_chroot.sh: needs root for chroot and mount" >&2
    exit 77
fi
# In a mount namespace of its own, so that every mount is gone when this ends, however it ends.
if [[ ! ${FLOWXDP_PROVE_UNSHARED:-} ]]; then
    options=(${keep:+--keep})
    if [[ $account != root ]]; then
        options+=(--user)
    fi
    FLOWXDP_PROVE_UNSHARED=1 exec unshare --mount --propagation private -- "$0" "${options[@]}" "$@"
fi
mkdir -p "$1"
fresh=$(readlink -f "$1")
# DIR is removed at the end: only an empty folder or one of ours will do.
marker=$fresh/.flowxdp-prove
if [[ ! -e $marker && -n $(ls -A "$fresh") ]]; then
    echo "prove_in_chroot.sh: $fresh is not empty and was not made by this script" >&2
    exit 2
fi
touch "$marker"
shift
commands=("$@")
if (($# == 0)); then
    commands=("./flowxdp replay examples/ftp-session.pcap" "./test")
fi

# shellcheck disable=SC2317 # called by the trap
finish() {
    # Our mounts lie inside DIR: removing it while one is there would reach into the machine's /dev.
    awk -v dir="$fresh/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount
    if [[ ! $keep ]]; then
        rm -rf --one-file-system "$fresh"
    fi
}
trap finish EXIT

begun=$SECONDS
report() { # report WHAT: seconds since the last report, size now
    printf -- '-- %s: %d s, %s on disk\n' "$1" "$((SECONDS - begun))" \
        "$(du -shx --exclude=./proc --exclude=./sys --exclude=./dev "$fresh" | cut -f1)"
    begun=$SECONDS
}

if [[ ! -e $fresh/etc/debian_version ]]; then
    # shellcheck disable=SC2016 # apt fills these in
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        awk '$2 == "bookworm" { print $1; exit }')
    debootstrap --variant=minbase --include=git,ca-certificates bookworm "$fresh" "${mirror:-http://deb.debian.org/debian}" \
        >"$fresh.debootstrap.log" 2>&1 || { tail -n 20 "$fresh.debootstrap.log" >&2; exit 1; }
    rm -f "$fresh.debootstrap.log"
    # apt inside as apt outside: sources of Debian itself, proxies and so on.
    rm -f "$fresh/etc/apt/sources.list"
    cp -a /etc/apt/apt.conf.d/. "$fresh/etc/apt/apt.conf.d/"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
        if [[ -e $file ]]; then
            cp "$file" "$fresh/$file"
        fi
    done
    report "minimal bookworm with git"
fi
cp -L /etc/resolv.conf /etc/hosts "$fresh/etc/"
mount -t proc proc "$fresh/proc"
mount -t sysfs sysfs "$fresh/sys"
mount -t bpf bpf "$fresh/sys/fs/bpf"
mount --rbind /dev "$fresh/dev"
mount -t tmpfs tmpfs "$fresh/run" # ip netns mounts there

inside() { chroot "$fresh" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
home=/root
if [[ $account != root ]]; then
    home=/home/$account
    inside sh -ec "
        id $account >/dev/null 2>&1 || useradd --create-home --shell /bin/bash $account
        command -v sudo >/dev/null || { apt-get -q update && apt-get -qy install --no-install-recommends sudo; } >/dev/null 2>&1
        echo '$account ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/$account"
fi
# A bundle, not a path: the clone shares nothing with this tree and works from inside.
if [[ ! -d $fresh$home/flowxdp ]]; then
    git -c safe.directory="$root" -C "$root" bundle create -q "$fresh/tmp/flowxdp.bundle" HEAD
    inside git -c advice.detachedHead=false clone -q /tmp/flowxdp.bundle "$home/flowxdp"
    inside chown -R "$account:" "$home/flowxdp"
fi
status=0
for command in "${commands[@]}"; do
    echo "-- \$ $command"
    inside setpriv --reuid="$account" --regid="$account" --init-groups -- env HOME="$home" USER="$account" \
        bash -c "cd ~/flowxdp && $command" </dev/null || { status=$?; echo "-- exit code $status"; }
    report "$command"
done
exit "$status"
