// SPDX-License-Identifier: BSD-2-Clause
// row_pool.h - reuses batches: a new one costs page faults for every row in it.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "row/row_batch.h"

namespace flowxdp {

class RowPool {
  public:
    explicit RowPool(std::shared_ptr<const Schema> schema) : shared_(std::make_shared<Shared>(std::move(schema))) {}

    // An empty batch. It returns to the pool when the last sink releases it, on that sink's thread; the pool may be
    // destroyed by then.
    std::shared_ptr<RowBatch> take()
    {
        std::unique_ptr<RowBatch> batch;
        {
            const std::lock_guard lock(shared_->mutex);
            if (!shared_->spare.empty()) {
                batch = std::move(shared_->spare.back());
                shared_->spare.pop_back();
            }
        }
        if (!batch)
            batch = std::make_unique<RowBatch>(shared_->schema);
        return {batch.release(), [shared = shared_](RowBatch* b) {
                    std::unique_ptr<RowBatch> back(b);
                    back->clear();
                    const std::lock_guard lock(shared->mutex);
                    if (shared->spare.size() < kSpare)
                        shared->spare.push_back(std::move(back));
                }};
    }

  private:
    static constexpr std::size_t kSpare = 64;

    struct Shared {
        explicit Shared(std::shared_ptr<const Schema> s) : schema(std::move(s)) {}
        std::shared_ptr<const Schema> schema;
        std::mutex mutex;
        std::vector<std::unique_ptr<RowBatch>> spare;
    };
    std::shared_ptr<Shared> shared_;
};

} // namespace flowxdp
