// SPDX-License-Identifier: BSD-2-Clause
// random_capture.h - captures that no network would send: real and hand-built frames, bent, cut, spliced and lied
// about, at times that jump. Everything follows from a seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "support/pcap_file.h"

namespace flowxdp::test {

struct RandomFrame {
    Bytes data;
    std::uint32_t wire_len = 0; // as the file claims: may be below or above the truth
    std::uint64_t ts_ns = 0;
    std::uint16_t link_type = 1; // LINKTYPE_
};

class RandomCapture {
  public:
    // pool: the frames to start from, at least one.
    RandomCapture(std::uint64_t seed, const std::vector<RandomFrame>* pool) : random_(seed), pool_(pool) {}

    // So many frames of one capture; the next call goes on with the same generator at another time.
    std::vector<RandomFrame> frames(std::size_t n);

  private:
    std::uint64_t below(std::uint64_t n) { return n ? random_() % n : 0; } // the same numbers from every library
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    const RandomFrame& any() { return (*pool_)[below(pool_->size())]; }
    void bend(Bytes* data);
    void step_time();

    std::mt19937_64 random_;
    const std::vector<RandomFrame>* pool_;
    std::uint64_t now_ns_ = 0;
};

// The frames of the captures among these files, at most `most` of each, behind one for each encapsulation that the
// parser's tests know. Files that are no captures are left out.
std::vector<RandomFrame> random_capture_pool(const std::vector<std::string>& files, std::size_t most);

// A pcapng file with one interface for each link type, in nanoseconds.
Bytes pcapng_of(const std::vector<RandomFrame>& frames);

} // namespace flowxdp::test
