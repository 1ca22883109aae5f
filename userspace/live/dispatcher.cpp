// SPDX-License-Identifier: BSD-2-Clause
#include "live/dispatcher.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include <xdp/prog_dispatcher.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "core/printable.h"
#include "core/unique_fd.h"
#include "kernel/privileges.h"

namespace flowxdp {
namespace {

constexpr const char* kDispatcherObject = "xdp-dispatcher.o";
constexpr const char* kDispatcherName = "xdp_dispatcher";
// Another process may swap dispatchers between two steps of libxdp. libxdp repeats when it notices; we repeat for the
// rest.
constexpr int kTries = 20;
constexpr useconds_t kTryAgainUs = 10000;

struct CloseProgram {
    void operator()(xdp_program* program) const { xdp_program__close(program); }
};
struct CloseDispatcher {
    void operator()(xdp_multiprog* dispatcher) const { xdp_multiprog__close(dispatcher); }
};
using Program = std::unique_ptr<xdp_program, CloseProgram>;
using MultiProgram = std::unique_ptr<xdp_multiprog, CloseDispatcher>;

// libxdp encodes errors in the pointer. This returns null then, with the reason in errno.
template <typename Owner>
Owner owned(typename Owner::pointer p)
{
    const long error = libxdp_get_error(p);
    if (!error && p)
        return Owner(p);
    errno = static_cast<int>(-error);
    return Owner();
}

// Keeps libxdp's messages: the number that it returns often says less. Its callback gets no context.
class LibxdpMessages {
  public:
    LibxdpMessages()
    {
        said().clear();
        libxdp_set_print(keep);
    }
    // "; libxdp says: ..." or nothing.
    [[nodiscard]] static std::string text() { return said().empty() ? "" : "; libxdp says: " + said(); }

  private:
    static std::string& said()
    {
        static thread_local std::string text;
        return text;
    }
    static int keep(libxdp_print_level level, const char* format, va_list arguments)
    {
        std::array<char, 512> line{};
        if (level == LIBXDP_DEBUG || std::vsnprintf(line.data(), line.size(), format, arguments) <= 0)
            return 0;
        std::string_view one(line.data());
        while (!one.empty() && (one.back() == '\n' || one.back() == ' '))
            one.remove_suffix(1);
        said().append(said().empty() ? "" : "; ").append(one);
        return 0;
    }
};

std::string pin_root()
{
    const char* other = secure_getenv("LIBXDP_BPFFS"); // libxdp's own variable
    return std::string(other ? other : "/sys/fs/bpf") + "/xdp";
}

// All zero when there is no such program.
bpf_prog_info info_of(int program_fd)
{
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (program_fd < 0 || bpf_obj_get_info_by_fd(program_fd, &info, &size))
        info = {};
    return info;
}

std::uint32_t id_of(int program_fd)
{
    return info_of(program_fd).id;
}

// The XDP program on an interface of this namespace; 0 = none, or no such interface.
std::uint32_t program_on(unsigned interface_index)
{
    bpf_xdp_query_opts query{};
    query.sz = sizeof query;
    if (!interface_index || bpf_xdp_query(static_cast<int>(interface_index), 0, &query)) // libbpf: 0 is any of them
        return 0;
    return query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id ? query.skb_prog_id : query.prog_id;
}

// One program's place: the pins progN-prog and progN-link in a dispatcher's folder.
struct Place {
    std::filesystem::path folder;
    unsigned interface_index = 0;
    std::uint32_t dispatcher_id = 0;
    unsigned position = 0;

