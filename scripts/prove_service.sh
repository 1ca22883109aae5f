#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# prove_service.sh DIR DEB: proves the systemd unit of package flowxdp: a fresh Debian 12 in DIR is booted as a container, where a sensor
# is installed, started, killed, rotated, upgraded and removed by systemd, with traffic of its own network. DIR must not exist yet, and is
# removed again. Needs root, debootstrap, systemd-nspawn (package systemd-container) and 600 MB in DIR. Where control groups are of version
# 1, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0 in the environment.
set -euo pipefail
if (($# != 2)); then
    sed -n '3,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
fi
if ((EUID != 0)); then
    echo "prove_service.sh: needs root for containers and mounts" >&2
    exit 77
fi
if [[ ! ${FLOWXDP_PROVE_UNSHARED:-} ]]; then
    FLOWXDP_PROVE_UNSHARED=1 exec unshare --mount --propagation private -- "$0" "$@"
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

echo "-- a bookworm with systemd"
# shellcheck disable=SC2016 # apt fills these in
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk '$2 == "bookworm" { print $1; exit }')
quietly debootstrap --variant=minbase --include=systemd-sysv,iproute2,iputils-ping,ca-certificates bookworm "$root" \
    "${mirror:-http://deb.debian.org/debian}"
cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
cp -L /etc/resolv.conf "$root/etc/"
cp "$2" "$root/root/flowxdp.deb"
quietly chroot "$root" apt-get -q update
quietly chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends /root/flowxdp.deb logrotate

cat >"$root/root/prove.sh" <<'PROVE'
#!/bin/bash
set -euo pipefail
trap 'systemctl poweroff --force --force' EXIT
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND"; systemctl status --no-pager flowxdp@v0 || true; journalctl --no-pager -n 30 || true' ERR
until_true() { # the condition of a shell, for half a minute
    for ((i = 0; i < 300; i++)); do
        if eval "$1"; then
            return
        fi
        sleep 0.1
    done
    echo "waited in vain: $1"
    return 1
}
ip netns add peer
ip link add v0 type veth peer name v1 netns peer
ip addr add 192.0.2.1/24 dev v0
ip link set v0 up
ip -n peer addr add 192.0.2.2/24 dev v1
ip -n peer link set v1 up
ping() { command ping -qc "$1" 192.0.2.2 >/dev/null; }
icmp() { zcat -f /var/log/flowxdp/v0_flows.txt* | awk -F'\t' '/^%/ { for (i = 1; i <= NF; i++) c[$i] = i; next }
    $c["l4Proto"] == 1 { sum += $c["pktsSnt"] } END { print sum + 0 }'; }
pid() { systemctl show --property MainPID --value flowxdp@v0; }

echo "-- start: ready when it observes, without root"
sed 's/"eth0"/"v0"/; s/flowxdp\/eth0/flowxdp\/v0/; s/^#idle-timeout.*/idle-timeout = "200ms"/' /etc/flowxdp/example.toml >/etc/flowxdp/v0.toml
flowxdp config check v0
rmdir /sys/fs/bpf/flowxdp # as a sensor that root attached by hand does when it ends
systemctl enable --now flowxdp@v0
flowxdp status v0 >/dev/null
[[ $(stat -c %U "/proc/$(pid)") == flowxdp ]]
grep -q '^CapEff:.0000008000001000$' "/proc/$(pid)/status" # cap_bpf, cap_net_admin
ping 3
until_true '[[ $(icmp) == 6 ]]'

echo "-- a killed daemon: the next one takes over"
old=$(pid)
systemctl kill --signal KILL flowxdp@v0
ping 2
until_true '[[ $(pid) != "$old" && $(systemctl is-active flowxdp@v0) == active ]]'
journalctl -u flowxdp@v0 | grep -q 'took over a running sensor'
ping 1
until_true '[[ $(icmp) == 12 ]]'

echo "-- logrotate"
logrotate --force /etc/logrotate.d/flowxdp
until_true '[[ -e /var/log/flowxdp/v0_flows.txt ]]'
ping 2
until_true '[[ $(icmp) == 16 ]]'

echo "-- upgrade: every flow is exported, the next daemon begins"
dpkg-deb -R /root/flowxdp.deb /root/next
sed -i 's/^Version: .*/&+next/' /root/next/DEBIAN/control
dpkg-deb --root-owner-group -b /root/next /root/next.deb >/dev/null
ping 1
until_true '[[ $(icmp) == 18 ]]'
logrotate --force /etc/logrotate.d/flowxdp # a start begins its files anew
until_true '[[ -e /var/log/flowxdp/v0_flows.txt ]]'
old=$(pid)
dpkg -i /root/next.deb >/dev/null
[[ $(systemctl is-active flowxdp@v0) == active && $(pid) != "$old" && $(icmp) == 18 ]]

echo "-- a configuration that is wrong is not tried again"
printf 'interfaces = ["v0"]\nnonsense = 1\n' >/etc/flowxdp/bad.toml
! systemctl start flowxdp@bad 2>/dev/null
until_true '[[ $(systemctl is-active flowxdp@bad) == failed ]]'
[[ $(systemctl show --property NRestarts --value flowxdp@bad) == 0 ]]

echo "-- remove, purge"
dpkg -r flowxdp >/dev/null
[[ $(systemctl is-active flowxdp@v0) != active && ! -e /sys/fs/bpf/flowxdp/v0 ]]
[[ $(icmp) == 18 ]]
dpkg -P flowxdp >/dev/null 2>&1
[[ ! -e /var/log/flowxdp ]]
echo "-- as it should be"
PROVE
chmod +x "$root/root/prove.sh"
cat >"$root/etc/systemd/system/prove.service" <<'UNIT'
[Service]
Type=oneshot
ExecStart=/root/prove.sh
StandardOutput=append:/root/out
StandardError=append:/root/out
[Unit]
After=multi-user.target
UNIT
mkdir -p "$root/etc/systemd/system/default.target.wants"
ln -s ../prove.service "$root/etc/systemd/system/default.target.wants/prove.service"
mkdir "$bpf"
mount -t bpf -o mode=0700 bpf "$bpf"
SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 timeout 120 systemd-nspawn --quiet --directory "$root" --boot --register=no --keep-unit --private-network \
    --capability=all --system-call-filter="bpf" --bind="$bpf:/sys/fs/bpf" --console=pipe --machine="flowxdp$$" >"$log" 2>&1 </dev/null || true
cat "$root/root/out" || tail "$log"
grep -q '^-- as it should be$' "$root/root/out"
