// Calls a live server with gRPC's generic stub. gRPC's threads put messages and ends of calls into
// an inbox, and the transport's own thread delivers them. Whatever the server sends, the memory
// that it takes is limited: that of a message, of a call, of a case and of a run.
#include "conformance/live/grpc_transport.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/judgement/bounded_parse.h"
#include "conformance/live/side_channels.h"

namespace quintain::conformance {

// What the transports of a target share. Thread-safe.
struct RunState {
  explicit RunState(std::string its_address) : address_(std::move(its_address)) {}

  // Another one after a restart of the target.
  std::string address() const {
    const std::lock_guard lock(mutex_);
    return address_;
  }
  void set_address(std::string address) {
    const std::lock_guard lock(mutex_);
    address_ = std::move(address);
  }

 private:
  mutable std::mutex mutex_;
  std::string address_;

 public:
  std::atomic<std::size_t> kept = 0;    // bytes of answers
  std::atomic<int> slow_endpoints = 0;  // HTTP requests that were not answered in time
};

namespace {

using Clock = std::chrono::steady_clock;

// Reflection takes a few small calls.
constexpr core::Duration kReflectionPatience = std::chrono::seconds(10);
constexpr std::chrono::milliseconds kHttpPatience = std::chrono::seconds(10);
// Many cases follow endpoints. A target that lets one wait gets less time for the next ones, and
// then none.
constexpr std::chrono::milliseconds kHttpPatienceWhenSlow = std::chrono::seconds(1);
constexpr int kMaxSlowEndpoints = 3;
// A gRPC server closes a connection with malformed HTTP/2 at once; another server has read the
// bytes by then.
constexpr std::chrono::milliseconds kRawPatience = std::chrono::seconds(1);

// What a call may receive in all. The largest answer that a fixture is asked for is 1 MiB.
constexpr std::size_t kMaxCallBytes = 2 * kMaxMessageBytes;
constexpr std::size_t kMaxCallMessages = 20'000;
// What the calls of a case may keep, and those of a run together: a tenth of it would do for a
// target that answers what it is asked.
constexpr std::size_t kMaxCaseBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxRunBytes = std::size_t{160} << 20;
// A stream is not read on before the transport has delivered what was read.
constexpr std::size_t kMaxUndelivered = std::size_t{1} << 20;
// What gRPC itself may hold of messages that are not complete.
constexpr std::size_t kQuotaBytes = std::size_t{64} << 20;
// gRPC's error names the limit that was exceeded. No server has this one, so it is ours.
constexpr int kGrpcLimit = static_cast<int>(kMaxMessageBytes) + 1;

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

// The status of a call. gRPC reports an answer beyond our limits as if the target had refused the
// call; for the judge it is an answer that cannot be read.
absl::Status to_absl(const grpc::Status& status) {
  const std::string& text = status.error_message();
  if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
    if (text.starts_with("Received message larger than max") &&
        text.ends_with(fmt::format(" vs. {})", kGrpcLimit))) {
      return absl::DataLossError(text);
    }
    // The resource quota cancels calls with this text.
    if (text == "Buffers full") {
      return absl::DataLossError("an answer that is too large to be read");
    }
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), text);
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

// Counts the memory that answers take, against the limits of a case and of its run. Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::shared_ptr<RunState> run) : run_(std::move(run)) {}

  // An error if a limit is exceeded; the bytes are counted all the same.
  absl::Status take(std::size_t bytes) {
    const std::size_t in_case = case_ += bytes;
    const std::size_t in_run = run_->kept += bytes;
    if (in_case > kMaxCaseBytes) return exceeded(kMaxCaseBytes, "case");
    if (in_run > kMaxRunBytes) return exceeded(kMaxRunBytes, "run");
    return absl::OkStatus();
  }

  void give_back(std::size_t bytes) {
    case_ -= bytes;
    run_->kept -= bytes;
  }

 private:
  static absl::Status exceeded(std::size_t limit, std::string_view of) {
    return absl::DataLossError(fmt::format(
        "the answers of this {} take more than {} MiB; no more is read", of, limit >> 20));
  }

