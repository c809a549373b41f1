#include "server/tls.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>
#include <vector>

namespace quintain::server {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// PEM may be encrypted; nobody is there to type a password.
int no_password(char*, int, int, void*) { return -1; }

Owned<BIO> reader(std::string_view text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Owned<X509> parse_certificate(std::string_view text) {
  return Owned<X509>(PEM_read_bio_X509(reader(text).get(), nullptr, &no_password, nullptr));
}

Owned<EVP_PKEY> parse_key(std::string_view text) {
  return Owned<EVP_PKEY>(
      PEM_read_bio_PrivateKey(reader(text).get(), nullptr, &no_password, nullptr));
}

class Loader {
 public:
  std::string read(std::string_view what, const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    if (file) text << file.rdbuf();
    if (text.str().empty()) {
      print_error(what, path, errno != 0 ? std::strerror(errno) : "the file is empty");
    }
    return text.str();
  }

  void print_error(std::string_view what, const std::string& path, std::string_view problem) {
    problems_.push_back(fmt::format("{} '{}': {}", what, path, problem));
  }

  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::vector<std::string> problems_;
};

}  // namespace

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
      loader.print_error("TLS certificate", files.certificate, "not a certificate in PEM form");
    }
    if (key == nullptr) {
      loader.print_error("TLS key", files.key, "not an unencrypted private key in PEM form");
    }
    if (certificate != nullptr && key != nullptr &&
        X509_check_private_key(certificate.get(), key.get()) != 1) {
      loader.print_error("TLS key", files.key,
                         fmt::format("not the key of certificate '{}'", files.certificate));
    }
    if (!files.client_ca.empty() && parse_certificate(material.client_cas) == nullptr) {
      loader.print_error("TLS client CA", files.client_ca, "not a certificate in PEM form");
    }
    ERR_clear_error();
  }
  if (loader.problems().empty()) return material;
  return absl::InvalidArgumentError(absl::StrJoin(loader.problems(), "\n"));
}

}  // namespace quintain::server
