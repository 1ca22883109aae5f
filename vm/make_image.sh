#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# make_image.sh ROOT RELEASE BUILD OUT: writes an initramfs to OUT for the kernel ROOT/boot/vmlinuz-RELEASE: busybox, ip and
# tc, the network modules the sensor needs, the program, plugins, bundle and test programs of BUILD with their libraries,
# and the example captures. Only files of installed Debian packages and of this tree. Needs no root. run.sh calls it.
set -euo pipefail
source_folder=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
root=$1 release=$2 build=$(readlink -f "$3") out=$4
image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT

mkdir -p "$image"/{bin,sbin,dev,etc,proc,run,sys,tmp,root,modules,flowxdp/bin,flowxdp/lib,source}

# with_libraries FILE TARGET: copies an ELF file and what it is linked to.
with_libraries() {
    local library
    mkdir -p "$(dirname "$image$2")"
    cp -L "$1" "$image$2"
    # Debug information is most of a test program and nothing in the guest reads it. BPF objects need theirs: not ELF
    # files of this machine, they do not come through here.
    strip --strip-debug "$image$2" 2>/dev/null || true
    while read -r library; do
        if [[ ! -e $image$library ]]; then
            mkdir -p "$(dirname "$image$library")"
            cp -L "$library" "$image$library"
        fi
    done < <(ldd "$1" 2>/dev/null | grep -o '/[^ ]*\.so[^ ]*')
}

busybox=$(command -v busybox)
with_libraries "$busybox" /bin/busybox
# Under names of their own: busybox' shell prefers its built-in ip to one in PATH, so call /sbin/ip.
with_libraries "$(command -v ip)" /sbin/ip
with_libraries "$(command -v tc)" /sbin/tc

# add_module NAME: the module behind those it depends on, unpacked; nothing when it is part of the kernel.
load_order=()
add_module() {
    local name=$1 file dependency
    [[ " ${load_order[*]-} " == *" $name "* ]] && return
    if grep -qE "/${name//_/[-_]}\.ko$" "$root/lib/modules/$release/modules.builtin"; then
        return
    fi
    file=$(find "$root/lib/modules/$release/kernel" -name "${name//_/[-_]}.ko*" | head -n 1)
    if [[ ! $file ]]; then
        echo "make_image.sh: kernel $release has no module $name" >&2
        exit 1
    fi
    for dependency in $(modinfo -F depends "$file" | tr ',-' ' _'); do
        add_module "$dependency"
    done
    if [[ $file == *.xz ]]; then
        xz -dc "$file" >"$image/modules/$name.ko"
    else
        cp "$file" "$image/modules/$name.ko"
    fi
    load_order+=("$name")
}
for module in veth sch_ingress cls_bpf; do
    add_module "$module"
done
printf '%s\n' "${load_order[@]-}" >"$image/modules/order"

for file in "$build"/bin/*; do
    # Fuzz targets and benchmarks stay outside.
    if [[ -x $file && ! $file == *_fuzz && ! $file == *_bench ]]; then
        with_libraries "$file" "/flowxdp/bin/${file##*/}"
    fi
done
while read -r file; do
    with_libraries "$file" "/flowxdp/lib/${file#"$build/lib/"}"
done < <(find "$build/lib" -name '*.so')
while read -r file; do
    mkdir -p "$(dirname "$image/flowxdp/${file#"$build/"}")"
    cp "$file" "$image/flowxdp/${file#"$build/"}"
done < <(find "$build/lib" -name '*.bpf.o')
# What libxdp loads at run time, where it looks for it.
for dispatcher in /usr/lib/*/bpf/xdp-dispatcher.o; do
    if [[ -e $dispatcher ]]; then
        mkdir -p "$image${dispatcher%/*}"
        cp "$dispatcher" "$image$dispatcher"
    fi
done
mkdir -p "$image/source/tests"
cp -r "$source_folder/examples" "$image/source/"
mkdir -p "$image/source/tests/parity"
cp "$source_folder/tests/parity/parity.sh" "$image/source/tests/parity/"
cp -r "$source_folder/tests/parity" "$image/source/tests/" 2>/dev/null || true

cat >"$image/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mkdir -p /usr/bin
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin LD_LIBRARY_PATH=
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t bpf bpf /sys/fs/bpf
ulimit -l unlimited
while read -r module; do
    [ -z "$module" ] || insmod "/modules/$module.ko" || echo "cannot load module $module" >/dev/ttyS1
done </modules/order
/sbin/ip link set lo up
export HOME=/root FLOWXDP_SOURCE_DIR=/source FLOWXDP_BUILD_DIR=/flowxdp FLOWXDP_VM=1
cd /tmp
stty -F /dev/ttyS1 raw 2>/dev/null
sh /command >/dev/ttyS1 2>&1 </dev/null
code=$?
# What the kernel complained about belongs to the result.
dmesg | grep -E 'BUG:|Oops|WARNING:|rcu.*stall|soft lockup|general protection' >/dev/ttyS1
printf 'flowxdp-vm: exit code %d\n' "$code" >/dev/ttyS1
poweroff -f
INIT
chmod +x "$image/init"
mkdir -p "$(dirname "$out")"
(cd "$image" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$out.new"
mv "$out.new" "$out" # last: a file of this name is complete
