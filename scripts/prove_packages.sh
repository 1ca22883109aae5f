#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# prove_packages.sh [--dev] DIR DEB...: proves the packages of cpack in a fresh Debian 12: installed, used, upgraded, removed, purged.
# DIR must not exist yet, and is removed again. Prints each step; stops at the first that is not as it should be.
#   --dev   install flowxdp-dev as well, and let it build what `flowxdp plugin new` writes (fetches two compilers)
# Needs root, debootstrap, and 500 MB in DIR (with --dev 2 GB). Debian's mirror is the one in this machine's apt configuration.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
with_dev=""
if [[ ${1:-} == --dev ]]; then
    with_dev=yes
    shift
fi
if (($# < 2)); then
    sed -n '3,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
fi
if ((EUID != 0)); then
    echo "prove_packages.sh: needs root for chroot and mount" >&2
    exit 77
fi
# Mounts go away with the namespace, however this ends.
if [[ ! ${FLOWXDP_PROVE_UNSHARED:-} ]]; then
    FLOWXDP_PROVE_UNSHARED=1 exec unshare --mount --propagation private -- "$0" ${with_dev:+--dev} "$@"
fi
if [[ -e $1 ]]; then
    echo "prove_packages.sh: $1 is there already" >&2
    exit 2
fi
log=$(mktemp)
mkdir -p "$1"
fresh=$(readlink -f "$1")
shift
# shellcheck disable=SC2317 # called by the trap
finish() {
    # Our mounts lie inside DIR: removing it while one is there would reach into the machine's /dev.
    awk -v dir="$fresh/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount
    rm -rf --one-file-system "$fresh" "$log"
}
trap finish EXIT

step() { printf -- '-- %s (%d s)\n' "$*" "$SECONDS"; }
inside() { chroot "$fresh" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
quietly() { # quietly COMMAND...: its words only when it fails
    "$@" >"$log" 2>&1 </dev/null || { tail -n 40 "$log" >&2; return 1; }
}
fail() { echo "prove_packages.sh: $*" >&2; exit 1; }

step "a minimal bookworm"
# shellcheck disable=SC2016 # apt fills these in
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk '$2 == "bookworm" { print $1; exit }')
quietly debootstrap --variant=minbase --include=ca-certificates bookworm "$fresh" "${mirror:-http://deb.debian.org/debian}"
rm -f "$fresh/etc/apt/sources.list"
cp -a /etc/apt/apt.conf.d/. "$fresh/etc/apt/apt.conf.d/"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
    if [[ -e $file ]]; then
        cp "$file" "$fresh/$file"
    fi
done
cp -L /etc/resolv.conf /etc/hosts "$fresh/etc/"
mount -t proc proc "$fresh/proc"
mount -t sysfs sysfs "$fresh/sys"
mount -t bpf -o mode=0700 bpf "$fresh/sys/fs/bpf"
mount --rbind /dev "$fresh/dev"
quietly inside apt-get -q update

mkdir "$fresh/root/debs"
cp "$@" "$fresh/root/debs/"
cp "$here/../examples/http.pcap" "$fresh/root/"
core=$(cd "$fresh/root/debs" && echo flowxdp_*.deb)

step "install $core"
quietly inside apt-get -qy install --no-install-recommends "/root/debs/$core" logrotate
inside flowxdp version
inside getent passwd flowxdp >/dev/null || fail "there is no user flowxdp"
inside flowxdp replay -q /root/http.pcap >"$fresh/tmp/rows"
lines=$(wc -l <"$fresh/tmp/rows")
((lines > 4)) || fail "a replay gave $lines lines"
[[ $(inside stat -c '%U:%G %a' /sys/fs/bpf/flowxdp) == "root:flowxdp 1770" || ! -x $fresh/usr/bin/systemd-tmpfiles ]] ||
    fail "the pins' folder is not the unit's"

step "logrotate takes its file"
quietly inside logrotate --debug /etc/logrotate.d/flowxdp
if grep -i error "$log"; then
    fail "logrotate complains"
fi

step "a configuration from the example"
inside sed 's/"eth0"/"lo"/; s/flowxdp\/eth0/flowxdp\/lo/' /etc/flowxdp/example.toml >"$fresh/etc/flowxdp/lo.toml"
inside flowxdp config check lo

step "upgrade"
echo "# of an administrator" >>"$fresh/etc/logrotate.d/flowxdp"
inside dpkg-deb -R "/root/debs/$core" /root/next
sed -i 's/^Version: .*/&+next/' "$fresh/root/next/DEBIAN/control"
quietly inside dpkg-deb --root-owner-group -b /root/next /root/next.deb
quietly inside apt-get -qy install /root/next.deb
# shellcheck disable=SC2016 # dpkg fills it in
[[ $(inside dpkg-query -W -f '${Version}' flowxdp) == *+next ]] || fail "it was not upgraded"
grep -q administrator "$fresh/etc/logrotate.d/flowxdp" || fail "an administrator's change is gone"
inside flowxdp replay -q /root/http.pcap | cmp - "$fresh/tmp/rows"
quietly inside apt-get -qy install --allow-downgrades "/root/debs/$core"

if [[ $with_dev ]]; then
    step "flowxdp-dev builds a plugin"
    quietly inside sh -c 'apt-get -qy install --no-install-recommends /root/debs/flowxdp-dev_*.deb'
    quietly inside sh -ec 'cd /root; flowxdp plugin new mine; flowxdp plugin build mine; mine/test.sh'
    inside flowxdp replay --lib /root/flowxdp-bundle --plugin mine -q /root/http.pcap | head -n 1 >"$fresh/tmp/columns"
    ! cmp -s "$fresh/tmp/columns" <(head -n 1 "$fresh/tmp/rows") || fail "the plugin adds no column"
fi

step "remove"
quietly inside sh -c 'apt-get -qy remove flowxdp'
[[ ! -e $fresh/usr/bin/flowxdp ]] || fail "the program is still there"
[[ -e $fresh/etc/flowxdp/example.toml ]] || fail "a conffile went with the program"

step "purge"
quietly inside apt-get -qy purge flowxdp
for path in etc/flowxdp/example.toml etc/logrotate.d/flowxdp var/log/flowxdp usr/lib/flowxdp; do
    [[ ! -e $fresh/$path ]] || fail "/$path is still there"
done
[[ -e $fresh/etc/flowxdp/lo.toml ]] || fail "an administrator's own configuration is gone"
step "as it should be"
