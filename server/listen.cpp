// Parses listening addresses, checks unix sockets, and loads TLS certificates, so that errors are
// reported before the server starts.
#include "server/listen.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "reports/json_input/input_file.h"
#include "server/system/descriptor.h"

namespace quintain::server {
namespace {

constexpr std::string_view kUnix = "unix:";

absl::Status cannot_listen(const ListenAddress& address, std::string_view what) {
  return absl::UnavailableError(fmt::format("can't listen on {}: {}", address.text(), what));
}

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// PEM may be encrypted, but the server cannot ask for a password.
int no_password(char*, int, int, void*) { return -1; }

Owned<BIO> reader(std::string_view text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Owned<X509> parse_certificate(std::string_view text) {
  return Owned<X509>(PEM_read_bio_X509(reader(text).get(), nullptr, &no_password, nullptr));
}

// The number of certificates before the end of the text; nullopt if something in it is damaged.
std::optional<int> count_certificates(std::string_view text) {
  const Owned<BIO> bio = reader(text);
  int count = 0;
  while (Owned<X509>(PEM_read_bio_X509(bio.get(), nullptr, &no_password, nullptr))) ++count;
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const bool at_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  return at_end ? std::optional(count) : std::nullopt;
}

// Why the TLS library cannot use the pair; empty: it can.
std::string refusal_of(X509* certificate, EVP_PKEY* key) {
  const Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  if (context != nullptr && SSL_CTX_use_certificate(context.get(), certificate) == 1 &&
      SSL_CTX_use_PrivateKey(context.get(), key) == 1) {
    return {};
  }
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? "the TLS library refuses it" : reason;
}

Owned<EVP_PKEY> parse_key(std::string_view text) {
  return Owned<EVP_PKEY>(
      PEM_read_bio_PrivateKey(reader(text).get(), nullptr, &no_password, nullptr));
}

// Reads files and collects the problems with them.
class Loader {
 public:
  std::string read(std::string_view what, const std::string& path) {
    constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
    auto text = json_input::read_bounded(path, kMaxBytes);
    if (!text.ok() || text->empty()) {
      add_problem(what, path,
                  text.ok() ? "the file is empty" : std::string(text.status().message()));
      return {};
    }
    return *std::move(text);
  }

  void add_problem(std::string_view what, const std::string& path, std::string_view problem) {
    problems_.push_back(fmt::format("{} '{}': {}", what, path, problem));
  }

  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::vector<std::string> problems_;
};

}  // namespace

std::string ListenAddress::text() const {
  if (is_unix) return fmt::format("{}{}", kUnix, path);
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

absl::StatusOr<ListenAddress> parse_address(std::string_view text) {
  ListenAddress address;
  if (text.starts_with(kUnix)) {
    address.is_unix = true;
    address.path = text.substr(kUnix.size());
    if (address.path.empty() || address.path.size() >= sizeof(sockaddr_un::sun_path)) {
      return absl::InvalidArgumentError(fmt::format("'{}': the path must have 1 to {} characters",
                                                    text, sizeof(sockaddr_un::sun_path) - 1));
    }
    return address;
  }
  const std::size_t colon = text.rfind(':');
  const std::string_view port = colon == text.npos ? "" : text.substr(colon + 1);
  std::string_view host = colon == text.npos ? text : text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    host = "";
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (host.empty() || port.empty() || error != std::errc() || end != port.data() + port.size() ||
      address.port < 0 || address.port > 65535) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not an address; write HOST:PORT, [IPV6]:PORT or unix:PATH", text));
  }
  address.host = host;
  return address;
}

absl::Status check_unix_socket(const ListenAddress& address) {
  struct stat found = {};
  if (lstat(address.path.c_str(), &found) != 0) {
    if (errno != ENOENT) return cannot_listen(address, std::strerror(errno));
    const auto folder = std::filesystem::path(address.path).parent_path();
    if (access(folder.empty() ? "." : folder.c_str(), W_OK) != 0) {
      return cannot_listen(address, std::strerror(errno));
    }
    return absl::OkStatus();
  }
  if (!S_ISSOCK(found.st_mode)) {
    return cannot_listen(address, "there is a file that is not a socket");
  }
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  address.path.copy(name.sun_path, sizeof name.sun_path - 1);
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) {
    return cannot_listen(address, "another server listens there");
  }
  return absl::OkStatus();
}

absl::StatusOr<TlsMaterial> load_tls(const TlsFiles& files) {
  if (files.certificate.empty() || files.key.empty()) {
    return absl::InvalidArgumentError("TLS needs both a certificate and its key");
  }
  Loader loader;
  TlsMaterial material;
  material.certificate_chain = loader.read("TLS certificate", files.certificate);
  material.private_key = loader.read("TLS key", files.key);
  if (!files.client_ca.empty()) {
    material.client_cas = loader.read("TLS client CA", files.client_ca);
  }
  if (loader.problems().empty()) {
    const auto certificate = parse_certificate(material.certificate_chain);
    const auto key = parse_key(material.private_key);
    if (certificate == nullptr) {
      loader.add_problem("TLS certificate", files.certificate, "not a certificate in PEM form");
    } else if (!count_certificates(material.certificate_chain)) {
      loader.add_problem("TLS certificate", files.certificate,
                         "a certificate after the first one is damaged");
    }
    if (key == nullptr) {
      loader.add_problem("TLS key", files.key, "not an unencrypted private key in PEM form");
    }
    if (certificate != nullptr && key != nullptr) {
      if (X509_check_private_key(certificate.get(), key.get()) != 1) {
        loader.add_problem("TLS key", files.key,
                           fmt::format("not the key of certificate '{}'", files.certificate));
      } else if (const std::string why = refusal_of(certificate.get(), key.get()); !why.empty()) {
        loader.add_problem("TLS certificate", files.certificate, why);
      }
    }
    if (!files.client_ca.empty()) {
      const auto count = count_certificates(material.client_cas);
      if (!count || *count == 0) {
        loader.add_problem("TLS client CA", files.client_ca,
                           count ? "not a certificate in PEM form" : "a certificate is damaged");
      }
    }
    ERR_clear_error();
  }
  if (loader.problems().empty()) return material;
  return absl::InvalidArgumentError(absl::StrJoin(loader.problems(), "\n"));
}

}  // namespace quintain::server
