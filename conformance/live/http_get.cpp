#include <fmt/format.h>
#include <httplib.h>

#include <string_view>

#include "conformance/live/side_channels.h"

namespace quintain::conformance {
namespace {

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

}  // namespace

absl::StatusOr<HttpAnswer> http_get(const std::string& base, const std::string& endpoint,
                                    std::chrono::milliseconds patience) {
  std::string url = endpoint;
  if (!is_url(url)) {
    if (!is_url(base)) {
      return absl::FailedPreconditionError(fmt::format(
          "'{}' is not a URL, and the target does not declare its base URL \"http://...\" as "
          "status_endpoint_http",
          endpoint));
    }
    const bool slashes = base.back() == '/' || endpoint.substr(0, 1) == "/";
    url = base + (slashes ? "" : "/") + endpoint;
  }
  const std::size_t authority = url.find("://") + 3;
  const std::size_t path = url.find('/', authority);
  try {
    httplib::Client client(url.substr(0, path));
    client.set_connection_timeout(patience);
    client.set_read_timeout(patience);
    client.set_write_timeout(patience);
    const httplib::Result answer =
        client.Get(path == std::string::npos ? "/" : url.substr(path).c_str());
    if (answer) return HttpAnswer{.code = answer->status, .body = answer->body};
    return absl::UnavailableError(
        fmt::format("GET {}: {}", url, httplib::to_string(answer.error())));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(fmt::format("GET {}: {}", url, error.what()));
  }
}

}  // namespace quintain::conformance