  std::atomic<std::size_t> case_ = 0;
  std::shared_ptr<RunState> run_;
};

// An open call. It is kept until its end is taken from the inbox; posting the end is the last thing
// that gRPC's threads do with it.
class LiveCall : private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  LiveCall(std::uint64_t number, WireCall call, Inbox& inbox, MemoryBudget& budget)
      : number_(number),
        call_(std::move(call)),
        inbox_(inbox),
        budget_(budget),
        request_(to_buffer(call_.request)) {
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

  // Ends the call without the target: it is cancelled, and ends with this status.
  void cut(absl::Status why) {
    {
      const std::lock_guard lock(mutex_);
      if (cut_.ok()) cut_ = std::move(why);
    }
    context_.TryCancel();
    read_on();
  }

  // Posts the end of a call that is not started.
  void end_without_start(absl::Status why) {
    inbox_.put({.call = number_, .end = true, .status = std::move(why)});
  }

  // Called by the thread of the transport.
  void abandon() {
    abandoned_ = true;
    cut(absl::CancelledError());
  }

  // Called by the thread of the transport. `dropped`: nothing but the end is delivered.
  void deliver(Event&& event, bool dropped) {
    if (event.end) {
      if (!abandoned_) call_.on_end(std::move(event.status));
      return;
    }
    const std::size_t size = event.bytes.size();
    if (!abandoned_ && !dropped) call_.on_message(std::move(event.bytes));
    budget_.give_back(size);
    if (undelivered_.fetch_sub(size) - size <= kMaxUndelivered) read_on();
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok || !post_message()) return;
    if (undelivered_ <= kMaxUndelivered) return StartRead(&message_);
    // Only a hold permits to read on outside of a reaction. It is also what delays the end of the
    // call, so a call that was cut must not get one.
    std::unique_lock lock(mutex_);
    if (!cut_.ok()) return;
    AddHold();
    paused_ = true;
    lock.unlock();
    if (undelivered_ <= kMaxUndelivered) read_on();  // delivered in the meantime
  }
  void OnDone(const grpc::Status& status) override { post_end(status); }

  // Resumes the reading of a stream that was paused.
  void read_on() {
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(paused_, false)) return;
    }
    StartRead(&message_);
    RemoveHold();
  }

  // False if the call was cut, because it has received too much.
  bool post_message() {
    const std::size_t size = message_.Length();
    received_bytes_ += size;
    if (++received_messages_ > kMaxCallMessages || received_bytes_ > kMaxCallBytes) {
      cut(absl::DataLossError(
          fmt::format("more than {} messages or {} MiB of them; no more is read", kMaxCallMessages,
                      kMaxCallBytes >> 20)));
      return false;
    }
    if (absl::Status taken = budget_.take(size); !taken.ok()) {
      budget_.give_back(size);
      cut(std::move(taken));
      return false;
    }
    undelivered_ += size;
    inbox_.put({.call = number_, .end = false, .bytes = to_string(message_)});
    message_.Clear();
    return true;
  }
  void post_end(const grpc::Status& status) {
    std::unique_lock lock(mutex_);
    absl::Status end = cut_.ok() ? to_absl(status) : cut_;
    lock.unlock();
    inbox_.put({.call = number_, .end = true, .status = std::move(end)});
  }

  std::uint64_t number_;
  WireCall call_;
  Inbox& inbox_;
  MemoryBudget& budget_;
  bool abandoned_ = false;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer message_;
  std::size_t received_bytes_ = 0;
  std::size_t received_messages_ = 0;
  std::atomic<std::size_t> undelivered_ = 0;

  std::mutex mutex_;
  absl::Status cut_;  // OK: not cut
  bool paused_ = false;
};

// One for all connections, since they share the memory of the process.
const grpc::ResourceQuota& quota() {
  static grpc::ResourceQuota shared("quintain conform");
  static const bool sized = (shared.Resize(kQuotaBytes), true);
  static_cast<void>(sized);
  return shared;
}

