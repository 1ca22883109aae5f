# Tests on the kernels of vm/kernels.txt (vm/README.md). The first is the floor and always tested; -DFLOWXDP_VM_KERNELS="6.1;6.12"
# tests others too, `all` every one. A kernel that was not fetched makes its tests say SKIP, with the command that fetches it.
file(STRINGS ${PROJECT_SOURCE_DIR}/vm/kernels.txt flowxdp_kernels REGEX "^[^#]")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/vm/kernels.txt)
list(TRANSFORM flowxdp_kernels REPLACE "[ \t].*" "")
list(GET flowxdp_kernels 0 flowxdp_floor)
set(FLOWXDP_VM_KERNELS ${flowxdp_floor} CACHE STRING "Kernels that the vm tests boot, or all")
if(FLOWXDP_VM_KERNELS STREQUAL "all")
    set(flowxdp_vm_kernels ${flowxdp_kernels})
else()
    set(flowxdp_vm_kernels ${FLOWXDP_VM_KERNELS})
endif()
set(flowxdp_vm_run ${PROJECT_SOURCE_DIR}/vm/run.sh)

# flowxdp_add_vm_test(NAME COMMAND [TIMEOUT 300]): vm.NAME_KERNEL runs COMMAND (the guest's shell, one line) in each kernel. The
# tests of a kernel take turns on two machines; the first boots its machine, vm.off_KERNEL ends both. COST, here and where tests hold
# the lock `kernel`: what can only run one after the other begins at once, and the rest beside it.
function(flowxdp_add_vm_test name command)
    cmake_parse_arguments(ARG "" "TIMEOUT" "" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    math(EXPR limit "${ARG_TIMEOUT} + 300") # boots and builds the image when it is the first
    get_property(count GLOBAL PROPERTY flowxdp_vm_tests)
    math(EXPR machine "(0${count} % 2) + 1")
    math(EXPR count "0${count} + 1")
    set_property(GLOBAL PROPERTY flowxdp_vm_tests ${count})
    foreach(kernel IN LISTS flowxdp_vm_kernels)
        string(REPLACE "." "_" suffix ${kernel})
        add_test(NAME vm.${name}_${suffix} COMMAND ${flowxdp_vm_run} --keep ${kernel} -- ${command})
        set_tests_properties(vm.${name}_${suffix} PROPERTIES LABELS vm TIMEOUT ${limit} SKIP_RETURN_CODE 77
            RESOURCE_LOCK vm_${suffix}_${machine} FIXTURES_REQUIRED vm_${suffix} COST 1000
            ENVIRONMENT "FLOWXDP_BUILD_DIR=${PROJECT_BINARY_DIR};FLOWXDP_VM_TIMEOUT=${ARG_TIMEOUT};FLOWXDP_VM_MACHINE=${machine}")
    endforeach()
endfunction()

foreach(kernel IN LISTS flowxdp_vm_kernels)
    string(REPLACE "." "_" suffix ${kernel})
    add_test(NAME vm.off_${suffix} COMMAND ${flowxdp_vm_run} --stop ${kernel})
    set_tests_properties(vm.off_${suffix} PROPERTIES LABELS vm TIMEOUT 30 FIXTURES_CLEANUP vm_${suffix}
        ENVIRONMENT "FLOWXDP_BUILD_DIR=${PROJECT_BINARY_DIR}")
endforeach()

# flowxdp_add_system_test(NAME [TIMEOUT 120] [VM_ONLY | HOST_ONLY]): system.NAME runs NAME_test.py FLOWXDP of this folder as root on
# this machine, vm.system_NAME_KERNEL in the guests. VM_ONLY: what it does to the kernel is not for a machine in use. HOST_ONLY: spares
# the time of a guest.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
function(flowxdp_add_system_test name)
    cmake_parse_arguments(ARG "VM_ONLY;HOST_ONLY" "TIMEOUT" "" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    set(script ${CMAKE_CURRENT_SOURCE_DIR}/${name}_test.py)
    if(NOT ARG_VM_ONLY)
        add_test(NAME system.${name} COMMAND Python3::Interpreter -B ${script} $<TARGET_FILE:flowxdp>)
        set_tests_properties(system.${name} PROPERTIES LABELS system TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77
            RESOURCE_LOCK kernel COST 1000)
    endif()
    if(ARG_HOST_ONLY)
        return()
    endif()
    file(RELATIVE_PATH script ${PROJECT_SOURCE_DIR} ${script})
    math(EXPR limit "${ARG_TIMEOUT} * 4") # emulated
    flowxdp_add_vm_test(system_${name} "python3 -B /source/${script} /flowxdp/bin/flowxdp" TIMEOUT ${limit})
endfunction()
