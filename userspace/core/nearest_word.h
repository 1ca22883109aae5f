// SPDX-License-Identifier: BSD-2-Clause
// nearest_word.h - what a user may have meant by a word that is not known.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flowxdp {

namespace nearest_word_detail {

// Case and word separators do not count: "idleTimeout" is "idle_timeout".
inline std::string letters_of(std::string_view word)
{
    std::string out;
    for (const char c : word)
        if (c != '_' && c != '-')
            out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

// The number of insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
inline std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> two_before(b.size() + 1);
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> now(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); j++)
        before[j] = j;
    for (std::size_t i = 1; i <= a.size(); i++) {
        now[0] = i;
        for (std::size_t j = 1; j <= b.size(); j++) {
            now[j] = std::min({before[j] + 1, now[j - 1] + 1, before[j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = std::min(now[j], two_before[j - 2] + 1);
        }
        std::swap(two_before, before);
        std::swap(before, now);
    }
    return before[b.size()];
}

} // namespace nearest_word_detail

// The nearest known word: a third of its letters may differ, or it begins with the word. Nothing if there is none.
inline std::optional<std::string> nearest_word(std::string_view word, std::span<const std::string> known)
{
    constexpr std::size_t kLongest = 64; // longer words match none of ours
    if (word.size() > kLongest)
        return std::nullopt;
    const std::string letters = nearest_word_detail::letters_of(word);
    std::optional<std::string> nearest;
    std::size_t least = kLongest;
    for (const std::string& candidate : known) {
        const std::string other = nearest_word_detail::letters_of(candidate);
        std::size_t distance = nearest_word_detail::distance(letters, other);
        if (letters.size() >= 3 && other.starts_with(letters))
            distance = std::min<std::size_t>(distance, 1);
        if (distance < least && distance <= std::max<std::size_t>(other.size() / 3, other.size() > 1 ? 1 : 0)) {
            least = distance;
            nearest = candidate;
        }
    }
    return nearest;
}

// "; did you mean 'x'?" or nothing.
inline std::string did_you_mean(std::string_view word, std::span<const std::string> known)
{
    const auto nearest = nearest_word(word, known);
    return nearest ? "; did you mean '" + *nearest + "'?" : "";
}

// "; did you mean 'x'? There are: a, b, c", "; there are: a, b, c".
inline std::string known_words(std::string_view word, std::span<const std::string> known)
{
    const std::string meant = did_you_mean(word, known);
    std::string all;
    for (const std::string& k : known)
        all += (all.empty() ? "" : ", ") + k;
    return meant + (meant.empty() ? "; there " : " There ") + "are: " + (all.empty() ? "none" : all);
}

} // namespace flowxdp
