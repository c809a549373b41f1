// Generic gRPC calls in, generic gRPC calls out, and a Mutator between them. gRPC's threads post
// everything into one serial context, where the Mutator and all bookkeeping live.
#include "conformance/mutation/proxy/mutating_proxy.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/mutation/mutator.h"
#include "server/listen.h"
#include "server/serial_context.h"

namespace quintain::conformance {
namespace {

using Clock = std::chrono::steady_clock;

grpc::ByteBuffer buffer_of(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

grpc::Status to_grpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

absl::Status to_absl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

std::shared_ptr<grpc::Channel> connect(const std::string& target) {
  grpc::ChannelArguments arguments;
  // The target's limits count, not those of the proxy.
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

// gRPC's reflection adds itself to every server of the program. Here it would hide the target's.
class NoPlugins final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->clear();
  }
};

}  // namespace

class MutatingProxy::Impl final : private grpc::CallbackGenericService {
 public:
  Impl(const Mutation& mutation, const std::string& target);
  ~Impl() override;

  absl::Status listen(const std::string& text, const server::ListenAddress& address) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.SetOption(std::make_unique<NoPlugins>());
    builder.RegisterCallbackGenericService(this);
    builder.AddListeningPort(text, grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(-1);
    builder.SetMaxSendMessageSize(-1);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    server_ = builder.BuildAndStart();
    // The result for a unix socket is 1, not a port.
    if (server_ == nullptr || port == 0) {
      return absl::InvalidArgumentError(
          fmt::format("cannot listen on {}: the address is in use or not of this machine", text));
    }
    server::ListenAddress actual = address;
    if (!actual.is_unix) actual.port = port;
    address_ = actual.text();
    return absl::OkStatus();
  }

  const std::string& address() const { return address_; }
  std::int64_t changes() {
    return context_.run([this] { return mutator_.changes(); });
  }
  boost::asio::any_io_executor executor() { return context_.executor(); }

 private:
  class Incoming;
  class Outgoing;

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

  core::Instant now() const { return core::Instant(Clock::now() - started_at_); }
  std::uint64_t call_target(WireCall call);
  void on_target_done(std::uint64_t number);

  void notify_idle() {
    const std::lock_guard lock(idle_mutex_);
    is_idle_ = true;
    idle_.notify_all();
  }

  const Clock::time_point started_at_ = Clock::now();
  std::string address_;
  server::SerialContext context_;

  // Within the context.
  Mutator mutator_;
  grpc::GenericStub stub_;
  std::map<std::uint64_t, std::unique_ptr<Outgoing>> outgoing_;
  std::uint64_t last_number_ = 0;
  bool is_stopping_ = false;

  std::mutex idle_mutex_;
  std::condition_variable idle_;
  bool is_idle_ = false;

  std::unique_ptr<grpc::Server> server_;
};

// A call to the target. All but the reactions of gRPC run within the context.
class MutatingProxy::Impl::Outgoing final
    : private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Outgoing(Impl& proxy, std::uint64_t number, WireCall call)
      : proxy_(proxy),
        number_(number),
        call_(std::move(call)),
        request_(buffer_of(call_.request)) {}

  void start() {
    if (!call_.deadline.is_never()) {
      context_.set_deadline(std::chrono::system_clock::now() +
                            std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                call_.deadline - proxy_.now()));
    }
    proxy_.stub_.PrepareBidiStreamingCall(&context_, call_.path, {}, this);
    StartWriteLast(&request_, {});
    StartRead(&message_);
    StartCall();
  }

  void cancel() {
    is_cancelled_ = true;
    context_.TryCancel();
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    proxy_.context_.post([this, bytes = bytes_of(message_)]() mutable {
      if (!is_cancelled_) call_.on_message(std::move(bytes));
    });
    message_.Clear();
    StartRead(&message_);
  }

  void OnDone(const grpc::Status& status) override {
    proxy_.context_.post([this, status] {
      if (!is_cancelled_) call_.on_end(to_absl(status));
      proxy_.on_target_done(number_);  // destroys this call
    });
  }

  Impl& proxy_;
  std::uint64_t number_;
  WireCall call_;
  bool is_cancelled_ = false;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer message_;
};

// A call of a client. Deletes itself when gRPC is done with it.
class MutatingProxy::Impl::Incoming final : public grpc::ServerGenericBidiReactor {
 public:
  Incoming(Impl& proxy, const grpc::GenericCallbackServerContext& context)
      : proxy_(proxy), path_(context.method()), deadline_(core::Instant::never()) {
    const auto deadline = context.deadline();
    if (deadline != std::chrono::system_clock::time_point::max()) {
      deadline_ = proxy.now() + std::chrono::duration_cast<core::Duration>(
                                    deadline - std::chrono::system_clock::now());
    }
    StartRead(&buffer_);
  }

