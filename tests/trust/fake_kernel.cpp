// SPDX-License-Identifier: BSD-2-Clause
#include "trust/fake_kernel.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <utility>

#include <bpf/libbpf.h>

#include "flowxdp/cpu_counts.h"
#include "flowxdp/evict.h"
#include "flowxdp/journal.h"
#include "flowxdp/program_role.h"
#include "flowxdp/record_slots.h"
#include "kernel/sensor_object.h"

namespace flowxdp::test {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArch = 0;
#endif

// The sixth argument of a call that the handler makes itself; no call served here has one.
constexpr long kOurs = 0x666c6f77;
constexpr std::string_view kBpfRoot = "/sys/fs/bpf";

enum class What { kOpen, kOpen2, kLook, kChange, kSignal, kSignalFd, kSignalThread, kRun, kConnect, kBpf, kWait };
struct Call {
    int number;
    What what;
    int folder, path, second_path; // arguments; -1 = none
};
constexpr Call kCalls[] = {
    {SYS_openat, What::kOpen, 0, 1, -1},
    {SYS_openat2, What::kOpen2, 0, 1, -1},
    {SYS_faccessat, What::kLook, 0, 1, -1},
    {SYS_faccessat2, What::kLook, 0, 1, -1},
    {SYS_statfs, What::kLook, -1, 0, -1},
    {SYS_statx, What::kLook, 0, 1, -1},
    {SYS_newfstatat, What::kLook, 0, 1, -1},
    {SYS_unlinkat, What::kChange, 0, 1, -1},
    {SYS_mkdirat, What::kChange, 0, 1, -1},
    {SYS_mknodat, What::kChange, 0, 1, -1},
    {SYS_fchmodat, What::kChange, 0, 1, -1},
    {SYS_fchownat, What::kChange, 0, 1, -1},
    {SYS_truncate, What::kChange, -1, 0, -1},
    {SYS_symlinkat, What::kChange, 1, 2, -1},
    {SYS_linkat, What::kChange, 2, 3, -1},
    {SYS_renameat2, What::kChange, 0, 1, 3},
    {SYS_kill, What::kSignal, -1, -1, -1},
    {SYS_rt_sigqueueinfo, What::kSignal, -1, -1, -1},
    {SYS_tgkill, What::kSignal, -1, -1, -1},
    {SYS_tkill, What::kSignalThread, -1, -1, -1},
    {SYS_pidfd_send_signal, What::kSignalFd, -1, -1, -1},
    {SYS_execve, What::kRun, -1, -1, -1},
    {SYS_execveat, What::kRun, -1, -1, -1},
    {SYS_connect, What::kConnect, -1, -1, -1},
    {SYS_bpf, What::kBpf, -1, -1, -1},
    {SYS_membarrier, What::kWait, -1, -1, -1},
#ifdef SYS_renameat
    {SYS_renameat, What::kChange, 0, 1, 3},
#endif
#ifdef SYS_open // of x86
    {SYS_open, What::kOpen, -1, 0, -1},
    {SYS_creat, What::kChange, -1, 0, -1},
    {SYS_stat, What::kLook, -1, 0, -1},
    {SYS_lstat, What::kLook, -1, 0, -1},
    {SYS_access, What::kLook, -1, 0, -1},
    {SYS_unlink, What::kChange, -1, 0, -1},
    {SYS_rmdir, What::kChange, -1, 0, -1},
    {SYS_mkdir, What::kChange, -1, 0, -1},
    {SYS_mknod, What::kChange, -1, 0, -1},
    {SYS_chmod, What::kChange, -1, 0, -1},
    {SYS_chown, What::kChange, -1, 0, -1},
    {SYS_lchown, What::kChange, -1, 0, -1},
    {SYS_symlink, What::kChange, -1, 1, -1},
    {SYS_link, What::kChange, -1, 1, -1},
    {SYS_rename, What::kChange, -1, 0, 1},
#endif
};

// The handler runs in whatever thread made the call.
struct Kernel {
    std::string root, foreign, expected;
    int pid = 0, may_signal = 0;
    FakeKernel::Says says;
    std::mutex mutex;
    std::vector<std::string> violations;
    std::atomic<std::uint64_t> served = 0;
};
Kernel& kernel()
{
    static Kernel one;
    return one;
}

void violate(const std::string& what)
{
    const std::lock_guard lock(kernel().mutex);
    kernel().violations.push_back(what);
}

// As the kernel returns it: an error is negative.
long ask(long number, const long* a)
{
    const long result = syscall(number, a[0], a[1], a[2], a[3], a[4], kOurs);
    return result == -1 ? -errno : result;
}

std::string path_of(int fd)
{
    char path[4096];
    const ssize_t n = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
    return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : "";
}
std::string name_of(int fd)
{
    const std::string path = path_of(fd);
    return path.substr(path.rfind('/') + 1);
}

// The whole path that a call names.
std::string whole_path(const Call& call, const long* a, int path_argument)
{
    const auto* given = reinterpret_cast<const char*>(a[path_argument]);
    if (!given)
        return "";
    std::filesystem::path path(given);
    if (!path.is_absolute()) {
        const int folder = call.folder < 0 ? AT_FDCWD : static_cast<int>(a[call.folder]);
        std::error_code error;
        path =
            (folder == AT_FDCWD ? std::filesystem::current_path(error) : std::filesystem::path(path_of(folder))) / path;
    }
    std::string normal = path.lexically_normal();
    if (constexpr std::string_view kOwn = "/proc/self/fd/"; normal.starts_with(kOwn) && call.what == What::kOpen)
        normal = path_of(std::atoi(normal.c_str() + kOwn.size())); // NOLINT(cert-err34-c): a descriptor's own name
    return normal.size() > 1 && normal.ends_with('/') ? normal.substr(0, normal.size() - 1) : normal;
}
bool is_below(const std::string& path, std::string_view folder)
{
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}
// Where a path of /sys/fs/bpf really is.
std::string played_by(const std::string& path)
{
    return is_below(path, kBpfRoot) ? kernel().root + "/bpf" + path.substr(kBpfRoot.size()) : path;
}

// May the call have this file? 0, or the error that it gets instead.
long judge(const Call& call, const std::string& path, bool changes)
{
    // Whoever is to write a file may look who owns its folder.
    const std::string& expected = kernel().expected;
    if (path == expected)
        return -EACCES;
    if (!changes && !expected.empty() && is_below(expected, path))
        return 0;
    if (is_below(path, kernel().foreign)) {
        violate("a foreign file was asked for: " + path);
        return -EACCES;
    }
    if (!changes || is_below(played_by(path), kernel().root) || path == "/dev/null" || path == "/dev/tty" ||
        path.starts_with("/proc/self/"))
        return 0;
    violate("call " + std::to_string(call.number) + " would change " + path);
    return -EACCES;
}

long serve_path(const Call& call, const long* a)
{
    if (const auto* given = reinterpret_cast<const char*>(a[call.path]); call.what == What::kLook && given && !*given)
        return ask(call.number, a); // of a descriptor alone, AT_EMPTY_PATH
    const std::string path = whole_path(call, a, call.path);
    bool changes = call.what == What::kChange;
    if (call.what == What::kOpen || call.what == What::kOpen2) {
        const auto flags = call.what == What::kOpen2 ? reinterpret_cast<const open_how*>(a[2])->flags
                                                     : static_cast<std::uint64_t>(a[call.path + 1]);
        changes = !(flags & O_PATH) && ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)));
    }
    if (const long refused = judge(call, path, changes))
        return refused;
    if (call.second_path >= 0) {
        Call second = call;
        second.folder = call.folder < 0 ? -1 : 2; // renameat2(folder, path, folder, path)
        if (const long refused = judge(call, whole_path(second, a, call.second_path), true))
            return refused;
    }
    const std::string real = played_by(path);
    if (real == path) // what is relative to a descriptor stays so
        return ask(call.number, a);
    long with[5];
    std::memcpy(with, a, sizeof with);
    with[call.path] = reinterpret_cast<long>(real.c_str());
    const long result = ask(call.number, with);
    if (call.number == SYS_statfs && result == 0)
        reinterpret_cast<struct statfs*>(a[1])->f_type = BPF_FS_MAGIC;
    return result;
}

