#include "server/listen.h"

#include <gmock/gmock.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "server/testing/live_server.h"

namespace quintain::server {
namespace {

using namespace server::testing;
using ::testing::HasSubstr;

// Certificates made for one run: a CA, a server and a client certificate of it, and another CA with
// a certificate.
class TlsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder() = std::filesystem::path(::testing::TempDir()) /
               fmt::format("quintain-tls-test-{}", getpid());  // each test may be a process
    std::filesystem::remove_all(folder());
    std::filesystem::create_directories(folder());
    write("extensions", "subjectAltName=IP:127.0.0.1\n");
    make_ca("ca");
    make_ca("stranger");
    make_certificate("server", "ca");
    make_certificate("client", "ca");
    make_certificate("impostor", "stranger");
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(folder()); }

  static std::filesystem::path& folder() {
    static std::filesystem::path path;
    return path;
  }
  static std::string file(const std::string& name) { return folder() / name; }
  static std::string text(const std::string& name) {
    std::stringstream content;
    content << std::ifstream(file(name)).rdbuf();
    return content.str();
  }
  static void write(const std::string& name, const std::string& content) {
    std::ofstream(file(name)) << content;
  }

  static void openssl(const std::string& arguments) {
    const std::string command =
        fmt::format("cd '{}' && openssl {} 2>openssl.log", folder().string(), arguments);
    ASSERT_EQ(std::system(command.c_str()), 0) << command << "\n" << text("openssl.log");
  }
  static void make_ca(const std::string& name) {
    openssl(
        fmt::format("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
                    "-subj /CN={0} -keyout {0}.key -out {0}.crt",
                    name));
  }
  static void make_certificate(const std::string& name, const std::string& ca) {
    openssl(
        fmt::format("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={0} "
                    "-keyout {0}.key -out {0}.csr",
                    name));
    openssl(
        fmt::format("x509 -req -in {0}.csr -CA {1}.crt -CAkey {1}.key -CAcreateserial -days 1 "
                    "-extfile extensions -out {0}.crt",
                    name, ca));
  }

  static LiveServer::Adjust with_tls(bool client_ca) {
    return [client_ca](ServerOptions& options) {
      options.tls = {.certificate = file("server.crt"),
                     .key = file("server.key"),
                     .client_ca = client_ca ? file("ca.crt") : ""};
    };
  }

  // Calls over TLS with the certificate of that name; empty: without one.
  static grpc::Status call(const LiveServer& live, const std::string& name,
                           const std::string& trusted = "ca") {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = text(trusted + ".crt");
    if (!name.empty()) {
      options.pem_cert_chain = text(name + ".crt");
      options.pem_private_key = text(name + ".key");
    }
    const auto stub = spearlet::FunctionService::NewStub(
        grpc::CreateChannel(live.address(), grpc::SslCredentials(options)));
    PendingInvoke invoke(*stub, sync_request({.function = "work-0"}));
    return invoke.wait();
  }

  static bool get(const LiveServer& live, const std::string& name) {
    httplib::SSLClient client("127.0.0.1", port_of(live.server->http_address()),
                              name.empty() ? "" : file(name + ".crt"),
                              name.empty() ? "" : file(name + ".key"));
    client.set_ca_cert_path(file("ca.crt").c_str());
    const auto response = client.Get("/healthz");
    return response && response->status == 200;
  }
  static int port_of(const std::string& address) {
    return std::stoi(address.substr(address.rfind(':') + 1));
  }

  static std::string problems(const TlsFiles& files) {
    const auto material = load_tls(files);
    EXPECT_FALSE(material.ok());
    return std::string(material.status().message());
  }
};

TEST_F(TlsTest, ServesOverTls) {
  const LiveServer live(with_tls(/*client_ca=*/false));
  EXPECT_TRUE(call(live, "").ok());
  EXPECT_TRUE(get(live, ""));
  EXPECT_FALSE(call(live, "", /*trusted=*/"stranger").ok());
}

TEST_F(TlsTest, RejectsPlainConnections) {
  LiveServer live(with_tls(/*client_ca=*/false));
  PendingInvoke plain(live.stub(), sync_request({.function = "work-0"}));
  EXPECT_EQ(plain.wait().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, AcceptsOnlyCertificatesOfTheClientCa) {
  const LiveServer live(with_tls(/*client_ca=*/true));
  EXPECT_TRUE(call(live, "client").ok());
  EXPECT_FALSE(call(live, "").ok());
  EXPECT_FALSE(call(live, "impostor").ok());
  EXPECT_TRUE(get(live, "client"));
  EXPECT_FALSE(get(live, ""));
  EXPECT_FALSE(get(live, "impostor"));
}

TEST_F(TlsTest, ReportsProblemsWithTheFiles) {
  write("garbage", "garbage");
  write("empty", "");
  const std::string crt = file("server.crt");
  const std::string key = file("server.key");
  EXPECT_THAT(problems({.certificate = crt}), HasSubstr("both a certificate and its key"));
  EXPECT_THAT(problems({.client_ca = crt}), HasSubstr("both a certificate and its key"));
  EXPECT_THAT(problems({.certificate = file("nope"), .key = file("empty")}),
              AllOf(HasSubstr("nope': can't open the file: No such file"),
                    HasSubstr("empty': the file is empty")));
  EXPECT_THAT(problems({.certificate = file("garbage"), .key = crt, .client_ca = file("garbage")}),
              AllOf(HasSubstr("TLS certificate '" + file("garbage") + "': not a certificate"),
                    HasSubstr("TLS key '" + crt + "': not an unencrypted private key"),
                    HasSubstr("TLS client CA '" + file("garbage") + "': not a certificate")));
  EXPECT_THAT(problems({.certificate = crt, .key = file("client.key")}),
              HasSubstr("not the key of certificate '" + crt + "'"));
  EXPECT_TRUE(load_tls({.certificate = crt, .key = key}).ok());
}

TEST_F(TlsTest, RejectsAnEncryptedKeyWithoutAPrompt) {
  openssl("ec -in server.key -aes128 -passout pass:secret -out encrypted.key");
  EXPECT_THAT(problems({.certificate = file("server.crt"), .key = file("encrypted.key")}),
              HasSubstr("not an unencrypted private key"));
}

}  // namespace
}  // namespace quintain::server
