// SPDX-License-Identifier: BSD-2-Clause
// row_server.h - batches of rows of one table, a block each.
#pragma once

#include "connection.h"
#include "sink/batch/batch_sender.h"
#include "table_sql.h"

namespace flowxdp {

class ClickhouseRowServer final : public BatchServer {
  public:
    // connection must outlive this object. make: the table and its columns are made when they are missing.
    ClickhouseRowServer(ClickhouseConnection* connection, ClickhouseTableSql sql, bool make);

    Attempt deliver(const RowSlice& slice, std::chrono::milliseconds at_most) override;

  private:
    Attempt begin();

    ClickhouseConnection* connection_;
    ClickhouseTableSql sql_;
    bool make_;
    bool begun_ = false;
    bool knows_async_insert_ = false;
};

} // namespace flowxdp
