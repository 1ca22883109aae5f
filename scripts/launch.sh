# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What ./flowxdp, ./test and .ci/run share; sourced, after `root` was set to the top of the tree.
# Everything said here goes to stderr: stdout belongs to the program that is started.

# The top of the tree, an absolute path.
: "${root:?}"

say() { printf 'flowxdp: %s\n' "$*" >&2; }

# sudo must not leave files in build/ that the owner of the tree can neither change nor remove. So the build never
# runs as root in somebody's tree: as_owner holds the words that become the owner. It stays empty when we are the owner,
# when root owns the tree, and when the owner cannot reach it (a user's tree copied below /root).
as_owner=()
if ((EUID == 0)); then
    read -r owner_uid owner_gid <<<"$(stat -c '%u %g' "$root")"
    if ((owner_uid != 0)); then
        # HOME too: git and compilers fail on a home that they may not read.
        owner_home=$(getent passwd "$owner_uid" | cut -d: -f6 || true)
        become=(setpriv --reuid="$owner_uid" --regid="$owner_gid" --clear-groups -- env HOME="${owner_home:-/}")
        if "${become[@]}" test -w "$root"; then
            as_owner=("${become[@]}")
        fi
    fi
fi

# give_back: hands files that root made in build/ (test results) to the owner of the tree.
give_back() {
    if ((${#as_owner[@]})) && [[ -d $root/build ]]; then
        chown -R "$owner_uid:$owner_gid" "$root/build"
    fi
}

# prepare_build_folder: makes build/ writable for whoever builds, or says how.
prepare_build_folder() {
    if [[ ! -d $root/build ]]; then
        "${as_owner[@]}" mkdir -p "$root/build"
    elif ((EUID == 0)); then
        if ((${#as_owner[@]})) && [[ $(stat -c %u "$root/build") != "$owner_uid" ]]; then
            give_back
        fi
    elif [[ ! -w $root/build ]]; then
        say "cannot write to $root/build; make it yours with: sudo chown -R $(id -un) $root/build"
        exit 77
    fi
}

# ensure_packages LIST...: installs what is missing of scripts/LIST. Asking dpkg every time would cost more than the rest
# of the launcher, so build/.LIST.stamp remembers that a list was satisfied: the list's checksum and the machine. A
# stamp older than dpkg's database is not believed, a package may have been removed.
ensure_packages() {
    local list machine="" stale=()
    local -A checksum
    if [[ -r /etc/machine-id ]]; then
        read -r machine </etc/machine-id || true # empty in containers
    fi
    for list in "$@"; do
        local stamp=$root/build/.$list.stamp
        checksum[$list]="$(cksum <"$root/scripts/$list") $HOSTNAME $machine"
        if [[ ! -f $stamp || /var/lib/dpkg/status -nt $stamp || $(<"$stamp") != "${checksum[$list]}" ]]; then
            stale+=("$list")
        fi
    done
    if ((${#stale[@]} == 0)); then
        return
    fi
    "$root/scripts/install_packages.sh" "${stale[@]}" || return
    for list in "${stale[@]}"; do
        "${as_owner[@]}" tee "$root/build/.$list.stamp" <<<"${checksum[$list]}" >/dev/null
    done
}

# build PRESET TARGET [OPTION...]: scripts/build.sh as the owner of the tree.
build() { "${as_owner[@]}" "$root/scripts/build.sh" "$@"; }
