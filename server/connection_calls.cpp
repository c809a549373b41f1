// channelz answers with the JSON form of its messages (grpc/channelz/v1/channelz.proto), in which
// 64-bit integers are strings and zeros are left out.
#include "server/connection_calls.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <grpc/grpc.h>
#include <grpc/support/alloc.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

namespace quintain::server {
namespace {

using nlohmann::json;

constexpr std::intptr_t kPage = 1000;

// Connections are called after their transport and their peer.
constexpr std::string_view kNamePrefix = "chttp2 ";

// A missing or malformed answer is null.
json parse_owned(char* text) {
  const std::unique_ptr<char, decltype(&gpr_free)> owner(text, &gpr_free);
  return text == nullptr ? json() : json::parse(text, nullptr, /*allow_exceptions=*/false);
}

template <class Integer>
Integer integer_in(const json& object, const char* key) {
  Integer value = 0;
  const auto found = object.find(key);
  if (found != object.end() && found->is_string()) {
    const auto& text = found->get_ref<const std::string&>();
    std::from_chars(text.data(), text.data() + text.size(), value);
  }
  return value;
}

// Calls `use` with each element of a list that comes in pages; `read_page` returns the page whose
// ids are not less than its argument, and `use` returns the id of the element.
template <class ReadPage, class Use>
void for_each_of_pages(const char* list, ReadPage read_page, Use use) {
  std::intptr_t next = 0;
  for (;;) {
    const json page = parse_owned(read_page(next));
    if (!page.is_object()) return;
    const auto elements = page.find(list);
    if (elements == page.end() || elements->empty()) return;
    for (const json& element : *elements) next = use(element) + 1;
    if (page.contains("end")) return;
  }
}

}  // namespace

std::string peer_name(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return fmt::format("ipv4:{}:{}", text.data(), ntohs(v4.sin_port));
  }
  if (address.ss_family != AF_INET6) return {};
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    return fmt::format("ipv4:{}:{}", text.data(), ntohs(v6.sin6_port));
  }
  // As a part of a URI, so brackets and the percent sign before the scope are encoded.
  inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  const std::string scope =
      v6.sin6_scope_id == 0 ? std::string() : fmt::format("%25{}", v6.sin6_scope_id);
  return fmt::format("ipv6:%5B{}{}%5D:{}", text.data(), scope, ntohs(v6.sin6_port));
}

void ConnectionCalls::find_connections() {
  sockets_.clear();
  for_each_of_pages("server", &grpc_channelz_get_servers, [this](const json& server) {
    const auto server_id = integer_in<std::intptr_t>(server["ref"], "serverId");
    for_each_of_pages(
        "socketRef",
        [server_id](std::intptr_t start) {
          return grpc_channelz_get_server_sockets(server_id, start, kPage);
        },
        [this](const json& socket) {
          const auto id = integer_in<std::intptr_t>(socket, "socketId");
          const std::string& name = socket["name"].get_ref<const std::string&>();
          if (name.starts_with(kNamePrefix)) sockets_[name.substr(kNamePrefix.size())] = id;
          return id;
        });
    return server_id;
  });
}

std::optional<CallCounts> ConnectionCalls::read(const std::string& peer) const {
  const auto found = sockets_.find(peer);
  if (found == sockets_.end()) return {};
  const json answer = parse_owned(grpc_channelz_get_socket(found->second));
  if (!answer.is_object() || !answer.contains("socket")) return {};
  const json& data = answer["socket"]["data"];
  const auto reset = integer_in<std::int64_t>(data, "streamsFailed");
  return CallCounts{.begun = integer_in<std::int64_t>(data, "streamsStarted"),
                    .ended = integer_in<std::int64_t>(data, "streamsSucceeded") + reset,
                    .reset = reset,
                    .messages = integer_in<std::int64_t>(data, "messagesReceived")};
}

}  // namespace quintain::server
