// A digest of texts that is the same in every build, which std::hash does not guarantee.
#pragma once

#include <cstdint>
#include <string_view>

namespace quintain::core {

/// FNV-1a, 64 bits (G. Fowler, L. C. Noll and K.-P. Vo, the FNV hash). Tells changed files from
/// unchanged ones; it does not resist somebody who wants two texts to be equal.
class TextDigest {
 public:
  /// Continues with a text. Its end counts: "ab", "c" and "a", "bc" have different digests.
  void add(std::string_view text) {
    add_bytes(text);
    add_bytes("\x1f");
  }

  /// Continues with a part of a text.
  void add_bytes(std::string_view bytes) {
    for (const char c : bytes) {
      value_ ^= static_cast<unsigned char>(c);
      value_ *= 0x100000001b3;
    }
  }

  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace quintain::core