long serve_signal(const Call& call, const long* a)
{
    long pid = a[0];
    long number = a[1];
    if (call.what == What::kSignalThread)
        pid = kernel().pid; // by the threads of this process alone: nobody knows others' numbers
    if (call.number == SYS_tgkill)
        number = a[2];
    if (call.what == What::kSignalFd) {
        pid = 0;
        const std::string file = "/proc/self/fdinfo/" + std::to_string(a[0]);
        const long open_arguments[5] = {AT_FDCWD, reinterpret_cast<long>(file.c_str()), O_RDONLY | O_CLOEXEC, 0, 0};
        char text[512] = {};
        if (const long fd = ask(SYS_openat, open_arguments); fd >= 0) {
            if (read(static_cast<int>(fd), text, sizeof text - 1) > 0)
                if (const char* at = std::strstr(text, "Pid:"))
                    pid = std::strtol(at + 4, nullptr, 10);
            close(static_cast<int>(fd));
        }
    }
    if (number != 0 && pid != kernel().pid && (!kernel().may_signal || pid != kernel().may_signal)) {
        violate("signal " + std::to_string(number) + " for process " + std::to_string(pid));
        return -EPERM;
    }
    return ask(call.number, a);
}

// What an object says, by the name of its pin.
long say_info(const bpf_attr& attr, const std::string& name)
{
    const FakeKernel::Says& says = kernel().says;
    void* out = reinterpret_cast<void*>(attr.info.info);
    auto give = [&](const auto& info) {
        std::memcpy(out, &info, std::min<std::size_t>(attr.info.info_len, sizeof info));
        return 0L;
    };
    if (name.starts_with("link")) {
        bpf_link_info link{};
        link.type = BPF_LINK_TYPE_XDP;
        link.id = 1;
        link.prog_id = 77;
        link.xdp.ifindex = says.link_index;
        return give(link);
    }
    if (name.starts_with("flowxdp_")) {
        bpf_prog_info program{};
        program.type = name == "flowxdp_egress" ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP;
        program.id = 77;
        std::strncpy(program.name, name.c_str(), sizeof program.name - 1);
        return give(program);
    }
    bpf_map_info map{};
    const MapShape shape = sensor_map(name);
    map.type = shape.type;
    map.id = 5;
    map.key_size = shape.key_size;
    map.value_size = shape.value_size;
    map.max_entries = shape.max_entries;
    slot_levels slots{};
    slot_levels_from(&slots, says.capacity);
    if (name == "flows") {
        map.max_entries = says.capacity;
    } else if (name == "records") {
        map.value_size = record_stride(says.record_size);
        map.max_entries = says.capacity;
    } else if (name == "free_slots") {
        map.max_entries = slots.words;
    } else if (name == "front") {
        map.max_entries = front_sets(says.capacity);
    } else if (name == "ring") {
        map.max_entries = says.ring_bytes;
    } else if (name == "filter_text") {
        map.value_size = says.filter_bytes;
    } else if (name == "state") {
        struct stat file {};
        if (fstat(static_cast<int>(attr.info.bpf_fd), &file))
            return -errno;
        map.type = BPF_MAP_TYPE_ARRAY;
        map.key_size = 4;
        map.max_entries = 1;
        map.value_size = static_cast<__u32>(file.st_size);
    } else if (!shape.name) {
        return -EINVAL;
    }
    return give(map);
}

