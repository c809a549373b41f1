// The calls of Check and Watch, and the lists that limit them.
#include "server/health.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <optional>
#include <utility>

#include "grpc_services/health.pb.h"

namespace quintain::server {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using ServingStatus = HealthCheckResponse::ServingStatus;

constexpr std::size_t kMaxCalls = 1000;
constexpr int kMaxCallsOfPeer = 16;
// A watch keeps the name of its service. Those that are served have less.
constexpr std::size_t kMaxNameBytes = 256;

grpc::ByteBuffer bytes_of(ServingStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  const grpc::Slice slice(response.SerializeAsString());
  return {&slice, 1};
}

// The service that the request names; nullopt if it is malformed or too long.
std::optional<std::string> service_of(const grpc::ByteBuffer& bytes) {
  grpc::Slice whole;
  HealthCheckRequest request;
  if (!bytes.TrySingleSlice(&whole).ok() && !bytes.DumpToSingleSlice(&whole).ok()) return {};
  if (whole.size() > 2 * kMaxNameBytes) return {};
  if (!request.ParseFromArray(whole.begin(), static_cast<int>(whole.size()))) return {};
  if (request.service().size() > kMaxNameBytes) return {};
  return request.service();
}

}  // namespace

// One call of either method. `State` owns the lock of everything in it.
class HealthService::Call final : public grpc::ServerGenericBidiReactor {
 public:
  Call(State& state, bool watches, std::string peer)
      : state_(state), watches_(watches), peer_(std::move(peer)) {}

  const std::string& peer() const { return peer_; }
  void begin() { StartRead(&request_); }

  // Requires: the lock.
  void send(ServingStatus status);
  void end(const grpc::Status& status) {
    if (!std::exchange(ended_, true)) Finish(status);
  }
  void update();

  // The place in the list of open calls.
  std::optional<std::list<Call*>::iterator> place;

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  State& state_;
  const bool watches_;
  const std::string peer_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  std::optional<std::string> service_;  // once the request has come
  std::optional<ServingStatus> sent_;
  bool writing_ = false;
  bool ended_ = false;
};

class HealthService::State {
 public:
  explicit State(std::vector<std::string> services) : services_(std::move(services)) {}

  grpc::ServerGenericBidiReactor* accept(const grpc::CallbackServerContext& context, bool watches) {
    auto* const call = new Call(*this, watches, context.peer());
    const std::lock_guard lock(mutex_);
    if (++peers_[call->peer()] > kMaxCallsOfPeer) {
      call->end({grpc::StatusCode::RESOURCE_EXHAUSTED,
                 "the connection has too many calls of grpc.health.v1.Health"});
    } else if (closed_) {
      call->end(shut_down());
    } else {
      if (open_.size() >= kMaxCalls) {
        end(*open_.front(), {grpc::StatusCode::UNAVAILABLE, "others watch as well; watch again"});
      }
      call->place = open_.insert(open_.end(), call);
      call->begin();
    }
    return call;
  }

  // Requires: the lock.
  std::optional<ServingStatus> status_of(const std::string& service) const {
    const bool known = service.empty() || std::ranges::find(services_, service) != services_.end();
    if (!known) return {};
    return serving_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
  }

  void set_serving(bool serving) {
    const std::lock_guard lock(mutex_);
    serving_ = serving;
    for (Call* const call : open_) call->update();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    while (!open_.empty()) end(*open_.front(), shut_down());
  }

  void forget(Call& call) {
    const std::lock_guard lock(mutex_);
    close_place(call);
    const auto peer = peers_.find(call.peer());
    if (--peer->second == 0) peers_.erase(peer);
  }

  // Requires: the lock.
  void end(Call& call, const grpc::Status& status) {
    close_place(call);
    call.end(status);
  }
  void close_place(Call& call) {
    if (call.place) open_.erase(*call.place);
    call.place.reset();
  }

  std::mutex& mutex() { return mutex_; }

 private:
  static grpc::Status shut_down() {
    return {grpc::StatusCode::UNAVAILABLE, "the server is shut down"};
  }

  const std::vector<std::string> services_;
  std::mutex mutex_;
  bool serving_ = false;
  bool closed_ = false;
  std::list<Call*> open_;  // those that have not ended, the oldest first
  absl::flat_hash_map<std::string, int> peers_;
};

void HealthService::Call::send(ServingStatus status) {
  sent_ = status;
  response_ = bytes_of(status);
  writing_ = true;
  StartWrite(&response_);
}

// Sends the status to a client that watches, unless it has it.
void HealthService::Call::update() {
  if (!service_ || writing_ || ended_ || !watches_) return;
  const ServingStatus status =
      state_.status_of(*service_).value_or(HealthCheckResponse::SERVICE_UNKNOWN);
  if (sent_ != status) send(status);
}

void HealthService::Call::OnReadDone(bool ok) {
  const std::lock_guard lock(state_.mutex());
  if (ended_) return;
  if (ok) service_ = service_of(request_);
  request_.Clear();
  if (!service_) {
    return state_.end(*this, {grpc::StatusCode::INVALID_ARGUMENT,
                              "there is no grpc.health.v1.HealthCheckRequest with a name of at "
                              "most 256 bytes"});
  }
  if (watches_) return update();
  const auto status = state_.status_of(*service_);
  if (!status) return state_.end(*this, {grpc::StatusCode::NOT_FOUND, "unknown service"});
  ended_ = true;
  state_.close_place(*this);
  response_ = bytes_of(*status);
  StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
}

void HealthService::Call::OnWriteDone(bool ok) {
  const std::lock_guard lock(state_.mutex());
  writing_ = false;
  if (ok) {
    update();
  } else {
    state_.end(*this, grpc::Status::CANCELLED);
  }
}

void HealthService::Call::OnCancel() {
  const std::lock_guard lock(state_.mutex());
  state_.end(*this, grpc::Status::CANCELLED);
}

void HealthService::Call::OnDone() {
  state_.forget(*this);
  delete this;
}

HealthService::HealthService(std::vector<std::string> services)
    : state_(std::make_unique<State>(std::move(services))) {}

HealthService::~HealthService() = default;

grpc::ServerGenericBidiReactor* HealthService::CreateReactor(
    grpc::GenericCallbackServerContext* call) {
  const bool watches = call->method() == "/grpc.health.v1.Health/Watch";
  if (watches || call->method() == "/grpc.health.v1.Health/Check") {
    return state_->accept(*call, watches);
  }
  return CallbackGenericService::CreateReactor(call);
}

void HealthService::set_serving(bool serving) { state_->set_serving(serving); }

void HealthService::close() { state_->close(); }

}  // namespace quintain::server
