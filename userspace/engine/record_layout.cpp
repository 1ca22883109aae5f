// SPDX-License-Identifier: BSD-2-Clause
#include "record_layout.h"

#include <bpf/btf.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "core/fnv.h"

namespace flowxdp {
namespace {

class LayoutHash {
  public:
    explicit LayoutHash(const btf* types) : types_(types) {}

    // Types that only rename or qualify another one (typedef, volatile) have no layout of their own.
    void add_type(std::uint32_t id, int depth = 0)
    {
        if (depth > kDepth) // a type that holds itself: no compiler writes that
            return add(0);
        const std::int64_t bare = btf__resolve_type(types_, id);
        const btf_type* type = bare < 0 ? nullptr : btf__type_by_id(types_, static_cast<std::uint32_t>(bare));
        if (!type)
            return add(0);
        add(btf_kind(type));
        switch (btf_kind(type)) {
        case BTF_KIND_INT:
            add(type->size);
            add(btf_int_encoding(type));
            break;
        case BTF_KIND_ARRAY:
            add(btf_array(type)->nelems);
            add_type(btf_array(type)->type, depth + 1);
            break;
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
            add(type->size);
            for (std::uint32_t i = 0; i < btf_vlen(type); i++) {
                const btf_member& member = btf_members(type)[i];
                add(name(member.name_off));
                add(btf_member_bit_offset(type, i));
                add_type(member.type, depth + 1);
            }
            break;
        case BTF_KIND_ENUM:
            add(type->size);
            for (std::uint32_t i = 0; i < btf_vlen(type); i++) {
                add(name(btf_enum(type)[i].name_off));
                add(static_cast<std::uint32_t>(btf_enum(type)[i].val));
            }
            break;
        default: // shared data has no pointers and no functions
            add(type->size);
            break;
        }
    }
    [[nodiscard]] std::uint64_t value() const { return hash_.value(); }

  private:
    static constexpr int kDepth = 16;

    [[nodiscard]] std::string_view name(std::uint32_t offset) const
    {
        const char* text = btf__name_by_offset(types_, offset);
        return text ? text : "";
    }
    void add(std::string_view text) { hash_.add(text).add("", 1); } // with its zero byte
    void add(std::uint64_t number) { hash_.add(number); }

    const btf* types_;
    Fnv1a hash_;
};

} // namespace

Result<std::uint64_t> record_layout_id(const btf* types)
{
    const std::int32_t root = types ? btf__find_by_name_kind(types, "bundle_layout", BTF_KIND_UNION) : -ENOENT;
    if (root < 0)
        return Error{"it does not describe the layout of its records"};
    LayoutHash hash(types);
    hash.add_type(static_cast<std::uint32_t>(root));
    return hash.value();
}

Result<std::uint64_t> record_layout_id_of(const std::string& object)
{
    btf* types = btf__parse(object.c_str(), nullptr);
    const int error = types ? 0 : errno;
    const std::unique_ptr<btf, void (*)(btf*)> owner(types, btf__free);
    if (!types)
        return Error{fmt::format("cannot read the type information of '{}': {}", object, std::strerror(error))};
    auto id = record_layout_id(types);
    if (!id.ok())
        return Error{fmt::format("'{}' is not the BPF object of a bundle: {}", object, id.error().message)};
    return id;
}

std::string layout_id_text(std::uint64_t id)
{
    return fmt::format("/* Generated from the BPF object. */\n#define BUNDLE_LAYOUT_ID 0x{:016x}ULL\n", id);
}

} // namespace flowxdp
