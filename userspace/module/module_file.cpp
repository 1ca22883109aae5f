// SPDX-License-Identifier: BSD-2-Clause
#include "module/module_file.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/unique_fd.h"
#include "module/module_trust.h"

namespace flowxdp {
namespace {

// Parts of a file, all of them checked against its end.
class ElfFile {
  public:
    ElfFile(int fd, std::uint64_t size) : fd_(fd), size_(size) {}

    template <typename T>
    bool read(std::uint64_t at, std::uint64_t count, std::vector<T>* out) const
    {
        constexpr std::uint64_t kMost = 64u << 20; // of one table: a library's are far smaller
        if (count > kMost / sizeof(T) || at > size_ || count * sizeof(T) > size_ - at)
            return false;
        out->resize(count);
        const std::size_t bytes = count * sizeof(T);
        return pread(fd_, out->data(), bytes, static_cast<off_t>(at)) == static_cast<ssize_t>(bytes);
    }

    [[nodiscard]] bool holds(std::uint64_t at, std::uint64_t bytes) const { return at <= size_ && bytes <= size_ - at; }

  private:
    int fd_;
    std::uint64_t size_;
};

// The dynamic symbol that the library defines by this name, of a type (STT_*).
std::optional<Elf64_Sym> find_symbol(const ElfFile& file, const std::vector<Elf64_Shdr>& sections,
                                     std::string_view name, unsigned type)
{
    for (const Elf64_Shdr& table : sections) {
        std::vector<Elf64_Sym> symbols;
        std::vector<char> names;
        if (table.sh_type != SHT_DYNSYM || table.sh_link >= sections.size() ||
            !file.read(table.sh_offset, table.sh_size / sizeof(Elf64_Sym), &symbols))
            continue;
        const Elf64_Shdr& strings = sections[table.sh_link];
        if (!file.read(strings.sh_offset, strings.sh_size, &names))
            continue;
        for (const Elf64_Sym& symbol : symbols)
            if (symbol.st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol.st_info) == type &&
                symbol.st_name < names.size() && names.size() - symbol.st_name > name.size() &&
                std::string_view(names.data() + symbol.st_name, name.size()) == name &&
                names[symbol.st_name + name.size()] == 0)
                return symbol;
    }
    return std::nullopt;
}

// The bytes of a constant as they stand in the file.
bool read_constant(const ElfFile& file, const std::vector<Elf64_Shdr>& sections, const Elf64_Sym& symbol,
                   std::size_t count, std::vector<std::uint32_t>* words)
{
    if (symbol.st_shndx >= sections.size() || symbol.st_size < count * sizeof(std::uint32_t))
        return false;
    const Elf64_Shdr& section = sections[symbol.st_shndx];
    if (section.sh_type != SHT_PROGBITS || (section.sh_flags & SHF_WRITE) || symbol.st_value < section.sh_addr ||
        symbol.st_size > section.sh_size || symbol.st_value - section.sh_addr > section.sh_size - symbol.st_size)
        return false;
    return file.read(section.sh_offset + (symbol.st_value - section.sh_addr), count, words);
}

// Why the file is no library; empty: it is one.
std::string not_a_library(const ElfFile& file, std::vector<Elf64_Shdr>* sections)
{
    std::vector<Elf64_Ehdr> own, other;
    const UniqueFd self(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    struct stat s {};
    if (!file.read(0, 1, &other) || std::memcmp(other[0].e_ident, ELFMAG, SELFMAG) != 0)
        return "it is no shared library";
    if (self && !fstat(self.get(), &s) && ElfFile(self.get(), static_cast<std::uint64_t>(s.st_size)).read(0, 1, &own) &&
        (std::memcmp(own[0].e_ident, other[0].e_ident, EI_VERSION) != 0 || own[0].e_machine != other[0].e_machine))
        return "it was built for another kind of machine";
    if (other[0].e_type != ET_DYN || other[0].e_shentsize != sizeof(Elf64_Shdr) ||
        !file.read(other[0].e_shoff, other[0].e_shnum, sections))
        return "it is no shared library";
    // The file must hold all segments: a page after the file's end is a fault in the library's first constructor.
    std::vector<Elf64_Phdr> segments;
    if (other[0].e_phentsize != sizeof(Elf64_Phdr) || !file.read(other[0].e_phoff, other[0].e_phnum, &segments))
        return "it is no shared library";
    for (const Elf64_Phdr& segment : segments)
        if (segment.p_type == PT_LOAD && !file.holds(segment.p_offset, segment.p_filesz))
            return "it is cut off";
    return "";
}

} // namespace

Result<void> check_module(const std::string& path, const std::string& kind, const char* symbol,
                          const ModuleInterface& interface)
{
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat file {};
    auto refused = [&](const std::string& why) {
        return Error{fmt::format("cannot load {} '{}': {}", kind, path, why)};
    };
    if (!fd || fstat(fd.get(), &file))
        return refused(std::strerror(errno));
    if (!S_ISREG(file.st_mode))
        return refused("it is no file");
    if (has_own_rights())
        if (const std::string problem = write_problem(path, kCodeWouldRun); !problem.empty())
            return refused(problem);
    const ElfFile library(fd.get(), static_cast<std::uint64_t>(file.st_size));
    std::vector<Elf64_Shdr> sections;
    if (const std::string problem = not_a_library(library, &sections); !problem.empty())
        return refused(problem);
    if (!find_symbol(library, sections, symbol, STT_FUNC))
        return Error{fmt::format("'{}' is not a flowxdp {}: it exports no {}()", path, kind, symbol)};
    const auto constant = find_symbol(library, sections, interface.symbol, STT_OBJECT);
    std::vector<std::uint32_t> built_for;
    if (!constant || !read_constant(library, sections, *constant, 2, &built_for))
        return refused(
            fmt::format("it does not say which interface it was built for ({}): rebuild it", interface.symbol));
    if (built_for[0] != interface.version || built_for[1] != interface.size)
        return Error{fmt::format("{} '{}' was built for {} interface {} ({} bytes), this flowxdp has {} ({} bytes): "
                                 "rebuild it",
                                 kind, path, kind, built_for[0], built_for[1], interface.version, interface.size)};
    return {};
}

Result<LoadedModule> load_module(const std::string& path, const std::string& kind, const char* symbol,
                                 const ModuleInterface& interface)
{
    // What is checked is what is loaded: a link on the way could lead elsewhere a moment later.
    std::error_code error;
    const std::string whole = std::filesystem::canonical(path, error);
    if (error)
        return Error{fmt::format("cannot load {} '{}': {}", kind, path, error.message())};
    if (auto checked = check_module(whole, kind, symbol, interface); !checked.ok())
        return checked.error();
    LoadedModule module;
    // It stays in memory: libraries that it brings keep what they make once (libpq, Cyrus SASL, libcurl, libndpi),
    // which would be lost when they are unloaded, and their threads may still end.
    module.handle =
        std::shared_ptr<void>(dlopen(whole.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE), [](void* handle) {
            if (handle)
                dlclose(handle);
        });
    if (!module.handle)
        return Error{fmt::format("cannot load {} '{}': {}", kind, path, dlerror())};
    module.entry = dlsym(module.handle.get(), symbol);
    if (!module.entry)
        return Error{fmt::format("'{}' is not a flowxdp {}: it exports no {}()", path, kind, symbol)};
    return module;
}

std::optional<std::vector<std::uint32_t>> module_constant(const std::string& path, const char* symbol,
                                                          std::size_t words)
{
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat s {};
    if (!fd || fstat(fd.get(), &s) || !S_ISREG(s.st_mode))
        return std::nullopt;
    const ElfFile library(fd.get(), static_cast<std::uint64_t>(s.st_size));
    std::vector<Elf64_Shdr> sections;
    if (!not_a_library(library, &sections).empty())
        return std::nullopt;
    const auto constant = find_symbol(library, sections, symbol, STT_OBJECT);
    std::vector<std::uint32_t> found;
    if (!constant || !read_constant(library, sections, *constant, words, &found))
        return std::nullopt;
    return found;
}

} // namespace flowxdp
