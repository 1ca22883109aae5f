#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh [--keep] [KERNEL] -- COMMAND...: boots a kernel of vm/kernels.txt (default: the first) in QEMU with the program and
# the tests inside, runs COMMAND by the guest's shell and returns its output and exit code. With --keep the machine stays for
# the next command with --keep, until `run.sh --stop [KERNEL]` or five idle minutes. Exit 77 and a SKIP line when QEMU or the
# kernel is missing; 124 when the command did not finish in time; 1 with the console when the guest died. Needs no root.
#
#   FLOWXDP_BUILD_DIR    build folder (default: build/release)
#   FLOWXDP_VM_TIMEOUT   seconds for the command (default 300); the boot has 120 of its own
#   FLOWXDP_VM_MACHINE   name of the kept machine (default 1): those of different names run beside each other
#   FLOWXDP_VM_CPUS      default 2
#   FLOWXDP_VM_MEMORY    MB, default 1536
#   FLOWXDP_VM_ACCEL     tcg (default) or kvm. /dev/kvm exists on many virtual machines where a guest then hangs, so kvm is
#                        only taken when asked for, and only when a kernel starts with it within ten seconds.
# Exit 77 of the command is a failure: in a guest where we are root with everything inside, nothing may be missing.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source_folder=$(dirname "$here")
build=${FLOWXDP_BUILD_DIR:-$source_folder/build/release}
limit=${FLOWXDP_VM_TIMEOUT:-300}
PATH=$PATH:/sbin:/usr/sbin
# shellcheck source=vm/machine.sh
source "$here/machine.sh"

skip() {
    echo "SKIP: $*"
    exit 77
}
usage() {
    sed -n 's/^# \{0,1\}//; 3,6p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

keep=0 stop=0
case ${1-} in
    --keep) keep=1 && shift ;;
    --stop) stop=1 && shift ;;
esac
kernel=$(awk '!/^#/ && NF { print $1; exit }' "$here/kernels.txt")
if [[ $# -gt 0 && $1 != -- ]]; then
    kernel=$1
    shift
fi
release_glob=$(awk -v name="$kernel" '!/^#/ && $1 == name { print $3 }' "$here/kernels.txt")
if [[ ! $release_glob ]]; then
    echo "run.sh: vm/kernels.txt has no kernel '$kernel'" >&2
    exit 2
fi
folder=$build/vm/$kernel
if ((stop)); then
    [[ $# == 0 ]] || usage
    for machine in "$folder"/*/; do
        stop_machine "${machine%/}"
    done
    exit 0
fi
[[ ${1-} == -- && $# -ge 2 ]] || usage
shift

for program in qemu-system-x86_64 busybox cpio ip tc modinfo; do
    command -v "$program" >/dev/null || skip "no $program on this machine (Debian packages: scripts/packages-test.txt)"
done
root=$("$source_folder/scripts/vm_kernel.sh" --present "$kernel") ||
    skip "kernel $kernel is not here (scripts/vm_kernel.sh $kernel fetches it)"
root=${root%/}
kernel_file=$(compgen -G "$root/boot/vmlinuz-$release_glob" | sort -V | tail -n 1)
[[ -r $kernel_file ]] || skip "cannot read $kernel_file"
[[ -x $build/bin/flowxdp ]] || skip "no program in $build/bin: build it first"

# One image per kernel and build folder.
image=$folder/image.cpio
folder=$folder/${FLOWXDP_VM_MACHINE:-1}
mkdir -p "$folder"
exec 9>"$image.lock"
flock 9
if [[ ! -e $image || $(find "$build/bin" "$build/lib" "$here" "$source_folder"/{examples,tests/system,tests/support,tests/parity} \
    "$kernel_file" -newer "$image" -print -quit) ]]; then
    "$here/make_image.sh" "$root" "${kernel_file##*/vmlinuz-}" "$build" "$image"
fi
flock -u 9
if ((keep)); then
    exec 9>"$folder/lock" # one command at a time
    flock 9
    if ! machine_runs "$folder" || [[ $image -nt $folder/pid ]]; then
        start_machine "$folder" "$kernel_file" "$image"
    fi
else
    folder=$(mktemp -d)
    trap 'stop_machine "$folder"; rm -rf "$folder"' EXIT
    start_machine "$folder" "$kernel_file" "$image"
fi
code=0
run_in_machine "$folder" "$limit" "$*" || code=$?
if [[ $code == 77 ]]; then
    code=1
fi
exit "$code"
