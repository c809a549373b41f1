// Logarithms and powers that are the same on every machine.
#pragma once

#include <bit>
#include <cstdint>

namespace quintain::core::eta {

/// The binary logarithm of a positive normal number, to about 1e-5.
///
/// Sums and products only: the C library's own functions may differ in the last bit between
/// processors, and an ETA must not. The mantissa m in [1, 2) is brought near 1 and the logarithm
/// taken by the series of artanh((m - 1) / (m + 1)).
constexpr float log2_of(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  auto exponent = static_cast<int>(bits >> 23) - 127;
  auto mantissa = std::bit_cast<float>((bits & 0x007fffffU) | 0x3f800000U);
  if (mantissa > 1.41421356F) {
    mantissa *= 0.5F;
    ++exponent;
  }
  const float t = (mantissa - 1) / (mantissa + 1);
  const float t2 = t * t;
  // 2 / ln 2 = 2.885390...
  const float series = 2.8853900F * t * (1 + t2 * (1.0F / 3 + t2 * (1.0F / 5 + t2 / 7)));
  return static_cast<float>(exponent) + series;
}

/// 2^x to about 1e-6 relative. Outside (-126, 127), the value at the edge.
constexpr float exp2_of(float x) {
  if (x < -125) x = -125;
  if (x > 126) x = 126;
  auto whole = static_cast<int>(x);
  if (static_cast<float>(whole) > x) --whole;
  // e^y by its power series, for y = (x - whole - 1/2) ln 2, |y| < 0.35.
  const float y = (x - static_cast<float>(whole) - 0.5F) * 0.69314718F;
  const float power =
      1 + y * (1 + y * (0.5F + y * (1.0F / 6 + y * (1.0F / 24 + y * (1.0F / 120 + y / 720)))));
  const auto scale = std::bit_cast<float>(static_cast<std::uint32_t>(whole + 127) << 23);
  return scale * 1.41421356F * power;
}

}  // namespace quintain::core::eta
