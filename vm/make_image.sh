#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# make_image.sh ROOT RELEASE BUILD OUT: writes an initramfs to OUT for the kernel ROOT/boot/vmlinuz-RELEASE: busybox, the
# programs of programs.txt, Python with the modules that the system tests use, the network modules the sensor needs, the
# program, plugins, bundle and test programs of BUILD with their libraries, the Python tests and the example captures.
# Only files of installed Debian packages and of this tree. Needs no root. run.sh calls it.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source_folder=$(dirname "$here")
root=$1 release=$2 build=$(readlink -f "$3") out=$4
image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT
chmod 755 "$image" # it becomes / and not only root looks there

mkdir -p "$image"/{bin,sbin,dev,etc,proc,run,sys,tmp,root,modules,flowxdp/bin,flowxdp/lib,source/tests,usr/local/bin}

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
while read -r program _; do
    path=$(command -v "$program") || continue
    with_libraries "$path" "/usr/local/bin/$program"
done < <(grep -v '^#' "$here/programs.txt")

# By its path, as tests in C++ call it: a name alone is busybox' own to its shell.
ln -s /usr/local/bin/ip "$image/sbin/ip"

# Python: Debian's, not one that a user has put before it.
python=/usr/bin/python3
if [[ -x $python ]]; then
    with_libraries "$(readlink -f $python)" /usr/bin/python3
    while read -r extension; do
        with_libraries "$extension" "$extension"
    done < <("$python" -IB "$here/python_modules.py" "$image" "$source_folder"/tests/{counters,system}/*_test.py \
        "$source_folder/tests/support/frames.py")
fi

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
# udp_diag: what the exporter asks a collector's room of. A real machine loads them when they are needed.
for module in veth tun 8021q sch_ingress cls_bpf udp_diag tcp_diag; do
    add_module "$module"
done
printf '%s\n' "${load_order[@]-}" >"$image/modules/order"

for program in flowxdp id_sender sensor_steps sensor_test frame_filter_test leaving_test dispatcher_test race_test; do
    [[ ! -x $build/bin/$program ]] || with_libraries "$build/bin/$program" "/flowxdp/bin/$program"
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
# What the tests read of the source tree.
cp -r "$source_folder/examples" "$image/source/"
cp -r "$source_folder"/tests/{counters,parity,support,system} "$image/source/tests/"
mkdir -p "$image/source/bpf"
cp -r "$source_folder/bpf/flowxdp" "$image/source/bpf/"

printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$image/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$image/etc/group"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$image/etc/hosts"
cp "$here/init" "$image/init"
chmod +x "$image/init"
mkdir -p "$(dirname "$out")"
(cd "$image" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$out.new"
mv "$out.new" "$out" # last: a file of this name is complete
