// An HTTP client for status endpoints, which a target chooses: where it connects, how much it reads
// and how long it takes are limited.
#include <curl/curl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "conformance/live/side_channels.h"

namespace quintain::conformance {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMaxRedirects = 3;
// Servers limit the URLs that they accept to some 8000 bytes (RFC 9110, 4.1).
constexpr std::size_t kMaxUrl = 8192;
constexpr std::size_t kMaxHeaders = std::size_t{64} << 10;
constexpr std::size_t kMaxBody = std::size_t{4} << 20;

// What an error shows of a URL.
std::string shown(std::string_view url) {
  constexpr std::size_t kMaxShown = 200;
  if (url.size() <= kMaxShown) return std::string(url);
  return fmt::format("{}... ({} bytes)", url.substr(0, kMaxShown), url.size());
}

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

// The host of a URL; nullopt if it is none.
std::optional<std::string> host_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  char* host = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK ||
      curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return std::nullopt;
  }
  std::string text = host;
  curl_free(host);
  return text;
}

// The name by which hosts are compared. All names of this machine's loopback are one.
std::string canonical(std::string host) {
  absl::AsciiStrToLower(&host);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (host.ends_with('.')) host.pop_back();
  const bool is_ipv4 = host.find_first_not_of("0123456789.") == std::string::npos;
  if (host.empty() || host == "::1" || (is_ipv4 && host.starts_with("127."))) return "localhost";
  return host;
}

// What a transfer has received. Receiving ends when there is too much of it.
struct Received {
  std::size_t headers = 0;
  std::string body{};
  bool too_much = false;
};

std::size_t take_header(const char*, std::size_t size, std::size_t count, void* to) {
  auto& received = *static_cast<Received*>(to);
  received.headers += size * count;
  received.too_much = received.headers > kMaxHeaders;
  return received.too_much ? 0 : size * count;
}

std::size_t take_body(const char* bytes, std::size_t size, std::size_t count, void* to) {
  auto& received = *static_cast<Received*>(to);
  received.too_much = received.body.size() + size * count > kMaxBody;
  if (received.too_much) return 0;
  received.body.append(bytes, size * count);
  return size * count;
}

// Blocks SIGPIPE in this thread. A TLS library writes to sockets as to pipes, and the signal would
// end the process when the target closes the connection.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    if (sigismember(&before_, SIGPIPE) == 1) return;
    constexpr timespec kNow{};
    while (sigtimedwait(&pipe_, nullptr, &kNow) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

// One GET without redirects. `redirect` is where the answer leads; empty if it does not.
absl::StatusOr<HttpAnswer> get_once(const std::string& url, std::chrono::milliseconds left,
                                    std::string& redirect) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  Received received;
  char why[CURL_ERROR_SIZE] = "";
  const auto set = [&](auto option, auto value) { curl_easy_setopt(curl.get(), option, value); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_ERRORBUFFER, why);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  // Timeouts without signals, which would be the whole process's.
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
  // The environment must not change what is judged.
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, &received);
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, &received);
  const WithoutSigpipe without_sigpipe;
  const CURLcode code = curl_easy_perform(curl.get());
  if (received.too_much) {
    return absl::DataLossError(
        fmt::format("GET {}: an answer of more than {} KiB of headers or {} MiB", shown(url),
                    kMaxHeaders >> 10, kMaxBody >> 20));
  }
  if (code != CURLE_OK) {
    return absl::UnavailableError(fmt::format(
        "GET {}: {}", shown(url), shown(*why != '\0' ? why : curl_easy_strerror(code))));
  }
  long status = 0;
  const char* to = nullptr;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl.get(), CURLINFO_REDIRECT_URL, &to);
  redirect = to == nullptr ? "" : to;
  return HttpAnswer{.code = static_cast<int>(status), .body = std::move(received.body)};
}

// An error if the URL is none or its host may not be called.
absl::Status check(const std::string& url, const HttpOptions& options) {
  if (url.size() > kMaxUrl) {
    return absl::InvalidArgumentError(
        fmt::format("a URL of more than {} bytes: {}", kMaxUrl, shown(url)));
  }
  const auto host = is_url(url) ? host_of(url) : std::nullopt;
  if (!host) return absl::InvalidArgumentError(fmt::format("'{}' is not a URL", shown(url)));
  std::vector<std::string> permitted = options.other_hosts;
  permitted.push_back(options.target);
  if (const auto base = host_of(options.base)) permitted.push_back(*base);
  const std::string name = canonical(*host);
  if (std::ranges::any_of(permitted, [&](const auto& one) { return canonical(one) == name; })) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(fmt::format(
      "'{}' leads to the host '{}', which is not the target's; --allow-endpoint-host permits it",
      shown(url), shown(*host)));
}

}  // namespace

absl::StatusOr<HttpAnswer> http_get(const HttpOptions& options, const std::string& endpoint) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(initialised);
  std::string url = endpoint;
  if (!is_url(url)) {
    if (!is_url(options.base)) {
      return absl::FailedPreconditionError(fmt::format(
          "'{}' is not a URL, and the target does not declare its base URL \"http://...\" as "
          "status_endpoint_http",
          shown(endpoint)));
    }
    const bool slashes = options.base.back() == '/' || endpoint.substr(0, 1) == "/";
    url = options.base + (slashes ? "" : "/") + endpoint;
  }
  const Clock::time_point until = Clock::now() + options.patience;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    if (absl::Status good = check(url, options); !good.ok()) return good;
    // libcurl takes 0 for no limit.
    const auto left = std::max(std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()),
                               std::chrono::milliseconds(1));
    std::string redirect;
    auto answer = get_once(url, left, redirect);
    if (!answer.ok() || redirect.empty()) return answer;
    url = std::move(redirect);
  }
  return absl::UnavailableError(
      fmt::format("GET {}: more than {} redirects", shown(endpoint), kMaxRedirects));
}

}  // namespace quintain::conformance
