// SPDX-License-Identifier: BSD-2-Clause
#include "query/flow_list.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/output_file.h"

namespace flowxdp::query {

Result<void> FlowList::write(const std::string& path)
{
    std::ranges::sort(flows_);
    flows_.erase(std::unique(flows_.begin(), flows_.end()), flows_.end()); // clang 14 lacks ranges::unique
    std::string text = "# flowInd\n";
    for (std::size_t i = 0; i < flows_.size();) {
        std::size_t last = i;
        while (last + 1 < flows_.size() && flows_[last + 1] == flows_[last] + 1)
            last++;
        text += last == i ? fmt::format("{}\n", flows_[i]) : fmt::format("{}-{}\n", flows_[i], flows_[last]);
        i = last + 1;
    }
    auto file = open_empty_output(path);
    if (!file.ok())
        return Error{fmt::format("{}: cannot create the file: {}", path, file.error().message)};
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t n = ::write(file->get(), text.data() + done, text.size() - done);
        if (n < 0 && errno != EINTR)
            return Error{fmt::format("{}: cannot write: {}", path, std::strerror(errno))};
        done += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    return {};
}

} // namespace flowxdp::query
