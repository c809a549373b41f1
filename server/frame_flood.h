// Recognizes floods of HTTP/2 control frames.
#pragma once

#include <cstddef>
#include <string_view>

namespace quintain::server {

/// The bytes that is_frame_flood() needs to see many frames of every size.
inline constexpr std::size_t kFloodSample = 64 << 10;

/// Returns whether `bytes`, a part of what a connection has sent, are mostly HTTP/2 frames that
/// carry nothing: pings, settings, window updates, priorities, resets, empty data, empty
/// continuations, or frames of unknown types. They cost a server far more time than their sender,
/// and clients that make calls send few of them. Likewise, unless
/// `large_headers`, headers that do not end.
///
/// The bytes may begin within a frame. Returns false for bytes that are no HTTP/2 frames, for
/// example because they are encrypted.
bool is_frame_flood(std::string_view bytes, bool large_headers = false);

}  // namespace quintain::server