 private:
  void OnReadDone(bool ok) override {
    proxy_.context_.post([this, ok] { on_read(ok); });
  }
  void OnWriteDone(bool /*ok*/) override {
    proxy_.context_.post([this] {
      is_writing_ = false;
      write_next();
    });
  }
  void OnCancel() override {
    proxy_.context_.post([this] { close(absl::CancelledError("the client has left")); });
  }
  void OnDone() override {
    proxy_.context_.post([this] { delete this; });
  }

  // Within the context.
  void on_read(bool ok) {
    if (call_) {
      // The end of the requests is what usually comes here.
      if (ok) close(absl::UnimplementedError("the proxy forwards calls with one request"));
      return;
    }
    if (!ok) return close(absl::InvalidArgumentError("the call has no request"));
    std::string request = bytes_of(buffer_);
    buffer_.Clear();
    StartRead(&buffer_);
    call_ = 0;  // on_end may come before start() returns
    call_ = proxy_.mutator_.start({.path = path_,
                                   .request = std::move(request),
                                   .deadline = deadline_,
                                   .streaming = true,
                                   .on_message =
                                       [this](std::string bytes) {
                                         messages_.push_back(std::move(bytes));
                                         write_next();
                                       },
                                   .on_end =
                                       [this](absl::Status status) {
                                         end_ = std::move(status);
                                         write_next();
                                       }});
  }

  // Ends the call without waiting for the target.
  void close(absl::Status status) {
    if (end_) return;
    if (call_) proxy_.mutator_.abandon(*call_);
    messages_.clear();
    end_ = std::move(status);
    write_next();
  }

  void write_next() {
    if (is_writing_ || is_finished_) return;
    if (!messages_.empty()) {
      is_writing_ = true;
      message_ = buffer_of(messages_.front());
      messages_.pop_front();
      StartWrite(&message_);
    } else if (end_) {
      is_finished_ = true;
      Finish(to_grpc(*end_));
    }
  }

  Impl& proxy_;
  std::string path_;
  core::Instant deadline_;
  std::optional<std::uint64_t> call_;  // of the Mutator
  std::deque<std::string> messages_;
  std::optional<absl::Status> end_;
  bool is_writing_ = false;
  bool is_finished_ = false;
  grpc::ByteBuffer buffer_;
  grpc::ByteBuffer message_;
};

MutatingProxy::Impl::Impl(const Mutation& mutation, const std::string& target)
    : mutator_(mutation,
               {.start = [this](WireCall call) { return call_target(std::move(call)); },
                .abandon = [this](std::uint64_t number) { outgoing_.at(number)->cancel(); },
                .later =
                    [this](core::Duration delay, std::function<void()> action) {
                      const auto timer =
                          std::make_shared<boost::asio::steady_timer>(context_.executor(), delay);
                      timer->async_wait([timer, action = std::move(action)](auto error) {
                        if (!error) action();
                      });
                    }}),
      stub_(connect(target)) {
  context_.start();
}

MutatingProxy::Impl::~Impl() {
  if (server_ != nullptr) {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }
  context_.run([this] {
    for (auto& [number, call] : outgoing_) call->cancel();
    is_stopping_ = true;
    if (outgoing_.empty()) notify_idle();
  });
  std::unique_lock lock(idle_mutex_);
  idle_.wait(lock, [this] { return is_idle_; });
  context_.stop();
}

grpc::ServerGenericBidiReactor* MutatingProxy::Impl::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new Incoming(*this, *context);
}

std::uint64_t MutatingProxy::Impl::call_target(WireCall call) {
  const std::uint64_t number = ++last_number_;
  const auto entry =
      outgoing_.emplace(number, std::make_unique<Outgoing>(*this, number, std::move(call))).first;
  entry->second->start();
  return number;
}

void MutatingProxy::Impl::on_target_done(std::uint64_t number) {
  outgoing_.erase(number);
  if (is_stopping_ && outgoing_.empty()) notify_idle();
}

absl::StatusOr<std::unique_ptr<MutatingProxy>> MutatingProxy::start(const Mutation& mutation,
                                                                    const ProxyOptions& options) {
  const auto listen = server::parse_address(options.listen);
  if (!listen.ok()) return listen.status();
  const auto target = server::parse_address(options.target);
  if (!target.ok()) return target.status();
  auto impl = std::make_unique<Impl>(mutation, options.target);
  if (absl::Status status = impl->listen(options.listen, *listen); !status.ok()) return status;
  return std::unique_ptr<MutatingProxy>(new MutatingProxy(std::move(impl)));
}

MutatingProxy::MutatingProxy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MutatingProxy::~MutatingProxy() = default;

const std::string& MutatingProxy::address() const { return impl_->address(); }
std::int64_t MutatingProxy::changes() const { return impl_->changes(); }
boost::asio::any_io_executor MutatingProxy::executor() { return impl_->executor(); }

}  // namespace quintain::conformance