    [[nodiscard]] std::string pin(const char* what) const
    {
        return fmt::format("{}/prog{}-{}", folder.string(), position, what);
    }
};

std::optional<Place> find_in(const std::filesystem::path& folder, std::uint32_t program_id)
{
    Place place{folder};
    const std::string name = folder.filename();
    if (std::sscanf(name.c_str(), "dispatch-%u-%u", &place.interface_index, // NOLINT(cert-err34-c): 2 is asked for
                    &place.dispatcher_id) != 2)
        return std::nullopt;
    for (place.position = 0; place.position < MAX_DISPATCHER_ACTIONS; place.position++) {
        const UniqueFd program(bpf_obj_get(place.pin("prog").c_str()));
        if (id_of(program.get()) == program_id)
            return place;
    }
    return std::nullopt;
}

// libxdp makes its folder as root. A folder of another user, or a link of one, may lead anywhere. A link of root is not
// refused: iproute2 (6.1: `ip link set IFACE xdp obj FILE`) makes this name a link to its own folder /sys/fs/bpf/tc,
// and libxdp works in there.
bool is_libxdps(const std::string& folder)
{
    const auto is_ours = [](const struct stat& s) { return !s.st_uid || s.st_uid == geteuid(); };
    struct stat name {
    }, target{};
    return !lstat(folder.c_str(), &name) && is_ours(name) && !stat(folder.c_str(), &target) &&
           S_ISDIR(target.st_mode) && is_ours(target) && !(target.st_mode & S_IWOTH);
}

std::vector<Place> places_of(std::uint32_t program_id)
{
    std::vector<Place> places;
    if (!is_libxdps(pin_root()))
        return places;
    std::error_code ignored; // no folder: nobody uses a dispatcher
    for (const auto& folder : std::filesystem::directory_iterator(pin_root(), ignored))
        if (auto place = program_id ? find_in(folder.path(), program_id) : std::nullopt)
            places.push_back(*place);
    return places;
}

// Removes places in dispatchers that are on no interface any more: nothing else would free our maps. Takes libxdp's own
// lock.
void remove_places(std::uint32_t program_id)
{
    const UniqueFd root(open(pin_root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root || !is_libxdps(pin_root()) || flock(root.get(), LOCK_EX))
        return;
    for (const Place& place : places_of(program_id)) {
        unlink(place.pin("link").c_str());
        unlink(place.pin("prog").c_str());
        rmdir(place.folder.c_str()); // unless others left pins there
    }
}

// Waits until every packet has passed that found the program in its place. The update of a map of maps returns only
// when all programs that run at that moment have ended (maybe_wait_bpf_programs(), kernel/bpf/syscall.c).
void wait_for_running_programs()
{
    const UniqueFd inner(bpf_map_create(BPF_MAP_TYPE_ARRAY, "flowxdp_wait", 4, 4, 1, nullptr));
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.inner_map_fd = static_cast<__u32>(inner.get());
    const UniqueFd outer(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "flowxdp_wait", 4, 4, 1, &options));
    const __u32 zero = 0, value = static_cast<__u32>(inner.get());
    if (!inner || !outer || bpf_map_update_elem(outer.get(), &zero, &value, BPF_ANY))
        usleep(100000); // no memory for 100 bytes: the packets have passed by then anyway
}

// A user who makes the pins could also remove them, those of other programs too.
bool may_ask()
{
    return !geteuid() && missing_capabilities({CAP_SYS_ADMIN}).empty();
}

const char* name_of(xdp_attach_mode mode)
{
    return mode == XDP_MODE_NATIVE ? "native" : mode == XDP_MODE_SKB ? "generic" : "offload";
}

// Can a concurrent change explain the error? Then the next try sees another dispatcher.
bool is_passing(int error)
{
    return error == -EAGAIN || error == -EBUSY || error == -EEXIST || error == -ENOENT;
}

// Modes to try. An existing dispatcher already has one.
std::vector<xdp_attach_mode> modes_for(const InterfaceInfo& interface, AttachMode wanted)
{
    std::vector<xdp_attach_mode> modes;
    if (wanted != AttachMode::kGeneric && (!interface.xdp_program_id || interface.xdp_mode == "native"))
        modes.push_back(XDP_MODE_NATIVE);
    if (wanted != AttachMode::kNative && (!interface.xdp_program_id || interface.xdp_mode == "generic"))
        modes.push_back(XDP_MODE_SKB);
    if (modes.empty())
        throw StartupError(
            fmt::format("the dispatcher of interface '{}' runs in {} mode and serves all programs in it: "
                        "leave --mode out",
                        interface.name, interface.xdp_mode));
    return modes;
}

void check_room(const InterfaceInfo& interface, const char* name)
{
    if (!interface.xdp_program_id)
        return;
    const std::optional<Dispatcher> there = read_dispatcher(interface);
    if (!there)
        throw StartupError(fmt::format("interface '{}' already has XDP program {} ('{}', {}), which stands there alone "
                                       "and shares with nobody: load "
                                       "it by xdp-loader or another user of libxdp, then it runs beside this one, or "
                                       "remove it (ip link set dev {} "
                                       "xdp off; what a pinned link holds, its owner must stop)",
                                       interface.name, interface.xdp_program_id, interface.xdp_program_name,
                                       interface.xdp_mode, interface.name));
    if (there->programs.size() >= MAX_DISPATCHER_ACTIONS)
        throw StartupError(fmt::format("the dispatcher of interface '{}' is full: {}; remove one: xdp-loader unload {} "
                                       "--id ID",
                                       interface.name, there->text(), interface.name));
    for (const DispatchedProgram& program : there->programs)
        if (program.name == name)
            throw StartupError(fmt::format("the dispatcher of interface '{}' has a program '{}' (id {}) that no sensor "
                                           "knows: its pins are gone; remove it: xdp-loader unload {} --id {}",
                                           interface.name, name, program.id, interface.name, program.id));
}

// An extension is loaded against this program before it has a place; libxdp's object holds it for such uses.
constexpr const char* kTarget = "xdp_pass";

std::string object_problem(const std::string& reason)
{
    return fmt::format("libxdp's {} cannot be opened ({}): it comes with Debian's libxdp1 (apt-get install libxdp1), "
                       "elsewhere LIBXDP_OBJECT_PATH names its folder",
                       kDispatcherObject, reason);
}

// libxdp's object, loaded.
Result<Program> load_target()
{
    auto target = owned<Program>(xdp_program__find_file(kDispatcherObject, "xdp", nullptr));
    if (!target)
        return Error{object_problem(std::strerror(errno))};
    if (const int error = bpf_object__load(xdp_program__bpf_obj(target.get())); error)
        return Error{fmt::format("the kernel does not load libxdp's dispatcher: {}", std::strerror(-error))};
    if (!bpf_object__find_program_by_name(xdp_program__bpf_obj(target.get()), kTarget))
        return Error{object_problem(fmt::format("it has no program {}", kTarget))};
    return target;
}

// Makes a program that is not loaded yet an extension, as libxdp would. Returns 0 or a negative error number.
int make_extension(bpf_program* program, xdp_program* target)
{
    const bpf_program* in = bpf_object__find_program_by_name(xdp_program__bpf_obj(target), kTarget);
    const int error = bpf_program__set_attach_target(program, bpf_program__fd(in), kTarget);
    bpf_program__set_type(program, BPF_PROG_TYPE_EXT);
    bpf_program__set_expected_attach_type(program, static_cast<bpf_attach_type>(0));
    return error;
}

} // namespace

std::string Dispatcher::text() const
{
    std::string text;
    for (const DispatchedProgram& p : programs)
        text += fmt::format("{}{} (id {}, priority {})", text.empty() ? "" : ", ", printable(p.name), p.id, p.priority);
    return text;
}

std::optional<Dispatcher> read_dispatcher(const InterfaceInfo& interface)
{
    if (interface.xdp_program_name != kDispatcherName) // libxdp would make its pin folder to find that out
        return std::nullopt;
    const LibxdpMessages said;
    const auto there = owned<MultiProgram>(xdp_multiprog__get_from_ifindex(static_cast<int>(interface.index)));
    if (!there || xdp_multiprog__is_legacy(there.get()))
        return std::nullopt;
    Dispatcher dispatcher{
        xdp_program__id(xdp_multiprog__main_prog(there.get())), xdp_multiprog__xdp_frags_support(there.get()), {}};
    for (xdp_program* p = nullptr; (p = xdp_multiprog__next_prog(p, there.get()));) {
        std::array<char, 128> actions{};
        xdp_program__print_chain_call_actions(p, actions.data(), actions.size());
        dispatcher.programs.push_back(
            {xdp_program__id(p), xdp_program__name(p), xdp_program__run_prio(p), actions.data()});
    }
    return dispatcher;
}

std::string dispatcher_problem()
{
    if (!may_ask())
        return "only root with cap_sys_admin may: programs are found by their ids, and a dispatcher's pins are "
               "everybody's; "
               "run it with sudo";
    const LibxdpMessages said;
    const auto target = load_target();
    if (!target.ok())
        return target.error().message;
    const auto extension = owned<Program>(xdp_program__find_file(kDispatcherObject, "xdp", nullptr));
    if (!extension)
        return object_problem(std::strerror(errno));
    bpf_program *to = nullptr, *p = nullptr;
    bpf_object__for_each_program(p, xdp_program__bpf_obj(extension.get()))
    {
        const bool wanted = !std::strcmp(bpf_program__name(p), kTarget);
        bpf_program__set_autoload(p, wanted);
        to = wanted ? p : to;
    }
    int error = to ? make_extension(to, target.value().get()) : -ENOENT;
    if (!error)
        error = bpf_object__load(xdp_program__bpf_obj(extension.get()));
    if (!error && !UniqueFd(bpf_raw_tracepoint_open(nullptr, bpf_program__fd(to))))
        error = -errno;
    return error ? fmt::format("the kernel cannot replace functions of programs (freplace: 5.10 or later with "
                               "CONFIG_DEBUG_INFO_BTF and CONFIG_BPF_JIT): {}",
                               std::strerror(-error))
                 : "";
}

void DispatcherEntry::Close::operator()(xdp_program* program) const
{
    xdp_program__close(program);
}

DispatcherEntry::DispatcherEntry(const InterfaceInfo& interface, const char* name, unsigned priority, AttachMode mode)
    : interface_(interface), name_(name), priority_(priority), mode_(mode)
{
    if (const std::string problem = dispatcher_problem(); !problem.empty())
        throw StartupError(
            fmt::format("cannot share interface '{}' with other XDP programs: {}", interface.name, problem),
            may_ask() ? ExitCode::kRuntime : ExitCode::kPermission);
    check_room(interface, name);
    modes_for(interface, mode); // refuses a mode that the dispatcher does not have
}

DispatcherEntry::~DispatcherEntry() = default;

int DispatcherEntry::load(bpf_object* object)
{
    const LibxdpMessages said;
    const auto target = load_target();
    if (!target.ok())
        throw StartupError(target.error().message);
    xdp_program_opts options{};
    options.sz = sizeof options;
    options.obj = object;
    options.prog_name = name_.c_str();
    program_.reset(owned<Program>(xdp_program__create(&options)).release());
    if (!program_)
        throw StartupError(fmt::format("libxdp does not take program '{}': {}{}", name_, std::strerror(errno),
                                       LibxdpMessages::text()));
    xdp_program__set_run_prio(program_.get(), priority_);
    for (unsigned action = XDP_ABORTED; action <= XDP_REDIRECT; action++)
        xdp_program__set_chain_call_enabled(program_.get(), action, action == XDP_PASS);
    // Without the flag a dispatcher that holds this program takes no jumbo frames. libbpf sets it too late for libxdp
    // to see.
    xdp_program__set_xdp_frags_support(program_.get(), true);
    if (const int error = make_extension(bpf_object__find_program_by_name(object, name_.c_str()), target.value().get());
        error)
        throw StartupError(fmt::format("cannot make program '{}' an extension: {}", name_, std::strerror(-error)));
    // libxdp loads a program when it attaches or when it tests it, and only the latter leaves time to pin it before a
    // packet passes through it. Test-run refuses a frame of no bytes, so none is counted.
    bpf_test_run_opts none{};
    none.sz = sizeof none;
    const int error = xdp_program__test_run(program_.get(), &none, 0);
    return xdp_program__fd(program_.get()) >= 0 ? 0 : error;
}

AttachMode DispatcherEntry::join()
{
    const LibxdpMessages said;
    std::string reasons;
    const int index = static_cast<int>(interface_.index);
    for (const xdp_attach_mode one : modes_for(interface_, mode_)) {
        int error = xdp_program__attach(program_.get(), index, one, 0);
        for (int tries = 1; is_passing(error) && tries < kTries; tries++) {
            usleep(kTryAgainUs);
            error = xdp_program__attach(program_.get(), index, one, 0);
        }
        if (!error && !is_dispatched(interface_.index, xdp_program__id(program_.get()))) {
            xdp_program__detach(program_.get(), index, one, 0);
            throw StartupError(fmt::format("libxdp put the program on interface '{}' alone, not into a dispatcher (is "
                                           "LIBXDP_SKIP_DISPATCHER set?){}",
                                           interface_.name, LibxdpMessages::text()));
        }
        if (!error)
            return one == XDP_MODE_NATIVE ? AttachMode::kNative : AttachMode::kGeneric;
        reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", name_of(one), std::strerror(-error));
    }
    throw StartupError(fmt::format("cannot attach to interface '{}' through libxdp's dispatcher: {}{}", interface_.name,
                                   reasons, LibxdpMessages::text()));
}

Result<void> leave_dispatcher(unsigned interface_index, int program_fd)
{
    const std::uint32_t id = id_of(program_fd);
    const LibxdpMessages said;
    const int index = static_cast<int>(interface_index);
    int error = 0;
    bool was_there = false;
    for (int tries = 0; tries < kTries && is_dispatched(interface_index, id); tries++) {
        if (tries)
            usleep(kTryAgainUs);
        was_there = true;
        const auto program = owned<Program>(xdp_program__from_fd(program_fd));
        error = program ? xdp_program__detach(program.get(), index, xdp_program__is_attached(program.get(), index), 0)
                        : -errno;
    }
    if (is_dispatched(interface_index, id))
        return Error{fmt::format("cannot take program {} out of the dispatcher of interface {}: {}{}; it goes on "
                                 "counting: xdp-loader unload IFACE --id {}",
                                 id, interface_index, std::strerror(-error), LibxdpMessages::text(), id)};
    // libxdp unpins the dispatcher that it replaces, but nobody unpins one that lost its interface: do it here.
    if (!was_there)
        remove_places(id);
    wait_for_running_programs();
    return {};
}

bool is_extension(int program_fd)
{
    return info_of(program_fd).type == BPF_PROG_TYPE_EXT;
}

bool is_dispatched(unsigned interface_index, std::uint32_t program_id)
{
    // A new dispatcher is pinned before it is swapped in, the old one is unpinned after that: the pins of the one on
    // the interface are there unless it was replaced between our two looks.
    for (std::uint32_t on = program_on(interface_index), before = 0; on && on != before;
         before = on, on = program_on(interface_index))
        if (find_in(fmt::format("{}/dispatch-{}-{}", pin_root(), interface_index, on), program_id))
            return true;
    return false;
}

std::optional<unsigned> dispatched_to(std::uint32_t program_id)
{
    const std::vector<Place> places = places_of(program_id);
    return places.empty() ? std::nullopt : std::optional(places.back().interface_index);
}

} // namespace flowxdp
