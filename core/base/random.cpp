#include "core/base/random.h"

#include <Random123/philox.h>

namespace quintain::core {

std::uint64_t RandomStream::next(std::uint64_t seed) {
  // The counter's 128 bits hold 64 bits of position and 64 bits of name and entity mixed.
  const std::uint64_t stream = name_ ^ (entity_ * 0x9e3779b97f4a7c15);
  const std::uint64_t position = position_++;
  const r123::Philox4x32 generator;
  const r123::Philox4x32::ctr_type counter = {
      {static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32),
       static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)}};
  const r123::Philox4x32::ukey_type key = {
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  const r123::Philox4x32::ctr_type block = generator(counter, key);
  return block[0] | static_cast<std::uint64_t>(block[1]) << 32;
}

}  // namespace quintain::core