std::shared_ptr<grpc::Channel> connect(const LiveOptions& options, const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kGrpcLimit);
  // The windows of flow control stay small, so that a target cannot send far ahead.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetMaxSendMessageSize(-1);
  // gRPC checks the size of a message before it is decompressed, so none is: the target learns
  // that this client takes no compressed messages.
  arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetResourceQuota(quota());
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
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

class GrpcTransport final : public Transport {
 public:
  GrpcTransport(std::shared_ptr<const LiveOptions> options, std::shared_ptr<RunState> run)
      : options_(std::move(options)),
        run_(run),
        budget_(run),
        stub_(connect(*options_, run->address())) {}

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
    started = std::make_unique<LiveCall>(number, std::move(call), inbox_, budget_);
    if (exhausted_.ok()) {
      started->start(*stub_, left);
    } else {
      started->end_without_start(exhausted_);
    }
    return number;
  }

  void abandon(std::uint64_t call) override { calls_.at(call)->abandon(); }

  void reconnect() override {
    // A call that was abandoned keeps its connection until it has ended.
    while (!calls_.empty()) deliver(*inbox_.take(Clock::time_point::max()));
    stub_.emplace(connect(*options_, run_->address()));
  }

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

  absl::Status restart() override {
    if (!options_->restart) return Transport::restart();
    auto address = options_->restart();
    if (!address.ok()) return address.status();
    run_->set_address(*std::move(address));
    reconnect();
    return absl::OkStatus();
  }

  absl::StatusOr<google::protobuf::FileDescriptorSet> describe() override {
    if (options_->descriptor) return *options_->descriptor;
    return reflect(*this, kReflectionPatience);
  }

  absl::StatusOr<HttpAnswer> get(const std::string& endpoint) override {
    const int slow = run_->slow_endpoints;
    if (slow >= kMaxSlowEndpoints) {
      return absl::UnavailableError(
          fmt::format("{} endpoints were not answered in time; no more is called", slow));
    }
    const auto patience = slow == 0 ? kHttpPatience : kHttpPatienceWhenSlow;
    const Clock::time_point began = Clock::now();
    auto answer = http_get({.base = options_->status_endpoint_http,
                            .target = parse_address(run_->address())->host,
                            .other_hosts = options_->endpoint_hosts,
                            .patience = patience},
                           endpoint);
    if (absl::IsUnavailable(answer.status()) && Clock::now() - began >= patience) {
      ++run_->slow_endpoints;
    }
    return answer;
  }

  absl::Status keep(std::size_t bytes) override {
    if (!exhausted_.ok()) return exhausted_;
    exhausted_ = budget_.take(bytes);
    if (!exhausted_.ok()) {
      for (auto& [number, call] : calls_) call->cut(exhausted_);
    }
    return exhausted_;
  }

  absl::Status send_raw(std::string_view bytes, std::string_view after_a_pause) override {
    return send_raw_bytes(*parse_address(run_->address()), bytes, after_a_pause, kRawPatience);
  }

 private:
  void deliver(Event&& event) {
    const auto call = calls_.find(event.call);
    if (!event.end) return call->second->deliver(std::move(event), !exhausted_.ok());
    // The callback may start and abandon calls, so the ended one is removed first.
    const std::unique_ptr<LiveCall> ended = std::move(call->second);
    calls_.erase(call);
    ended->deliver(std::move(event), false);
  }

  std::shared_ptr<const LiveOptions> options_;
  Clock::time_point started_at_ = Clock::now();
  std::shared_ptr<RunState> run_;
  MemoryBudget budget_;
  absl::Status exhausted_;  // what every further call ends with; OK: nothing
  std::optional<grpc::GenericStub> stub_;
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

LiveTarget::LiveTarget(std::shared_ptr<const LiveOptions> options)
    : options_(std::move(options)), run_(std::make_shared<RunState>(options_->address)) {}

std::unique_ptr<Transport> LiveTarget::connect() const {
  return std::make_unique<GrpcTransport>(options_, run_);
}

}  // namespace quintain::conformance
