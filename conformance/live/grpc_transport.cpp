// Calls a live server with gRPC's generic stub. gRPC's threads put messages and ends of calls into
// an inbox, and the transport's own thread delivers them.
#include "conformance/live/grpc_transport.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/live/side_channels.h"

namespace quintain::conformance {
namespace {

using Clock = std::chrono::steady_clock;

// Reflection takes a few small calls.
constexpr core::Duration kReflectionPatience = std::chrono::seconds(10);
constexpr std::chrono::milliseconds kHttpPatience = std::chrono::seconds(10);
// A gRPC server closes a connection with malformed HTTP/2 at once; another server has read the
// bytes by then.
constexpr std::chrono::milliseconds kRawPatience = std::chrono::seconds(1);

grpc::ByteBuffer to_buffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

std::string to_string(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

absl::Status to_absl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

// A message that a call received, or its end.
struct Event {
  std::uint64_t call;
  bool end;
  std::string bytes{};
  absl::Status status{};
  Clock::time_point at = Clock::now();
};

// A queue of events from gRPC's threads to the thread of the transport. Thread-safe.
class Inbox {
 public:
  void put(Event event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    // Notify under the lock: after the last event the transport may destroy the inbox.
    arrived_.notify_one();
  }

  // Waits for the next event that arrived no later than `until`; nullopt if there is none. So a
  // fast stream cannot keep the transport busy beyond `until`.
  std::optional<Event> take(Clock::time_point until) {
    std::unique_lock lock(mutex_);
    const auto any = [this] { return !events_.empty(); };
    if (until == Clock::time_point::max()) {
      arrived_.wait(lock, any);
    } else if (!arrived_.wait_until(lock, until, any)) {
      return std::nullopt;
    }
    if (events_.front().at > until) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Event> events_;
};

// An open call. It is kept until its end is taken from the inbox; posting the end is the last thing
// that gRPC's threads do with it.
class LiveCall : private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  LiveCall(std::uint64_t number, WireCall call, Inbox& inbox)
      : number_(number), call_(std::move(call)), inbox_(inbox), request_(to_buffer(call_.request)) {
    call_.request.clear();
  }

  void start(grpc::GenericStub& stub, core::Duration left) {
    if (left != core::kForever) {
      // gRPC's clock is coarser than ours, and the call must not end before its deadline. A
      // deadline in the past stays there.
      if (left > core::Duration::zero()) {
        left = core::saturating_add(left, std::chrono::milliseconds(1));
      }
      context_.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                         gpr_time_from_nanos(left.count(), GPR_TIMESPAN)));
    }
    if (call_.streaming) {
      stub.PrepareBidiStreamingCall(&context_, call_.path, {}, this);
      StartWriteLast(&request_, {});
      StartRead(&message_);
      StartCall();
      return;
    }
    stub.UnaryCall(&context_, call_.path, {}, &request_, &message_,
                   [this](const grpc::Status& status) {
                     if (status.ok()) post_message();
                     post_end(status);
                   });
  }

  void abandon() {
    abandoned_ = true;
    context_.TryCancel();
  }

  // Called by the thread of the transport.
  void deliver(Event&& event) {
    if (abandoned_) return;
    if (event.end) {
      call_.on_end(std::move(event.status));
    } else {
      call_.on_message(std::move(event.bytes));
    }
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    post_message();
    StartRead(&message_);
  }
  void OnDone(const grpc::Status& status) override { post_end(status); }

  void post_message() {
    inbox_.put({.call = number_, .end = false, .bytes = to_string(message_)});
    message_.Clear();
  }
  void post_end(const grpc::Status& status) {
    inbox_.put({.call = number_, .end = true, .status = to_absl(status)});
  }

