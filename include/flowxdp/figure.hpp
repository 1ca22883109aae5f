// SPDX-License-Identifier: BSD-2-Clause
// figure.hpp - the C++ layer over a plugin's figures (fx_figure in plugin.h): declared once, counted by their handles.
//
//     struct MyFigures : flowxdp::FigureSet {
//         Counter questions{this, {.name = "questions", .help = "DNS messages that ask"}};
//     };
//     constexpr MyFigures kFigures;
//     ...
//     flowxdp::FigureValues values_{kFigures}; // a member of the plugin
//     values_.add(kFigures.questions);
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "flowxdp/plugin.h"

namespace flowxdp {

// The description of a figure, beside its kind.
struct FigureText {
    const char* name; // lower case, digits and _; without the plugin's name
    const char* help;
};

// The figures of a plugin, in their order: a struct that derives from it and whose members are figures. At most kMost.
class FigureSet {
  public:
    static constexpr std::size_t kMost = 32;

    [[nodiscard]] constexpr std::span<const fx_figure> all() const { return {figures_, count_}; }

    // One figure of a set. A counter only grows; a gauge is a value of this moment.
    template <fx_figure_kind Kind>
    class FigureOf {
      public:
        constexpr FigureOf(FigureSet* set, const FigureText& text) : index_(set->add(Kind, text)) {}
        [[nodiscard]] constexpr std::size_t index() const { return index_; }

      private:
        std::size_t index_;
    };
    using Counter = FigureOf<FX_FIGURE_COUNTER>;
    using Gauge = FigureOf<FX_FIGURE_GAUGE>;

  private:
    constexpr std::size_t add(fx_figure_kind kind, const FigureText& text)
    {
        if (count_ == kMost)
            throw "more figures than FigureSet::kMost";
        figures_[count_] = {text.name, text.help, static_cast<std::uint32_t>(kind)};
        return count_++;
    }

    fx_figure figures_[kMost] = {};
    std::size_t count_ = 0;
};

// The values of a set. The plugin's thread writes them, any thread may read them.
class FigureValues {
  public:
    explicit FigureValues(const FigureSet& set) { (void)set; }

    void add(const FigureSet::Counter& figure, std::uint64_t n = 1)
    {
        const std::atomic_ref value(values_[figure.index()]);
        value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); // one writer: no locked add
    }
    void set(const FigureSet::Gauge& figure, std::uint64_t n)
    {
        std::atomic_ref(values_[figure.index()]).store(n, std::memory_order_relaxed);
    }
    // As the plugin's own thread sees it.
    template <fx_figure_kind Kind>
    [[nodiscard]] std::uint64_t operator[](const FigureSet::FigureOf<Kind>& figure) const
    {
        return values_[figure.index()];
    }
    [[nodiscard]] const std::uint64_t* all() const { return values_.data(); }

  private:
    std::array<std::uint64_t, FigureSet::kMost> values_{};
};

} // namespace flowxdp
