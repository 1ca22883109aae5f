#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh [KERNEL] -- COMMAND...: boots a kernel of vm/kernels.txt (default: the first) in QEMU with the program and the
# tests inside, runs COMMAND by the guest's shell and returns its output and exit code. Exit 77 and a SKIP line when the
# machine or a kernel is missing; 124 when the guest did not finish in time. Needs no root.
#
#   FLOWXDP_BUILD_DIR   build folder (default: build/release)
#   FLOWXDP_VM_TIMEOUT  seconds for the whole run (default 300)
#   FLOWXDP_VM_CPUS     default 2
#   FLOWXDP_VM_MEMORY   MB, default 1536
#   FLOWXDP_VM_ACCEL    tcg (default) or kvm. /dev/kvm exists on many virtual machines where a guest then hangs, so kvm is
#                       only taken when asked for, and only when a kernel starts with it within ten seconds.
#   FLOWXDP_VM_CONSOLE  file for the guest's kernel messages
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source_folder=$(dirname "$here")

skip() {
    echo "SKIP: $*"
    exit 77
}
usage() {
    sed -n 's/^# \{0,1\}//; 3,5p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

kernel=$(awk '!/^#/ && NF { print $1; exit }' "$here/kernels.txt")
if [[ ${1-} != -- ]]; then
    kernel=${1-}
    shift || usage
fi
[[ ${1-} == -- && $# -ge 2 ]] || usage
shift

for program in qemu-system-x86_64 busybox cpio ip tc modinfo; do
    command -v "$program" >/dev/null || PATH=$PATH:/sbin:/usr/sbin command -v "$program" >/dev/null ||
        skip "no $program on this machine (Debian packages: scripts/packages-test.txt)"
done
PATH=$PATH:/sbin:/usr/sbin
release_glob=$(awk -v name="$kernel" '!/^#/ && $1 == name { print $3 }' "$here/kernels.txt")
if [[ ! $release_glob ]]; then
    echo "run.sh: vm/kernels.txt has no kernel '$kernel'" >&2
    exit 2
fi
root=$("$source_folder/scripts/vm_kernel.sh" --present "$kernel") || skip "kernel $kernel is not here (scripts/vm_kernel.sh $kernel fetches it)"
root=${root%/}
image_of_kernel=$(compgen -G "$root/boot/vmlinuz-$release_glob" | sort -V | tail -n 1)
[[ -r $image_of_kernel ]] || skip "cannot read $image_of_kernel"
release=${image_of_kernel##*/vmlinuz-}

build=${FLOWXDP_BUILD_DIR:-$source_folder/build/release}
[[ -x $build/bin/flowxdp ]] || skip "no program in $build/bin: build it first"

# One image per kernel, made anew when something it holds is newer. Two runs at once would write the same one.
folder=$build/vm
mkdir -p "$folder"
image=$folder/$release.cpio
exec 9>"$folder/lock"
flock 9
if [[ ! -e $image || $(find "$build/bin" "$build/lib" "$here" "$source_folder/examples" -newer "$image" -print -quit) ]]; then
    "$here/make_image.sh" "$root" "$release" "$build" "$image"
fi
flock -u 9

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
console=${FLOWXDP_VM_CONSOLE:-$scratch/console}
printf '%s\n' "$*" >"$scratch/command"
# The kernel unpacks archives that follow one another, so the command needs no new image.
(cd "$scratch" && echo command | cpio --quiet -o -H newc -R 0:0) >"$scratch/command.cpio"
cat "$image" "$scratch/command.cpio" >"$scratch/initramfs"

machine=(-M q35 -m "${FLOWXDP_VM_MEMORY:-1536}" -display none -no-reboot -nodefaults -net none -kernel "$image_of_kernel")
accel=(-accel tcg,thread=multi -cpu max)
if [[ ${FLOWXDP_VM_ACCEL:-tcg} == kvm ]]; then
    # Without an initramfs the kernel panics at once, and panic=-1 ends QEMU: a machine that works needs two seconds.
    if timeout -k 2 10 qemu-system-x86_64 "${machine[@]}" -accel kvm -cpu host -append "panic=-1 quiet" </dev/null >/dev/null 2>&1; then
        accel=(-accel kvm -cpu host)
    else
        echo "run.sh: no kernel starts under KVM here, emulating" >&2
    fi
fi

status=0
timeout -k 5 "${FLOWXDP_VM_TIMEOUT:-300}" qemu-system-x86_64 "${machine[@]}" "${accel[@]}" -smp "${FLOWXDP_VM_CPUS:-2}" \
    -serial "file:$console" -serial stdio -initrd "$scratch/initramfs" \
    -append "console=ttyS0 panic=-1 quiet mitigations=off tsc=reliable" </dev/null >"$scratch/output" 2>"$scratch/errors" ||
    status=$?
code=$(sed -n 's/^flowxdp-vm: exit code \([0-9]*\).*/\1/p' "$scratch/output" | tail -n 1)
grep -v '^flowxdp-vm: exit code ' "$scratch/output" || true
if [[ $code ]]; then
    # 77 says "this machine cannot run the test"; a guest where we are root may not say so.
    [[ $code != 77 ]] || code=1
    exit "$code"
fi
cat "$scratch/errors" >&2
[[ ! -s $console ]] || tail -n 40 "$console" >&2
if ((status == 124 || status == 137)); then
    echo "run.sh: the guest did not finish within ${FLOWXDP_VM_TIMEOUT:-300} s" >&2
    exit 124
fi
echo "run.sh: the guest ended without an exit code (QEMU: $status)" >&2
exit 1
