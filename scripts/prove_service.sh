#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# prove_service.sh [--vm] DIR DEB: proves the systemd unit of package flowxdp: a fresh Debian 12 in DIR is booted as a container, where
# service_steps.sh installs, starts, kills, stops, rotates, upgrades and removes a sensor by systemd, with traffic of its own network. DIR
# must not exist yet, and is removed again.
#   --vm   boot it as a machine in QEMU instead, with Debian's kernel (6.1); emulated, that takes some ten minutes
# Needs root, debootstrap, systemd-nspawn (package systemd-container) or qemu-system-x86, and 600 MB in DIR (--vm: 3 GB). Where control
# groups are of version 1, a container wants SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0 in the environment.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
vm=""
if [[ ${1:-} == --vm ]]; then
    vm=yes
    shift
fi
if (($# != 2)); then
    sed -n '3,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
fi
if ((EUID != 0)); then
    echo "prove_service.sh: needs root for containers and mounts" >&2
    exit 77
fi
if [[ ! ${FLOWXDP_PROVE_UNSHARED:-} ]]; then
    FLOWXDP_PROVE_UNSHARED=1 exec unshare --mount --propagation private -- "$0" ${vm:+--vm} "$@"
fi
if [[ -e $1 ]]; then
    echo "prove_service.sh: $1 is there already" >&2
    exit 2
fi
mkdir -p "$1"
dir=$(readlink -f "$1")
root=$dir/root bpf=$dir/bpf log=$dir/log
# shellcheck disable=SC2317 # called by the trap
finish() {
    awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount
    rm -rf --one-file-system "$dir"
}
trap finish EXIT
quietly() { "$@" >"$log" 2>&1 </dev/null || { tail -n 40 "$log" >&2; return 1; }; }
install_inside() { quietly chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends "$@"; }

echo "-- a bookworm with systemd"
# shellcheck disable=SC2016 # apt fills these in
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk '$2 == "bookworm" { print $1; exit }')
quietly debootstrap --variant=minbase --include=systemd-sysv,iproute2,iputils-ping,ca-certificates bookworm "$root" \
    "${mirror:-http://deb.debian.org/debian}"
cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
cp -L /etc/resolv.conf "$root/etc/"
cp "$2" "$root/root/flowxdp.deb"
quietly chroot "$root" apt-get -q update
install_inside /root/flowxdp.deb logrotate

cp "$here/service_steps.sh" "$root/root/steps.sh"
output=/root/out patience=1
if [[ $vm ]]; then
    output=/dev/ttyS1 patience=8
fi
cat >"$root/etc/systemd/system/prove.service" <<UNIT
[Service]
Type=oneshot
Environment=FLOWXDP_PATIENCE=$patience
ExecStart=/root/steps.sh
StandardOutput=append:$output
StandardError=append:$output
[Unit]
After=multi-user.target
UNIT
mkdir -p "$root/etc/systemd/system/default.target.wants"
ln -s ../prove.service "$root/etc/systemd/system/default.target.wants/prove.service"

if [[ $vm ]]; then
    echo "-- Debian's kernel"
    install_inside linux-image-cloud-amd64 initramfs-tools
    kernel=$(compgen -G "$root/boot/vmlinuz-*") initrd=$(compgen -G "$root/boot/initrd.img-*")
    cp "$kernel" "$dir/vmlinuz"
    cp "$initrd" "$dir/initrd"
    quietly mkfs.ext4 -q -d "$root" "$dir/disk" 2G
    # shellcheck source=vm/machine.sh
    source "$here/../vm/machine.sh"
    machine=(-M "q35,hpet=off" -m 2048 -smp 2 -display none -no-reboot -nodefaults -net none -kernel "$dir/vmlinuz")
    # no_timer_check: vm/machine.sh. systemd waits for devices in real time.
    # shellcheck disable=SC2046 # several words
    timeout -k 5 2400 qemu-system-x86_64 "${machine[@]}" $(accelerator "${machine[@]}") -initrd "$dir/initrd" \
        -drive "file=$dir/disk,format=raw,if=virtio,cache=unsafe" -serial "file:$dir/console" -serial "file:$dir/out" \
        -append "root=/dev/vda rw console=ttyS0 panic=-1 quiet mitigations=off tsc=reliable no_timer_check systemd.default_timeout_start_sec=600" \
        >"$log" 2>&1 </dev/null || true
    cat "$dir/console" >>"$log"
    tr -d '\r' <"$dir/out" >"$dir/said"
else
    mkdir "$bpf"
    mount -t bpf -o mode=0700 bpf "$bpf"
    SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 timeout 400 systemd-nspawn --quiet --directory "$root" --boot --register=no --keep-unit --private-network \
        --capability=all --system-call-filter="bpf" --bind="$bpf:/sys/fs/bpf" --console=pipe --machine="flowxdp$$" >"$log" 2>&1 </dev/null || true
    cp "$root/root/out" "$dir/said"
fi
cat "$dir/said" || tail -n 60 "$log"
if ! grep -q '^-- as it should be' "$dir/said"; then
    tail -n 60 "$log" >&2
    exit 1
fi
