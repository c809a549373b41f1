#include "server/listen.h"

#include <gmock/gmock.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "server/testing/http2.h"
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

  static bool get(const LiveServer& live, const std::string& name,
                  const std::string& trusted = "ca") {
    httplib::SSLClient client("127.0.0.1", port_of(live.server->http_address()),
                              name.empty() ? "" : file(name + ".crt"),
                              name.empty() ? "" : file(name + ".key"));
    client.set_ca_cert_path(file(trusted + ".crt").c_str());
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

// Repeats a check until it holds.
template <class Check>
bool comes_true(Check check) {
  const auto deadline = std::chrono::steady_clock::now() + kTooLong;
  while (!check()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

TEST_F(TlsTest, NewConnectionsUseFilesThatWereReplaced) {
  const auto sink = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  const auto logged = [&sink](std::string_view text) {
    std::size_t count = 0;
    for (const std::string& line : sink->last_formatted())
      if (line.find(text) != line.npos) ++count;
    return count;
  };
  for (const char* suffix : {".crt", ".key"}) {
    std::filesystem::copy_file(file(std::string("server") + suffix),
                               file(std::string("live") + suffix));
  }
  std::filesystem::copy_file(file("ca.crt"), file("live-ca.crt"));
  const LiveServer live([&](ServerOptions& options) {
    options.tls = {
        .certificate = file("live.crt"), .key = file("live.key"), .client_ca = file("live-ca.crt")};
    options.log = Log(LogLevel::kInfo, LogFormat::kText, sink);
  });
  EXPECT_TRUE(call(live, "client", "ca").ok());
  EXPECT_TRUE(get(live, "client"));

  // A pair that does not belong together, as in the middle of a replacement.
  write("live.crt", text("impostor.crt"));
  for (int round = 0; round < 3; ++round) live.server->read_certificates();
  EXPECT_TRUE(comes_true([&] { return logged("certificates-unusable") > 0; }));
  EXPECT_EQ(logged("not the key of certificate"), 1) << "once for each reason";
  EXPECT_TRUE(call(live, "client", "ca").ok());
  EXPECT_TRUE(get(live, "client"));

  // A damaged CA.
  write("live.key", text("impostor.key"));
  write("live-ca.crt", text("stranger.crt") + "-----BEGIN CERTIFICATE-----\nAAAA\n");
  live.server->read_certificates();
  EXPECT_TRUE(comes_true([&] { return logged("a certificate is damaged") > 0; }));
  EXPECT_TRUE(call(live, "client", "ca").ok());

  write("live-ca.crt", text("stranger.crt"));
  live.server->read_certificates();
  EXPECT_TRUE(comes_true([&] { return logged("certificates-read") > 0; }));
  EXPECT_TRUE(call(live, "impostor", "stranger").ok());
  EXPECT_FALSE(call(live, "client", "stranger").ok()) << "a client of the previous CA";
  EXPECT_FALSE(call(live, "impostor", "ca").ok()) << "the previous certificate";
  EXPECT_TRUE(get(live, "impostor", "stranger"));
  EXPECT_FALSE(get(live, "client", "stranger"));
}

// The frames of a flood cannot be seen, but no message explains them.
TEST_F(TlsTest, AFloodOfFramesIsPaused) {
  const auto sink = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  LiveServer live([&sink](ServerOptions& options) {
    with_tls(/*client_ca=*/false)(options);
    options.log = Log(LogLevel::kInfo, LogFormat::kText, sink);
  });
  boost::asio::io_context io;
  boost::asio::ssl::context context(boost::asio::ssl::context::tls_client);
  constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  ASSERT_EQ(SSL_CTX_set_alpn_protos(context.native_handle(), kHttp2, sizeof kHttp2), 0);
  boost::asio::ssl::stream<boost::asio::ip::tcp::socket> client(io, context);
  client.lowest_layer().connect({boost::asio::ip::address_v4::loopback(),
                                 static_cast<unsigned short>(port_of(live.address()))});
  client.handshake(boost::asio::ssl::stream_base::client);
  std::string frames(kHttp2Preface);
  while (frames.size() < 8 << 20) frames += http2_frame(kSettingsFrame, 0, 0, "");
  // It waits in a pause, and fails when the server closes the connection.
  std::jthread flooder([&client, &frames] {
    boost::system::error_code ignored;
    boost::asio::write(client, boost::asio::buffer(frames), ignored);
  });
  EXPECT_TRUE(comes_true([&sink] {
    const auto lines = sink->last_formatted();
    return std::ranges::any_of(lines, [](const std::string& line) {
      return line.find("connection-flooding") != line.npos;
    });
  }));
  client.lowest_layer().shutdown(boost::asio::ip::tcp::socket::shutdown_both);
  EXPECT_TRUE(call(live, "").ok());
}

TEST_F(TlsTest, ProbesNeedNoCertificateAndNoToken) {
  const LiveServer live([](ServerOptions& options) {
    with_tls(/*client_ca=*/true)(options);
    options.probes = "127.0.0.1:0";
    options.access = std::make_shared<const AccessList>(std::vector<Identity>());
  });
  httplib::Client client("http://" + live.server->probes_address());
  EXPECT_EQ(client.Get("/healthz")->status, 200);
  const auto metrics = client.Get("/metrics");
  EXPECT_EQ(metrics->status, 200);
  EXPECT_THAT(metrics->body, HasSubstr("quintain_slots"));
  EXPECT_EQ(client.Get("/status/x")->status, 404);
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
  write("cut-chain", text("server.crt") + text("ca.crt").substr(0, 200));
  EXPECT_THAT(problems({.certificate = file("cut-chain"), .key = key}),
              HasSubstr("a certificate after the first one is damaged"));
  openssl(
      "req -x509 -newkey rsa:1024 -nodes -days 1 -subj /CN=weak -keyout weak.key -out weak.crt");
  EXPECT_THAT(problems({.certificate = file("weak.crt"), .key = file("weak.key")}),
              HasSubstr("weak.crt': ee key too small"));
  EXPECT_TRUE(load_tls({.certificate = crt, .key = key, .client_ca = file("ca.crt")}).ok());
}

TEST_F(TlsTest, RejectsAnEncryptedKeyWithoutAPrompt) {
  openssl("ec -in server.key -aes128 -passout pass:secret -out encrypted.key");
  EXPECT_THAT(problems({.certificate = file("server.crt"), .key = file("encrypted.key")}),
              HasSubstr("not an unencrypted private key"));
}

}  // namespace
}  // namespace quintain::server
