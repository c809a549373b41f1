// What an HTTP/2 client sends, byte by byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quintain::server::testing {

/// What a connection begins with (RFC 9113, 3.4), before a frame of settings.
inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline constexpr char kDataFrame = 0;
inline constexpr char kHeadersFrame = 1;
inline constexpr char kSettingsFrame = 4;

inline constexpr char kEndStream = 1;
inline constexpr char kEndHeaders = 4;

inline std::string http2_frame(char type, char flags, std::uint32_t stream,
                               const std::string& payload) {
  std::string frame;
  for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift);
  frame += type;
  frame += flags;
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift);
  return frame + payload;
}

/// Returns the headers of a call of spearlet.FunctionService, for a frame of headers.
inline std::string call_headers(const std::string& method) {
  std::string headers;
  const std::string path = "/spearlet.FunctionService/" + method;
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{":method", "POST"},
                                                        {":scheme", "http"},
                                                        {":path", path},
                                                        {":authority", "test"},
                                                        {"content-type", "application/grpc"},
                                                        {"te", "trailers"}}) {
    // Literals without indexing and without Huffman coding (RFC 7541, 6.2.2).
    headers += std::string(1, 0) + static_cast<char>(name.size()) + name +
               static_cast<char>(value.size()) + value;
  }
  return headers;
}

/// Returns the start of a connection that never acknowledges the server's settings, and the headers
/// of `count` calls whose requests do not follow.
inline std::string half_sent_calls(const std::string& method, std::uint32_t count) {
  std::string bytes(kHttp2Preface);
  bytes += http2_frame(kSettingsFrame, 0, 0, "");
  const std::string headers = call_headers(method);
  for (std::uint32_t i = 0; i < count; ++i) {
    bytes += http2_frame(kHeadersFrame, kEndHeaders, 2 * i + 1, headers);
  }
  return bytes;
}

}  // namespace quintain::server::testing