// One value of an array's file.
long read_value(const bpf_attr& attr)
{
    const auto fd = static_cast<int>(attr.map_fd);
    const std::string name = name_of(fd);
    std::size_t bytes = name == "filter_text" ? kernel().says.filter_bytes : sensor_map(name).value_size;
    struct stat file {};
    if (fstat(fd, &file))
        return -errno;
    if (name == "state")
        bytes = static_cast<std::size_t>(file.st_size);
    if (name == "counts")
        bytes = sizeof(cpu_counts) * static_cast<std::size_t>(libbpf_num_possible_cpus());
    const __u32 key = *reinterpret_cast<const __u32*>(attr.key);
    const ssize_t n = pread(fd, reinterpret_cast<void*>(attr.value), bytes, static_cast<off_t>(bytes * key));
    return n == static_cast<ssize_t>(bytes) ? 0 : -ENOENT;
}

// The evict program: the outbox holds what its owner has put there, the call says that it ran.
long run_evict(const bpf_attr& attr)
{
    const std::string program = path_of(static_cast<int>(attr.test.prog_fd));
    const std::string file = program.substr(0, program.rfind('/')) + "/evict_request";
    const long a[5] = {AT_FDCWD, reinterpret_cast<long>(file.c_str()), O_RDWR | O_CLOEXEC, 0, 0};
    const long fd = ask(SYS_openat, a);
    if (fd < 0)
        return fd;
    evict_request request{};
    bool ok = pread(static_cast<int>(fd), &request, sizeof request, 0) == sizeof request;
    request.done = request.sequence;
    ok = ok && pwrite(static_cast<int>(fd), &request, sizeof request, 0) == sizeof request;
    close(static_cast<int>(fd));
    return ok ? 0 : -EIO;
}

