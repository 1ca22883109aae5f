// SPDX-License-Identifier: BSD-2-Clause
// dispatcher.h - an interface shared with other XDP programs, through libxdp's dispatcher.
//
// The dispatcher is the interface's XDP program. It calls up to ten other programs, low priorities first, as long as
// each returns an action that its place names (ours: XDP_PASS). A program gets its place by replacing one of the
// dispatcher's functions (freplace, BPF_PROG_TYPE_EXT). A process that adds or removes a program builds a new
// dispatcher, attaches all programs to it as well and swaps the two. Our program goes on with the same maps, and a
// frame passes through one of the two dispatchers. So our program lasts, but no link does: links and pins below
// /sys/fs/bpf/xdp are libxdp's and change at every swap.
//
// This needs more than a sensor alone: libxdp's object xdp-dispatcher.o, freplace in the kernel (BTF), and root with
// CAP_SYS_ADMIN at the start and at the end, because libxdp opens other programs by id and all users share the pins of
// a new dispatcher. All functions: any thread, one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "live/interface.h"

struct bpf_object;
struct xdp_program;

namespace flowxdp {

// Low runs first: before libxdp's default (50) and xdp-filter (10), so the sensor sees what they drop.
inline constexpr unsigned kDispatcherPriority = 5;

struct DispatchedProgram {
    std::uint32_t id;
    std::string name;
    unsigned priority;
    std::string goes_on_after; // "XDP_PASS,XDP_DROP": the next program runs after these actions
};
struct Dispatcher {
    std::uint32_t id;
    bool frags;                              // takes frames of several buffers: every program in it does
    std::vector<DispatchedProgram> programs; // in the order in which they run

    // "flowxdp_ingress (id 7, priority 5), ..." for a message.
    [[nodiscard]] std::string text() const;
};

// The dispatcher of an interface; nothing when there is none, or when this user may not read it.
std::optional<Dispatcher> read_dispatcher(const InterfaceInfo& interface);

// Why no program can share an interface here: the kernel, libxdp's object or a capability. Empty when one can. Tries it
// with libxdp's own programs, attached to nothing.
std::string dispatcher_problem();

// Puts a program into the dispatcher of an interface in two steps. A loaded program affects nobody and can be pinned
// before a packet passes through it.
class DispatcherEntry {
  public:
    // mode: as wanted. Throws StartupError with the obstacle and the cure.
    DispatcherEntry(const InterfaceInfo& interface, const char* name, unsigned priority, AttachMode mode);
    ~DispatcherEntry();
    DispatcherEntry(const DispatcherEntry&) = delete;
    DispatcherEntry& operator=(const DispatcherEntry&) = delete;

    // Loads the object that holds the program, which must outlive this. Returns 0 or the negative error number of the
    // load (the verifier's words are in the program's log). Throws StartupError for everything else.
    int load(bpf_object* object);
    // Attaches the program; makes a dispatcher when there is none. Packets pass through the program when this returns.
    // Returns the mode taken. Throws StartupError.
    AttachMode join();

  private:
    struct Close {
        void operator()(xdp_program* program) const;
    };
    InterfaceInfo interface_;
    std::string name_;
    unsigned priority_;
    AttachMode mode_;
    std::unique_ptr<xdp_program, Close> program_; // libxdp's, of the loaded object
};

// Takes a program out; the others stay. No packet is in the program any more when this returns. When its dispatcher is
// no longer on the interface (removed or displaced), its pins are removed. Error: the program is still in it.
Result<void> leave_dispatcher(unsigned interface_index, int program_fd);

// Was a program loaded into a dispatcher (BPF_PROG_TYPE_EXT)? An XDP program of its own has a link instead.
bool is_extension(int program_fd);
// Does a program run in the dispatcher that is on this interface now? Exact also while dispatchers are swapped.
bool is_dispatched(unsigned interface_index, std::uint32_t program_id);
// Index of the interface for whose dispatcher a program is pinned, also when the interface is gone or in another
// namespace.
std::optional<unsigned> dispatched_to(std::uint32_t program_id);

} // namespace flowxdp
