#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# service_steps.sh: what prove_service.sh runs in the Debian that it booted, as root, with systemd as the first process and the package
# in /root/flowxdp.deb installed. Says each step, `as it should be` at the end, and turns the machine off. FLOWXDP_PATIENCE multiplies how
# long it waits for a condition.
# shellcheck disable=SC2016 # until_true expands its condition
set -euo pipefail
trap 'systemctl poweroff --force --force' EXIT
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND"; systemctl status --no-pager flowxdp@v0 || true; journalctl --no-pager -n 40 || true' ERR
step() { echo "-- $* ($SECONDS s)"; }
until_true() { # until_true CONDITION [SECONDS]: the condition of a shell
    local end=$((SECONDS + ${2:-30} * ${FLOWXDP_PATIENCE:-1}))
    until eval "$1"; do
        if ((SECONDS > end)); then
            echo "waited in vain: $1"
            return 1
        fi
        sleep 0.1
    done
}
refused() { # refused COMMAND...: it must fail
    if "$@" 2>/dev/null; then
        echo "succeeded: $*"
        return 1
    fi
}
ping() { command ping -qc "$1" 192.0.2.2 >/dev/null; }
rows() { zcat -f /var/log/flowxdp/v0_flows.txt*; }
icmp() { rows | awk -F'\t' '/^%/ { for (i = 1; i <= NF; i++) c[$i] = i; next } $c["l4Proto"] == 1 { sum += $c["pktsSnt"] } END { print sum + 0 }'; }
twice() { # what a sensor numbered alike: flowInd and direction of rows that are there twice
    rows | awk -F'\t' '/^%/ { for (i = 1; i <= NF; i++) c[$i] = i; next } { print $c["flowInd"], $c["%dir"] }' | sort | uniq -d
}
pid() { systemctl show --property MainPID --value flowxdp@v0; }
is_next() { # is_next PID: another daemon than that serves the sensor
    [[ $(pid) != "$1" && $(systemctl is-active flowxdp@v0) == active ]]
}
said() { journalctl --unit flowxdp@v0 | grep --count -- "$1" || true; }
rotate() {
    logrotate --force /etc/logrotate.d/flowxdp
    until_true '[[ -e /var/log/flowxdp/v0_flows.txt ]]'
}
next_deb() { # next_deb VERSION: the same package with a later version
    rm -rf /root/next
    dpkg-deb -R /root/flowxdp.deb /root/next
    sed -i "s/^Version: .*/&+$1/" /root/next/DEBIAN/control
    dpkg-deb --root-owner-group -b /root/next /root/next.deb >/dev/null
}
# Pings of the other end, a hundred a second, until it is told to stop. Requests are received, answers sent: both are packets.
stream_begins() {
    nsenter --net=/run/netns/peer ping -i 0.01 192.0.2.1 >/root/stream 2>&1 &
    stream=$!
    until_true '[[ $(grep --count "bytes from" /root/stream) -gt 5 ]]'
}
stream_ends() { # sets packets
    kill -INT "$stream"
    wait "$stream"
    packets=$(sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 + \2/p' /root/stream)
    packets=$((packets))
    ((packets > 100))
}

step "Linux $(uname -r), $(systemctl --version | head -n 1)"
ip netns add peer
ip link add v0 type veth peer name v1 netns peer
ip addr add 192.0.2.1/24 dev v0
ip link set v0 up
ip -n peer addr add 192.0.2.2/24 dev v1
ip -n peer link set v1 up

step "start: ready when it observes, without root"
sed 's/"eth0"/"v0"/; s/flowxdp\/eth0/flowxdp\/v0/; s/^#idle-timeout.*/idle-timeout = "200ms"/' /etc/flowxdp/example.toml >/etc/flowxdp/v0.toml
flowxdp config check v0
rmdir /sys/fs/bpf/flowxdp # as a sensor that root attached by hand does when it ends
systemctl enable --now flowxdp@v0
flowxdp status v0 >/dev/null
[[ $(stat -c %U "/proc/$(pid)") == flowxdp ]]
grep -q '^CapEff:.0000008000001000$' "/proc/$(pid)/status" # cap_bpf, cap_net_admin
ping 3
until_true '[[ $(icmp) == 6 ]]'
sent=6

step "what it may do: $(systemd-analyze security --no-pager flowxdp@v0 | grep -o 'exposure level .*: [0-9.]*')"
exposure=$(systemd-analyze security --no-pager flowxdp@v0 | sed -n 's/.*exposure level.*: \([0-9]*\)\.\([0-9]*\).*/\1\2/p')
((exposure < 20))
refused nsenter --target "$(pid)" --mount sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
refused nsenter --target "$(pid)" --mount mkdir /sys/fs/bpf/other

step "a killed daemon: the next one takes over"
old=$(pid)
systemctl kill --signal KILL flowxdp@v0
ping 2
until_true 'is_next "$old"'
(($(said 'took over a running sensor') == 1))
ping 1
until_true '[[ $(icmp) == $((sent + 6)) ]]'
sent=$((sent + 6))

step "a daemon that stands still: the watchdog ends it, the next one takes over"
old=$(pid)
kill -STOP "$old"
ping 2
until_true 'is_next "$old"' 90
(($(said 'Watchdog timeout') == 1 && $(said 'took over a running sensor') == 2))
ping 1
until_true '[[ $(icmp) == $((sent + 6)) ]]'
sent=$((sent + 6))
until_true 'flowxdp status v0 | grep -q "books .*: balanced"'

step "logrotate: reload begins files anew"
rotate
ping 2
until_true '[[ $(icmp) == $((sent + 4)) ]]'
sent=$((sent + 4))

step "upgrade under traffic: the next daemon takes over, no packet is lost or doubled"
stream_begins
old=$(pid)
next_deb next
dpkg -i /root/next.deb >/dev/null
is_next "$old"
stream_ends
sent=$((sent + packets))
until_true '[[ $(icmp) == "$sent" ]]'
(($(said 'handed over') == 1 && $(said 'took over a running sensor') == 3))
[[ $(twice) == "" ]]
flowxdp status v0 | grep -q "books .*: balanced"
[[ ! -e /run/systemd/system/flowxdp@.service.d ]]
echo "   $packets packets while dpkg worked, all in rows"

step "upgrade with a changed configuration: every flow is exported, the next daemon begins"
sed -i 's/^idle-timeout.*/idle-timeout = "300ms"/' /etc/flowxdp/v0.toml
ping 1
sent=$((sent + 2))
until_true '[[ $(icmp) == "$sent" ]]'
rotate # a start begins its files anew
old=$(pid)
next_deb next2
dpkg -i /root/next.deb >/dev/null 2>/root/said
is_next "$old"
[[ $(icmp) == "$sent" ]]
(($(said 'took over a running sensor') == 3))
grep -q "interface 'v0' has a sensor" /root/said

step "stop: every flow is exported, nothing stays in the kernel"
ping 2
systemctl stop flowxdp@v0
sent=$((sent + 4))
[[ $(icmp) == "$sent" && ! -e /sys/fs/bpf/flowxdp/v0 ]]
refused grep -q xdp <(ip link show v0)
logrotate --force /etc/logrotate.d/flowxdp
systemctl start flowxdp@v0

step "a configuration that is wrong is not tried again"
printf 'interfaces = ["v0"]\nnonsense = 1\n' >/etc/flowxdp/bad.toml
refused systemctl start flowxdp@bad
until_true '[[ $(systemctl is-active flowxdp@bad) == failed ]]'
[[ $(systemctl show --property NRestarts --value flowxdp@bad) == 0 ]]

step "remove, purge"
dpkg -r flowxdp >/dev/null
[[ $(systemctl is-active flowxdp@v0) != active && ! -e /sys/fs/bpf/flowxdp/v0 ]]
[[ $(icmp) == "$sent" ]]
dpkg -P flowxdp >/dev/null 2>&1
[[ ! -e /var/log/flowxdp ]]
step "as it should be"
