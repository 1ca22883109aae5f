#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# install_packages.sh LIST...: installs what is missing of the package lists in this folder, with apt-get, as root or
# through sudo, and says so. Never asks a question. Exit 77: packages are missing and nobody here may install them.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

say() { printf 'flowxdp: %s\n' "$*" >&2; }

if ! command -v dpkg-query >/dev/null; then
    say "this is not Debian, nothing is installed for you; the build needs what $here/packages.txt lists"
    exit 0
fi

# No <(...) in here: a bare chroot has no /dev/fd.
wanted=()
for list in "$@"; do
    words=$(sed -e 's/[[:space:]]*#.*//' -e '/^$/d' "$here/$list")
    mapfile -t -O ${#wanted[@]} wanted <<<"$words"
done

# dpkg-query fails for names it never heard of and still answers for the others.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
    if [[ $'\n'$installed$'\n' != *$'\n'"installed $package"$'\n'* ]]; then
        missing+=("$package")
    fi
done
if ((${#missing[@]} == 0)); then
    exit 0
fi

if ((EUID != 0)); then
    if command -v sudo >/dev/null; then
        say "${#missing[@]} Debian packages are missing, sudo will install them: ${missing[*]}"
        exec sudo -- "$here/install_packages.sh" "$@"
    fi
    say "these Debian packages are missing; install them as root and start again:"
    printf 'apt-get update && apt-get install -y --no-install-recommends %s\n' "${missing[*]}" >&2
    exit 77
fi

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
made_policy=""
cleanup() {
    rm -f "$log"
    if [[ $made_policy ]]; then
        rm -f "$policy"
    fi
}
trap cleanup EXIT

# Some packages bring a daemon that Debian starts and enables (vsftpd, nginx, nfcapd). Tests start their own in a
# namespace of theirs; this machine must not begin to serve FTP because of us. policy-rc.d keeps them from starting now,
# unless the machine has a policy of its own; what got enabled for the next boot is disabled below.
if [[ ! -e $policy ]]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
enabled_services() { find /etc/systemd/system -path '*.wants/*.service' -printf '%f\n' 2>/dev/null | sort -u || true; }
enabled_before=$(enabled_services)

export DEBIAN_FRONTEND=noninteractive
# Waits for the lock: a fresh machine is often busy with its own upgrades.
apt=(apt-get -y -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0)

run() { # run WHAT COMMAND...: quiet unless it fails
    local what=$1
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        say "$what failed: $*"
        tail -n 30 "$log" >&2
        return 1
    fi
}

say "installing ${#missing[@]} Debian packages (for ${*}): ${missing[*]}"
# tshark asks whether others than root may capture: no.
debconf-set-selections <<<'wireshark-common wireshark-common/install-setuid boolean false'
# One broken third-party source fails the update and harms nobody: the install decides.
run "updating the package lists" "${apt[@]}" update || say "going on with the package lists that are here"
run "installing packages" "${apt[@]}" install --no-install-recommends "${missing[@]}"

for service in $(enabled_services); do
    if [[ $'\n'$enabled_before$'\n' == *$'\n'"$service"$'\n'* ]]; then
        continue
    fi
    if command -v systemctl >/dev/null; then
        systemctl --quiet disable "$service" || say "warning: could not disable $service, which a package enabled"
    else
        rm -f /etc/systemd/system/*.wants/"$service" # a chroot or container: nothing runs, the link is all there is
    fi
done
say "installed in $SECONDS s"
