#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# vm_kernel.sh [--present] [NAME]: prints the folder that holds boot/vmlinuz-RELEASE and lib/modules of a kernel of
# vm/kernels.txt (default: the first): / when the kernel is installed, else build/vm-kernel/NAME, where its package is
# unpacked, after fetching it, or, with --present, only if it is there already. It is never installed: that would change
# what the machine boots next, to a kernel without drivers for real hardware. Needs no root.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
fetch=1
if [[ ${1-} == --present ]]; then
    fetch=0
    shift
fi
read -r name package releases < <(awk -v name="${1-}" '!/^#/ && NF && (name == "" || $1 == name)' "$root/vm/kernels.txt") || {
    echo "vm_kernel.sh: vm/kernels.txt has no kernel '${1-}'" >&2
    exit 2
}
folder=$root/build/vm-kernel/$name

# Both halves: an image whose modules were removed is no kernel to test with.
complete() {
    local image
    for image in "$1"/boot/vmlinuz-$releases; do
        if [[ -r $image && -d $1/lib/modules/${image##*/vmlinuz-} ]]; then
            return 0
        fi
    done
    return 1
}
if complete ""; then
    echo /
    exit 0
fi
if complete "$folder"; then
    echo "$folder"
    exit 0
fi
if ((!fetch)); then
    exit 1
fi
# The name without a version is a package that only depends on the newest one.
package=$(apt-cache depends "$package" | awk '/Depends: linux-image-/ { print $2; exit }')
if [[ ! $package ]]; then
    echo "vm_kernel.sh: apt knows no package for kernel $name here (vm/kernels.txt)" >&2
    exit 1
fi
echo "flowxdp: fetching $package for the vm tests (unpacked below build/, not installed)" >&2
scratch=$folder.new
rm -rf "$scratch" "$folder"
mkdir -p "$scratch"
(cd "$scratch" && apt-get -q -o Acquire::Retries=3 download "$package" >apt.log 2>&1) || {
    cat "$scratch/apt.log" >&2
    exit 1
}
dpkg-deb -x "$scratch"/*.deb "$scratch"
rm "$scratch"/*.deb
mv "$scratch" "$folder" # last: a folder of this name is complete
echo "$folder"