long serve_bpf(const long* a)
{
    auto* attr = reinterpret_cast<bpf_attr*>(a[1]);
    switch (a[0]) {
    case BPF_OBJ_GET: {
        // Our own look at the pin, by the path of its descriptor.
        const long open_arguments[5] = {AT_FDCWD, static_cast<long>(attr->pathname), O_RDWR | O_CLOEXEC, 0, 0};
        return ask(SYS_openat, open_arguments);
    }
    case BPF_OBJ_GET_INFO_BY_FD:
        return say_info(*attr, name_of(static_cast<int>(attr->info.bpf_fd)));
    case BPF_MAP_LOOKUP_ELEM:
        return read_value(*attr);
    case BPF_PROG_TEST_RUN:
        return run_evict(*attr);
    case BPF_LINK_DETACH:
        return 0;
    default:
        return -EPERM;
    }
}

long serve(const Call& call, const long* a)
{
    switch (call.what) {
    case What::kSignal:
    case What::kSignalFd:
    case What::kSignalThread:
        return serve_signal(call, a);
    case What::kRun:
        violate("a program was started");
        return -EPERM;
    case What::kConnect: {
        const auto* address = reinterpret_cast<const sockaddr*>(a[1]);
        if (address->sa_family != AF_UNIX) // users' names may be asked for at a local service
            violate("a connection to an address of family " + std::to_string(address->sa_family));
        return -ECONNREFUSED;
    }
    case What::kBpf:
        return serve_bpf(a);
    case What::kWait: // for programs that still run: there are none
        return 0;
    default:
        return serve_path(call, a);
    }
}

void on_trap(int, siginfo_t* info, void* context)
{
    const int before = errno;
    auto* machine = &static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    const auto r = [machine](int i) { return static_cast<long>(machine->gregs[i]); };
    const long a[5] = {r(REG_RDI), r(REG_RSI), r(REG_RDX), r(REG_R10), r(REG_R8)};
#elif defined(__aarch64__)
    const auto r = [machine](int i) { return static_cast<long>(machine->regs[i]); };
    const long a[5] = {r(0), r(1), r(2), r(3), r(4)};
#else
    const long a[5] = {};
#endif
    long result = -ENOSYS;
    for (const Call& call : kCalls)
        if (call.number == info->si_syscall) {
            kernel().served++;
            result = serve(call, a);
            break;
        }
#if defined(__x86_64__)
    machine->gregs[REG_RAX] = result;
#elif defined(__aarch64__)
    machine->regs[0] = static_cast<unsigned long>(result);
#else
    (void)machine;
#endif
    errno = before;
}

} // namespace

std::string FakeKernel::start(const std::string& root, const std::string& foreign)
{
    if (!kArch)
        return "not written for this machine";
    kernel().root = root;
    kernel().foreign = foreign;
    kernel().pid = getpid();
    struct sigaction action {};
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    std::vector<sock_filter> program = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[5])), // little endian: the low half
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(kOurs), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    };
    for (const Call& call : kCalls) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(call.number), 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog whole = {static_cast<unsigned short>(program.size()), program.data()};
    if (sigaction(SIGSYS, &action, nullptr) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole, 0, 0))
        return std::string("no seccomp filter: ") + std::strerror(errno);
    return "";
}

FakeKernel::Says& FakeKernel::says()
{
    return kernel().says;
}

void FakeKernel::forked()
{
    kernel().pid = getpid();
}

void FakeKernel::expect_refused(const std::string& path)
{
    kernel().expected = std::filesystem::path(path).lexically_normal();
}

void FakeKernel::may_signal(int pid)
{
    kernel().may_signal = pid;
}

std::vector<std::string> FakeKernel::take_violations()
{
    const std::lock_guard lock(kernel().mutex);
    return std::exchange(kernel().violations, {});
}

std::uint64_t FakeKernel::served()
{
    return kernel().served;
}

} // namespace flowxdp::test
