// SPDX-License-Identifier: BSD-2-Clause
// text_buffer.h - text that grows at its end and is written through a pointer.
//
// A std::string would clear new room before it is written, and update its length for every cell. Here a writer asks for
// room once, writes, and says where it stopped.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace flowxdp {

class TextBuffer {
  public:
    TextBuffer() = default;
    // Begins in the caller's memory, which must outlive it: no allocation for short texts.
    TextBuffer(char* memory, std::size_t bytes) : text_(memory), capacity_(bytes) {}
    TextBuffer(const TextBuffer&) = delete;
    TextBuffer& operator=(const TextBuffer&) = delete;

    [[nodiscard]] std::size_t size() const { return used_; }
    [[nodiscard]] const char* data() const { return text_; }
    [[nodiscard]] std::string_view view() const { return {text_, used_}; }
    void clear() { used_ = 0; }
    // Both in memory of their own.
    void swap(TextBuffer& other) noexcept
    {
        std::swap(own_, other.own_);
        std::swap(text_, other.text_);
        std::swap(used_, other.used_);
        std::swap(capacity_, other.capacity_);
    }
    // Keeps a part of the text alone.
    void keep(std::size_t from, std::size_t bytes)
    {
        std::memmove(text_, text_ + from, bytes);
        used_ = bytes;
    }

    // The end of the text, with room for `bytes` after it. end() makes the bytes written there part of the text.
    char* room(std::size_t bytes)
    {
        if (capacity_ - used_ < bytes) [[unlikely]]
            grow(bytes);
        return text_ + used_;
    }
    void end(const char* at) { used_ = static_cast<std::size_t>(at - text_); }
    // The text ends at `at`; makes room for `bytes` more.
    char* more(const char* at, std::size_t bytes)
    {
        end(at);
        return room(bytes);
    }
    void append(std::string_view text)
    {
        if (text.empty())
            return;
        std::memcpy(room(text.size()), text.data(), text.size());
        used_ += text.size();
    }

  private:
    void grow(std::size_t bytes)
    {
        const std::size_t capacity = 2 * capacity_ + bytes;
        std::unique_ptr<char[]> larger(new char[capacity]); // not make_unique, which would clear it
        if (used_)
            std::memcpy(larger.get(), text_, used_);
        own_ = std::move(larger);
        text_ = own_.get();
        capacity_ = capacity;
    }

    std::unique_ptr<char[]> own_;
    char* text_ = nullptr;
    std::size_t used_ = 0, capacity_ = 0;
};

} // namespace flowxdp