  std::uint64_t number_;
  WireCall call_;
  Inbox& inbox_;
  bool abandoned_ = false;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer message_;
};

std::shared_ptr<grpc::Channel> connect(const LiveOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  // Neither the environment nor DNS may change what is judged.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // A connection of its own, and a quick reconnect after the target has closed it.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // This is also the timeout of a connection attempt.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (options.tls) {
    credentials = grpc::SslCredentials({.pem_root_certs = options.tls->authorities,
                                        .pem_private_key = options.tls->key,
                                        .pem_cert_chain = options.tls->certificate});
  }
  return grpc::CreateCustomChannel(options.address, credentials, arguments);
}

class GrpcTransport final : public Transport {
 public:
  explicit GrpcTransport(std::shared_ptr<const LiveOptions> options)
      : options_(std::move(options)), stub_(connect(*options_)) {}

  ~GrpcTransport() override {
    for (auto& [number, call] : calls_) call->abandon();
    while (!calls_.empty()) deliver(*inbox_.take(Clock::time_point::max()));
  }

  core::Instant now() const override { return core::Instant(Clock::now() - started_at_); }

  core::WallTime wall_now() const override {
    return {std::chrono::system_clock::now().time_since_epoch()};
  }

  std::uint64_t start(WireCall call) override {
    const std::uint64_t number = ++last_number_;
    const core::Duration left = call.deadline.is_never() ? core::kForever : call.deadline - now();
    auto& started = calls_[number];
    started = std::make_unique<LiveCall>(number, std::move(call), inbox_);
    started->start(stub_, left);
    return number;
  }

  void abandon(std::uint64_t call) override { calls_.at(call)->abandon(); }

  bool run_until(core::Instant until, const std::function<bool()>& done) override {
    // Longer than any run, and short enough that sums with it cannot overflow.
    constexpr core::Duration kLong = std::chrono::hours(24 * 365);
    const Clock::time_point limit =
        until.since_start() > kLong ? Clock::time_point::max() : started_at_ + until.since_start();
    while (!done()) {
      std::optional<Event> event = inbox_.take(limit);
      if (!event) return false;
      deliver(std::move(*event));
    }
    return true;
  }

  core::Duration slack() const override { return options_->slack; }

  absl::Status drain() override { return options_->drain ? options_->drain() : Transport::drain(); }

  absl::StatusOr<google::protobuf::FileDescriptorSet> describe() override {
    if (options_->descriptor) return *options_->descriptor;
    return reflect(*this, kReflectionPatience);
  }

  absl::StatusOr<HttpAnswer> get(const std::string& endpoint) override {
    return http_get(options_->status_endpoint_http, endpoint, kHttpPatience);
  }

  absl::Status send_raw(std::string_view bytes) override {
    return send_raw_bytes(*parse_address(options_->address), bytes, kRawPatience);
  }

 private:
  void deliver(Event&& event) {
    const auto call = calls_.find(event.call);
    if (!event.end) return call->second->deliver(std::move(event));
    // The callback may start and abandon calls, so the ended one is removed first.
    const std::unique_ptr<LiveCall> ended = std::move(call->second);
    calls_.erase(call);
    ended->deliver(std::move(event));
  }

  std::shared_ptr<const LiveOptions> options_;
  Clock::time_point started_at_ = Clock::now();
  grpc::GenericStub stub_;
  Inbox inbox_;
  std::map<std::uint64_t, std::unique_ptr<LiveCall>> calls_;
  std::uint64_t last_number_ = 0;
};

}  // namespace

absl::StatusOr<LiveTarget> LiveTarget::of(LiveOptions options) {
  if (const auto address = parse_address(options.address); !address.ok()) return address.status();
  if (options.tls && options.tls->certificate.empty() != options.tls->key.empty()) {
    return absl::InvalidArgumentError("a client certificate and its key must be given together");
  }
  return LiveTarget(std::make_shared<const LiveOptions>(std::move(options)));
}

std::unique_ptr<Transport> LiveTarget::connect() const {
  return std::make_unique<GrpcTransport>(options_);
}

}  // namespace quintain::conformance
