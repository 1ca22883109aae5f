// SPDX-License-Identifier: BSD-2-Clause
// text_pool.h - texts of several kinds in few bytes of flow memory, and short lists of numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <string_view>

namespace flowxdp {

enum class Added {
    kWhole, // or it is there already
    kCut,   // longer than a text may be: its front is there
    kFull,  // the pool or its kind's list has no room: it is not there
};

// Texts behind one another, each with its kind and length. Lies in flow memory: plain bytes, zero at first.
template <std::size_t Capacity>
struct TextPool {
    static constexpr std::size_t kMostTexts = 20;  // of a kind
    static constexpr std::size_t kMostBytes = 255; // of a text

    std::uint16_t used;
    std::uint8_t bytes[Capacity - sizeof(std::uint16_t)];

    // Adds the text, at most its first most bytes, unless its kind has it already.
    Added add(std::uint8_t kind, std::string_view text, std::size_t most = kMostBytes)
    {
        const std::string_view kept = text.substr(0, std::min(most, kMostBytes));
        const Added result = kept.size() == text.size() ? Added::kWhole : Added::kCut;
        std::size_t texts = 0;
        bool known = false;
        each(kind, [&](std::string_view old) {
            texts++;
            known = known || old == kept;
        });
        if (known)
            return result;
        if (texts == kMostTexts || used + 2 + kept.size() > sizeof bytes)
            return Added::kFull;
        bytes[used] = kind;
        bytes[used + 1] = static_cast<std::uint8_t>(kept.size());
        if (!kept.empty())
            std::memcpy(bytes + used + 2, kept.data(), kept.size());
        used = static_cast<std::uint16_t>(used + 2 + kept.size());
        return result;
    }

    // Calls with each text of a kind, in the order in which they came.
    template <typename Call>
    void each(std::uint8_t kind, Call call) const
    {
        for (std::size_t i = 0; i < used; i += 2u + bytes[i + 1])
            if (bytes[i] == kind)
                call(std::string_view(reinterpret_cast<const char*>(bytes) + i + 2, bytes[i + 1]));
    }
};

// Distinct numbers in the order in which they came. Lies in flow memory: plain bytes, zero at first.
template <typename T, std::size_t Most>
struct NumberList {
    T count;
    T values[Most];

    // Returns false when the number is new and there is no room for it.
    bool add(T value)
    {
        if (std::find(values, values + count, value) != values + count)
            return true;
        if (count == Most)
            return false;
        values[count++] = value;
        return true;
    }
};

// The texts of one kind as a row's list cell takes them.
class TextList {
  public:
    template <std::size_t Capacity>
    TextList(const TextPool<Capacity>& pool, std::uint8_t kind)
    {
        pool.each(kind, [this](std::string_view text) {
            if (count_ < std::size(texts_))
                texts_[count_++] = text;
        });
    }
    [[nodiscard]] std::span<const std::string_view> all() const { return {texts_, count_}; }
    [[nodiscard]] std::string_view first() const { return count_ ? texts_[0] : std::string_view(); }

  private:
    std::string_view texts_[20];
    std::size_t count_ = 0;
};

} // namespace flowxdp
