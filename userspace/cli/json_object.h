// SPDX-License-Identifier: BSD-2-Clause
// json_object.h - a JSON object (RFC 8259) put together name by name, for the commands' --json.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "row/json_text.h"

namespace flowxdp {

class JsonObject {
  public:
    JsonObject& add(std::string_view name, std::string_view text)
    {
        key(name);
        append_json_string(text, &text_);
        return *this;
    }
    JsonObject& add(std::string_view name, const char* text) { return add(name, std::string_view(text)); }
    JsonObject& add(std::string_view name, bool value) { return add_raw(name, value ? "true" : "false"); }
    JsonObject& add(std::string_view name, std::integral auto value) { return add_raw(name, fmt::format("{}", value)); }
    JsonObject& add(std::string_view name, double value)
    {
        key(name);
        append_json_float(value, &text_);
        return *this;
    }
    // Text that is JSON already.
    JsonObject& add_raw(std::string_view name, std::string_view json)
    {
        key(name);
        text_ += json;
        return *this;
    }
    JsonObject& add(std::string_view name, const std::vector<std::string>& list_of_json)
    {
        return add_raw(name, list(list_of_json));
    }

    [[nodiscard]] std::string text() const { return "{" + text_ + "}"; }
    static std::string list(const std::vector<std::string>& elements)
    {
        std::string out = "[";
        for (const std::string& element : elements)
            out += (out.size() > 1 ? "," : "") + element;
        return out + "]";
    }

  private:
    void key(std::string_view name)
    {
        if (!text_.empty())
            text_ += ',';
        append_json_string(name, &text_);
        text_ += ':';
    }
    std::string text_;
};

} // namespace flowxdp
