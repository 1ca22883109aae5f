# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Sourced by run.sh: one QEMU, reached through the FIFOs port.in and port.out of a folder, which hang on the guest's second
# serial port (vm/init has the protocol). console: the guest's kernel messages.

machine_runs() { # machine_runs FOLDER. The number may be another process' by now: one of its words must be ours.
    [[ -s $1/pid ]] && grep -qzxF "pipe:$1/port" "/proc/$(<"$1/pid")/cmdline" 2>/dev/null
}

stop_machine() { # stop_machine FOLDER: at once, there is nothing on its disk
    if machine_runs "$1"; then
        kill "$(<"$1/pid")" 2>/dev/null || true
        while machine_runs "$1"; do sleep 0.05; done
    fi
    rm -f "$1/pid"
}

accelerator() { # accelerator MACHINE_OPTION...: prints QEMU's options
    # Without an initramfs the kernel panics at once, and panic=-1 ends QEMU: a machine that works needs two seconds.
    if [[ ${FLOWXDP_VM_ACCEL:-tcg} == kvm ]]; then
        if timeout -k 2 10 qemu-system-x86_64 "$@" -accel kvm -cpu host -append "panic=-1 quiet" </dev/null >/dev/null 2>&1; then
            echo "-accel kvm -cpu host"
            return
        fi
        echo "run.sh: no kernel starts under KVM here, emulating" >&2
    fi
    # Not max: where a processor says that it has AVX2 and fast string instructions, libc and kernel use them, and TCG emulates
    # them a few bytes at a time. The object's test-run takes 76 s of a processor with max, 40 s with this one.
    echo "-accel tcg,thread=multi -cpu Nehalem"
}

start_machine() { # start_machine FOLDER KERNEL_FILE IMAGE: returns when the guest takes commands
    local folder=$1 machine
    stop_machine "$folder"
    rm -f "$folder"/port.*
    mkfifo "$folder/port.in" "$folder/port.out"
    machine=(-M "q35,hpet=off" -m "${FLOWXDP_VM_MEMORY:-1536}" -smp "${FLOWXDP_VM_CPUS:-2}" -display none -no-reboot -nodefaults
        -net none -kernel "$2")
    # An hour is more than all tests take: no machine outlives a forgotten --keep by much. In a session of its own, and
    # without the caller's descriptors, so that a kept machine holds nobody's lock or pipe.
    (
        for descriptor in /proc/"$BASHPID"/fd/*; do
            ((${descriptor##*/} < 3)) || eval "exec ${descriptor##*/}>&-"
        done
        # shellcheck disable=SC2046 # several words
        # 6.1: "IO-APIC + timer doesn't work!" on a busy host, because it expects ticks while it counts instructions, and TCG runs
        # them slowly; cure: no_timer_check, which kernels take for granted under other hypervisors.
        exec setsid timeout -k 5 3600 qemu-system-x86_64 "${machine[@]}" $(accelerator "${machine[@]}") -initrd "$3" \
            -serial "file:$folder/console" -serial "pipe:$folder/port" \
            -append "console=ttyS0 panic=-1 quiet mitigations=off tsc=reliable no_timer_check"
    ) </dev/null >"$folder/errors" 2>&1 &
    echo $! >"$folder/pid"
    await_ready "$folder"
}

await_ready() { # await_ready FOLDER: what else the guest says goes to stderr
    local line said="" end=$((SECONDS + 120))
    exec 5<>"$1/port.out" # opened for reading alone, it would wait for QEMU
    while ((SECONDS < end)); do
        if read -r -t 1 line <&5; then
            line=$said$line said=""
            [[ $line != *"flowxdp-vm: ready"* ]] || break
            printf '%s\n' "$line" >&2
        else
            said+=$line
            machine_runs "$1" || give_up "$1" "the guest ended while it booted"
        fi
    done
    exec 5<&-
    [[ $line == *"flowxdp-vm: ready"* ]] || give_up "$1" "the guest did not boot within 120 s"
}

give_up() { # give_up FOLDER WHAT: stops the machine, shows why, exits
    cat "$1/errors" >&2
    tail -n 40 "$1/console" >&2 || true
    stop_machine "$1"
    echo "run.sh: $2" >&2
    exit 1
}

run_in_machine() { # run_in_machine FOLDER SECONDS COMMAND: prints its output, returns its exit code
    local folder=$1 limit=$2 line
    if [[ $3 == *$'\n'* ]]; then
        echo "run.sh: the command must be one line" >&2
        exit 2
    fi
    printf '%s %s\n' "$limit" "$3" >"$folder/port.in"
    exec 5<"$folder/port.out"
    # The guest ends the command in time; a guest that cannot is dead.
    while IFS= read -r -t $((limit + 60)) line <&5; do
        if [[ $line =~ ^(.*)flowxdp-vm:\ exit\ code\ ([0-9]+) ]]; then
            printf '%s' "${BASH_REMATCH[1]}"
            if ((BASH_REMATCH[2] == 124 || BASH_REMATCH[2] == 137)); then
                echo "run.sh: the command did not finish within $limit s" >&2
                return 124
            fi
            return "${BASH_REMATCH[2]}"
        fi
        printf '%s\n' "$line"
    done
    give_up "$folder" "the guest died or hung during the command"
}
