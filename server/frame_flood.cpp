#include "server/frame_flood.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace quintain::server {
namespace {

constexpr std::size_t kHeaderBytes = 9;
constexpr std::size_t kMaxLength = 16 << 10;

// Headers in more bytes of continuations, with hardly anything else, do not end: gRPC keeps them
// all until they do.
constexpr std::size_t kMaxHeaders = 40 << 10;

// The first frame must begin within these bytes: the frames of a flood are small.
constexpr std::size_t kMaxFirst = 1 << 10;

// Fewer frames prove nothing.
constexpr int kMinFrames = 64;

enum FrameType : std::uint8_t {
  kData,
  kHeaders,
  kPriority,
  kReset,
  kSettings,
  kPushPromise,
  kPing,
  kGoAway,
  kWindowUpdate,
  kContinuation,
};

struct Frame {
  std::size_t length;
  std::uint8_t type;
  std::uint32_t stream;
};

// Requires: at least kHeaderBytes bytes at `position`.
Frame frame_at(std::string_view bytes, std::size_t position) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[position + i]); };
  return {.length = std::size_t{byte(0)} << 16 | std::size_t{byte(1)} << 8 | byte(2),
          .type = byte(3),
          .stream = std::uint32_t{byte(5)} << 24 | std::uint32_t{byte(6)} << 16 |
                    std::uint32_t{byte(7)} << 8 | byte(8)};
}

// Whether the length and the stream are possible for the type (RFC 9113, 6).
bool is_possible(const Frame& frame) {
  if (frame.length > kMaxLength || frame.stream >> 31 != 0) return false;
  const bool of_client = frame.stream % 2 == 1;  // a stream that the client has opened
  switch (frame.type) {
    case kData:
    case kHeaders:
    case kContinuation:
      return of_client;
    case kPushPromise:
      return of_client && frame.length >= 4;
    case kPriority:
      return of_client && frame.length == 5;
    case kReset:
      return of_client && frame.length == 4;
    case kSettings:
      return frame.stream == 0 && frame.length % 6 == 0;
    case kPing:
      return frame.stream == 0 && frame.length == 8;
    case kGoAway:
      return frame.stream == 0 && frame.length >= 8;
    case kWindowUpdate:
      return frame.length == 4;
    default:
      return true;
  }
}

// Whether the frame carries nothing of a call. A padded frame of data may be empty as well.
bool is_empty(const Frame& frame) {
  constexpr std::size_t kPaddingOnly = 8;
  switch (frame.type) {
    case kData:
    case kContinuation:
      return frame.length <= kPaddingOnly;
    case kHeaders:
      return false;
    default:
      return true;
  }
}

// The frames from one position to the end of the bytes.
struct Chain {
  int frames = 0;  // 0: what begins here are no frames
  int empty = 0;
  int resets = 0;
  std::size_t continued = 0;  // bytes of continuations
};

bool is_flood(const Chain& chain) {
  if (chain.frames < kMinFrames) return false;
  // A call is a frame of headers and mostly one of data; clients send few other frames. A reset for
  // each call is rapid reset.
  return chain.empty * 4 >= chain.frames * 3 || chain.resets * 9 >= chain.frames * 4;
}

}  // namespace

bool is_frame_flood(std::string_view bytes, bool large_headers) {
  if (bytes.size() < kMinFrames * kHeaderBytes) return false;
  // From the end, because the frames after a frame decide whether it is one.
  std::vector<Chain> chains(bytes.size() - kHeaderBytes + 1);
  for (std::size_t i = chains.size(); i-- > 0;) {
    const Frame frame = frame_at(bytes, i);
    if (!is_possible(frame)) continue;
    const std::size_t next = i + kHeaderBytes + frame.length;
    const std::size_t size = std::min(next, bytes.size()) - i;
    const Chain rest = next < chains.size() ? chains[next] : Chain{.frames = 1};
    if (rest.frames == 0) continue;
    chains[i] = {.frames = rest.frames + (next < chains.size() ? 1 : 0),
                 .empty = rest.empty + (is_empty(frame) ? 1 : 0),
                 .resets = rest.resets + (frame.type == kReset ? 1 : 0),
                 .continued = rest.continued + (frame.type == kContinuation ? size : 0)};
    if (!large_headers && i <= kMaxLength && chains[i].continued > kMaxHeaders) return true;
  }
  return std::any_of(
      chains.begin(),
      chains.begin() + static_cast<std::ptrdiff_t>(std::min(chains.size(), kMaxFirst)), &is_flood);
}

}  // namespace quintain::server
