// SPDX-License-Identifier: BSD-2-Clause
// flow_table_sql.h - the statements that make a table for rows and fill it.
//
// A table has sensor, boot and day before the run's columns. It is partitioned by day, and (sensor, boot, flowInd, dir,
// day) is unique: a row that comes again is left out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flowxdp/row_view.hpp"

namespace flowxdp {

class FlowTableSql {
  public:
    // table: a name, or "schema.name". Packet rows have a key of their own: sensor, boot, their number, day. Error:
    // the columns that are a row's key are not there.
    static Result<FlowTableSql> of(const std::string& table, const Schema& schema, bool packets);

    // Makes what is missing: table, key, default partition, columns.
    [[nodiscard]] const std::vector<std::string>& make_table() const { return make_table_; }
    [[nodiscard]] std::string make_partition(std::int64_t day) const;
    // Before and after the rows of a transaction.
    [[nodiscard]] const std::string& make_staging() const { return make_staging_; }
    [[nodiscard]] const std::string& copy() const { return copy_; }
    [[nodiscard]] const std::string& take_over() const { return take_over_; }

  private:
    std::string schema_, name_; // schema: quoted with a dot, or empty
    std::vector<std::string> make_table_;
    std::string make_staging_, copy_, take_over_;
};

} // namespace flowxdp
