// SPDX-License-Identifier: BSD-2-Clause
// row_origin.h - the part of a row's key that is no column: the sensor that numbered its flow.
//
// flowInd is unique within (sensor, boot). A receiver that gets rows at least once finds duplicates by (sensor, boot,
// flowInd, dir).
#pragma once

#include <string>

#include <fmt/format.h>

#include "flowxdp/sink.hpp"

namespace flowxdp {

class RowOrigin {
  public:
    explicit RowOrigin(const SinkContext& context)
        : names_("sensor\tboot\t"), cells_(fmt::format("{}\t0x{:016x}\t", context.sensor_id, context.boot)),
          members_(fmt::format("\"sensor\":{},\"boot\":\"0x{:016x}\",", context.sensor_id, context.boot))
    {
    }
    [[nodiscard]] const std::string& text_names() const { return names_; }
    [[nodiscard]] const std::string& text_cells() const { return cells_; }
    // Inserts the members at the start of the JSON object that begins at `at`.
    void put_members(std::size_t at, std::string* out) const { out->insert(at + 1, members_); }

  private:
    std::string names_, cells_, members_;
};

} // namespace flowxdp
