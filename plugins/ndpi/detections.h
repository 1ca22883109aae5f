// SPDX-License-Identifier: BSD-2-Clause
// detections.h - the flows whose protocol is being looked for: a bounded number of them. When there is no place the
// oldest one is let go, and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "ndpi/flow_detection.h"

namespace flowxdp {

// Names a detection in a flow's memory. Plain bytes; all 0: none.
struct DetectionId {
    std::uint32_t place; // from 1
    std::uint32_t use;   // how often the place was taken
    friend bool operator==(const DetectionId&, const DetectionId&) = default;
};

class Detections {
  public:
    explicit Detections(std::size_t most) : most_(most) {}

    DetectionId add(std::unique_ptr<FlowDetection> detection)
    {
        if (free_.empty() && places_.size() == most_) {
            dropped_++;
            free(oldest_first_.front());
        }
        std::uint32_t at;
        if (free_.empty()) {
            at = static_cast<std::uint32_t>(places_.size());
            places_.emplace_back();
        } else {
            at = free_.back();
            free_.pop_back();
        }
        Place& place = places_[at];
        place.detection = std::move(detection);
        place.use++;
        place.in_order = oldest_first_.insert(oldest_first_.end(), at);
        return {at + 1, place.use};
    }
    // NULL: it was let go, or is none.
    [[nodiscard]] FlowDetection* find(const DetectionId& id)
    {
        if (!id.place || id.place > places_.size() || places_[id.place - 1].use != id.use)
            return nullptr;
        return places_[id.place - 1].detection.get();
    }
    void remove(const DetectionId& id)
    {
        if (find(id))
            free(id.place - 1);
    }
    [[nodiscard]] std::size_t size() const { return oldest_first_.size(); }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  private:
    struct Place {
        std::unique_ptr<FlowDetection> detection; // NULL: the place is free
        std::list<std::uint32_t>::iterator in_order;
        std::uint32_t use = 0;
    };

    void free(std::uint32_t at)
    {
        oldest_first_.erase(places_[at].in_order);
        places_[at].detection.reset();
        free_.push_back(at);
    }

    std::size_t most_;
    std::vector<Place> places_;
    std::vector<std::uint32_t> free_;
    std::list<std::uint32_t> oldest_first_;
    std::uint64_t dropped_ = 0;
};

} // namespace flowxdp
