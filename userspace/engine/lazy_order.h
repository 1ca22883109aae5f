// SPDX-License-Identifier: BSD-2-Clause
// lazy_order.h - elements in order, sorted as they are asked for: who uses the first ones need not wait for the rest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace flowxdp {

// T has operator<.
template <typename T>
class LazyOrder {
  public:
    explicit LazyOrder(std::vector<T> elements) : elements_(std::move(elements)), ends_{elements_.size()} {}

    [[nodiscard]] std::size_t size() const { return elements_.size(); }
    // The i-th smallest.
    const T& operator[](std::size_t i)
    {
        while (i >= sorted_)
            sort_more();
        return elements_[i];
    }

  private:
    static constexpr std::size_t kBlock = 1024; // sorted at once

    // Elements before ends_.back() are smaller than those from there on; the same holds for each end before it.
    void sort_more()
    {
        const auto at = [this](std::size_t i) { return elements_.begin() + static_cast<std::ptrdiff_t>(i); };
        while (ends_.back() - sorted_ > kBlock) {
            const std::size_t half = sorted_ + (ends_.back() - sorted_) / 2;
            std::nth_element(at(sorted_), at(half), at(ends_.back()));
            ends_.push_back(half);
        }
        std::sort(at(sorted_), at(ends_.back()));
        sorted_ = ends_.back();
        ends_.pop_back();
    }

    std::vector<T> elements_;
    std::size_t sorted_ = 0;
    std::vector<std::size_t> ends_;
};

} // namespace flowxdp
