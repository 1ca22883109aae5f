// SPDX-License-Identifier: BSD-2-Clause
// byte_source.h - where the bytes of a capture come from: a file, a pipe, memory.
//
// The border between reading and parsing: the code above works on any ByteSource, so the fuzzer and the tests feed
// memory through the code that reads files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace flowxdp {

enum class SourceEnd {
    kNone,    // there may be more
    kEnd,     // the input ends here; a growing file may give more later
    kCut,     // as kEnd, but in the middle of compressed data
    kStopped, // the user asked to stop while waiting
    kFailed,  // reading failed
};

struct SourceRead {
    std::size_t bytes = 0; // 0 if and only if end is not kNone
    SourceEnd end = SourceEnd::kNone;
    std::string reason; // of kCut and kFailed: a clause, e.g. "read failed: Input/output error"
};

// One thread uses it.
class ByteSource {
  public:
    virtual ~ByteSource() = default;
    // Reads at least one byte into out (not empty), or says why not. May be called again after kEnd and kCut.
    virtual SourceRead read(std::span<std::uint8_t> out) = 0;
    // Bytes taken from the file itself, as on disk.
    [[nodiscard]] virtual std::uint64_t raw_bytes() const = 0;
};

// How to wait for a pipe.
struct WaitOptions {
    std::uint32_t poll_ms = 250;
    std::function<bool()> stop; // empty = wait for ever
};

// A file, pipe, FIFO or stdin ("-").
class FileSource final : public ByteSource {
  public:
    // Error: the reason as a clause ("No such file or directory", "it is a directory"), without the file's name.
    static Result<std::unique_ptr<FileSource>> open(const std::string& path, const WaitOptions& wait);

    SourceRead read(std::span<std::uint8_t> out) override;
    [[nodiscard]] std::uint64_t raw_bytes() const override { return raw_bytes_; }
    // Size on disk when it was opened; 0 for a pipe.
    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
    [[nodiscard]] bool regular() const { return regular_; }

  private:
    FileSource(UniqueFd fd, bool regular, std::uint64_t size_bytes, WaitOptions wait);
    // True when bytes (or the end) can be read, false when the user asked to stop.
    Result<bool> wait_readable();

    UniqueFd fd_;
    bool regular_;
    std::uint64_t size_bytes_;
    std::uint64_t raw_bytes_ = 0;
    WaitOptions wait_;
};

// Bytes in memory, given out in pieces of at most `piece` bytes. The memory must outlive the source.
class MemorySource final : public ByteSource {
  public:
    explicit MemorySource(std::span<const std::uint8_t> bytes, std::size_t piece = SIZE_MAX)
        : bytes_(bytes), piece_(piece)
    {
    }
    SourceRead read(std::span<std::uint8_t> out) override;
    [[nodiscard]] std::uint64_t raw_bytes() const override { return at_; }

  private:
    std::span<const std::uint8_t> bytes_;
    std::size_t piece_;
    std::size_t at_ = 0;
};

} // namespace flowxdp
