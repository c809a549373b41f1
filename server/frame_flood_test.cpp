#include "server/frame_flood.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace quintain::server {
namespace {

std::string frame(int type, int stream, const std::string& payload, int flags = 0) {
  const auto byte = [](std::size_t value) { return static_cast<char>(value & 0xff); };
  const std::size_t size = payload.size();
  const auto id = static_cast<std::size_t>(stream);
  return {byte(size >> 16),
          byte(size >> 8),
          byte(size),
          byte(static_cast<std::size_t>(type)),
          byte(static_cast<std::size_t>(flags)),
          byte(id >> 24),
          byte(id >> 16),
          byte(id >> 8),
          byte(id)};
}

std::string with_payload(int type, int stream, const std::string& payload) {
  return frame(type, stream, payload) + payload;
}

// What the socket buffer shows begins anywhere, so `skip` bytes are cut off.
std::string repeated(const std::string& frames, std::size_t skip = 0) {
  std::string bytes;
  while (bytes.size() < kFloodSample + skip) bytes += frames;
  return bytes.substr(skip, kFloodSample);
}

constexpr int kData = 0;
constexpr int kHeaders = 1;
constexpr int kReset = 3;
constexpr int kSettings = 4;
constexpr int kPing = 6;
constexpr int kWindowUpdate = 8;
constexpr int kContinuation = 9;

TEST(FrameFlood, RecognizesFramesWithoutContentFromAnyPlace) {
  const std::string floods[] = {
      with_payload(kPing, 0, "12345678"),
      with_payload(kSettings, 0, ""),
      with_payload(kSettings, 0, std::string("\0\3\0\0\0\x64", 6)),
      with_payload(kWindowUpdate, 0, std::string("\0\0\0\1", 4)),
      with_payload(kWindowUpdate, 5, std::string("\0\0\0\1", 4)),
      with_payload(2, 7, std::string("\0\0\0\0\5", 5)),
      with_payload(kReset, 7, std::string("\0\0\0\x8", 4)),
      with_payload(kData, 1, ""),
      with_payload(kContinuation, 1, ""),
      with_payload(0xee, 0, std::string(100, 'x')),
      with_payload(kPing, 0, "12345678") + with_payload(kSettings, 0, ""),
      with_payload(kContinuation, 1, std::string(16384, 'x')),
      with_payload(kContinuation, 1, std::string(500, '\0')),
      // Rapid reset.
      with_payload(kHeaders, 7, std::string(20, '\x82')) +
          with_payload(kReset, 7, std::string("\0\0\0\x8", 4)),
  };
  for (const std::string& flood : floods) {
    for (std::size_t skip = 0; skip < flood.size(); skip += 1 + flood.size() / 100) {
      EXPECT_TRUE(is_frame_flood(repeated(flood, skip)))
          << "type " << static_cast<int>(flood[3]) << ", from byte " << skip;
    }
  }
}

TEST(FrameFlood, SparesCallsAndUploads) {
  const std::string call = with_payload(kHeaders, 7, std::string(20, '\x82')) +
                           with_payload(kData, 7, std::string(60, 'x'));
  const std::string update = with_payload(kWindowUpdate, 0, std::string("\0\0\0\1", 4));
  const std::string traffic[] = {
      call,
      call + update + update,
      with_payload(kHeaders, 7, std::string(20, '\x82')) +
          with_payload(kData, 7, std::string(60, 'x')) +
          with_payload(kReset, 7, std::string("\0\0\0\x8", 4)),
      with_payload(kData, 7, std::string(16384, 'x')),
      with_payload(kData, 7, std::string(16384, '\0')),
      with_payload(kData, 7, std::string(1000, '\0')) + update,
      with_payload(kHeaders, 7, std::string(16384, 'x')) +
          with_payload(kContinuation, 7, std::string(16000, 'x')) +
          with_payload(kData, 7, std::string(16000, 'x')),
  };
  for (const std::string& frames : traffic) {
    for (std::size_t skip = 0; skip < frames.size(); skip += 7) {
      EXPECT_FALSE(is_frame_flood(repeated(frames, skip))) << frames.size() << " from " << skip;
    }
  }
}

TEST(FrameFlood, SparesWhatIsNoHttp2) {
  std::mt19937 random(1);
  std::string bytes(kFloodSample, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  EXPECT_FALSE(is_frame_flood(bytes));
  EXPECT_FALSE(is_frame_flood(std::string(kFloodSample, '\0')));
  EXPECT_FALSE(is_frame_flood(std::string(kFloodSample, 'x')));
  EXPECT_FALSE(is_frame_flood(""));
  EXPECT_FALSE(is_frame_flood("x"));
}

// An upload of numbers looks like many small frames in places.
TEST(FrameFlood, SparesUploadsOfNumbers) {
  for (int number = 0; number < 256; ++number) {
    for (const bool big_endian : {false, true}) {
      std::string payload;
      while (payload.size() < 16384) {
        payload += big_endian ? std::string(3, '\0') + static_cast<char>(number)
                              : static_cast<char>(number) + std::string(3, '\0');
      }
      EXPECT_FALSE(is_frame_flood(repeated(with_payload(kData, 7, payload)))) << number;
      EXPECT_FALSE(is_frame_flood(repeated(with_payload(kData, 7, payload), 5000))) << number;
    }
  }
}

}  // namespace
}  // namespace quintain::server
