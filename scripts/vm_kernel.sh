#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# vm_kernel.sh: prints the folder that holds boot/vmlinuz-6.1*-cloud-amd64 and lib/modules for the vm tests: / when the
# kernel is installed, else build/vm-kernel, where the package is unpacked. It is never installed: that would change what
# the machine boots next, to a kernel without drivers for real hardware. Needs no root.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
folder=$root/build/vm-kernel

if compgen -G '/boot/vmlinuz-6.1*-cloud-amd64' >/dev/null; then
    echo /
    exit 0
fi
if compgen -G "$folder/boot/vmlinuz-6.1*-cloud-amd64" >/dev/null; then
    echo "$folder"
    exit 0
fi
# The name without a version is a package that only depends on the newest one.
package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-6\.1/ { print $2; exit }')
if [[ ! $package ]]; then
    echo "vm_kernel.sh: apt knows no linux-image-cloud-amd64 of version 6.1 here" >&2
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
