// SPDX-License-Identifier: BSD-2-Clause
// row_server.h - batches of rows of one table, a transaction each.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "connection.h"
#include "flow_table_sql.h"
#include "sink/batch/batch_sender.h"

namespace flowxdp {

class PostgresRowServer final : public BatchServer {
  public:
    // most_days: partitions that a run may make; rows of further days go to the default partition. make: nothing is
    // made, the table is there as it has to be.
    PostgresRowServer(PostgresConnection* connection, FlowTableSql sql, bool make, std::size_t most_days);

    Attempt deliver(const RowSlice& slice, std::chrono::milliseconds at_most) override;

  private:
    std::optional<SqlError> begin();
    std::optional<SqlError> make_partitions(const RowSlice& slice);
    std::optional<SqlError> transact(const RowSlice& slice);

    PostgresConnection* connection_;
    FlowTableSql sql_;
    bool make_;
    std::size_t most_days_;
    bool made_ = false;
    std::set<std::int64_t> days_; // with a partition, or left to the default one
};

} // namespace flowxdp
