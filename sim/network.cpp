// A call on the network is a connection: the caller's end is the answer that it was given, the
// node's end is the transport of a call of core/service/. Each end can be over before the other;
// the connection is deleted when both are.
#include "sim/network.h"

#include <absl/status/status.h>

#include <algorithm>
#include <cassert>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/service/stream_call.h"
#include "core/service/unary_call.h"
#include "sim/world.h"

namespace quintain::sim {
namespace {

using Service = core::FunctionService;
using google::protobuf::MessageLite;

class ReceivedBytes final : public core::service::RequestBytes {
 public:
  explicit ReceivedBytes(const std::string& bytes) : bytes_(bytes) {}
  std::size_t size() const override { return bytes_.size(); }
  std::optional<std::string_view> contiguous() override { return bytes_; }
  bool parse_into(MessageLite& message) override { return message.ParseFromString(bytes_); }

 private:
  const std::string& bytes_;
};

absl::Status connection_lost() {
  return absl::UnavailableError("the connection to the node was lost");
}

void poison_field(google::protobuf::Message& message,
                  const google::protobuf::FieldDescriptor& field) {
  using Field = google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    const int size = reflection.FieldSize(message, &field);
    for (int i = 0; i < size; ++i) {
      switch (field.cpp_type()) {
        case Field::CPPTYPE_MESSAGE:
          poison(*reflection.MutableRepeatedMessage(&message, &field, i));
          break;
        case Field::CPPTYPE_STRING:
          reflection.SetRepeatedString(&message, &field, i, "recycled");
          break;
        default:
          break;  // no request has others
      }
    }
    return;
  }
  switch (field.cpp_type()) {
    case Field::CPPTYPE_MESSAGE:
      poison(*reflection.MutableMessage(&message, &field));
      break;
    case Field::CPPTYPE_STRING:
      reflection.SetString(&message, &field, "recycled");
      break;
    case Field::CPPTYPE_INT32:
      reflection.SetInt32(&message, &field, -77);
      break;
    case Field::CPPTYPE_INT64:
      reflection.SetInt64(&message, &field, -77);
      break;
    case Field::CPPTYPE_BOOL:
      reflection.SetBool(&message, &field, !reflection.GetBool(message, &field));
      break;
    case Field::CPPTYPE_ENUM:
      reflection.SetEnumValue(&message, &field, 77);
      break;
    default:
      break;
  }
}

}  // namespace

void poison(google::protobuf::Message& message) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const auto* field : fields) poison_field(message, *field);
}

// ---- Connections --------------------------------------------------------------------------------

class SimulatedNetwork::Connection {
 public:
  explicit Connection(SimulatedNetwork& network)
      : network_(network),
        number_(++network.connections_made_),
        draws_("sim.network", static_cast<std::uint64_t>(network.node_) << 40 | number_),
        call_number_(network.world_.current_call()),
        arrival_(
            network.environment_, [](void* self) { static_cast<Connection*>(self)->arrive(); },
            this),
        reset_(
            network.environment_, [](void* self) { static_cast<Connection*>(self)->be_reset(); },
            this),
        lost_(
            network.environment_, [](void* self) { static_cast<Connection*>(self)->be_lost(); },
            this),
        departure_(
            network.environment_, [](void* self) { static_cast<Connection*>(self)->depart(); },
            this) {}
  virtual ~Connection() = default;

  std::uint64_t number() const { return number_; }

  // The request leaves the caller.
  void send() {
    const core::Instant now = network_.environment_.now();
    if (network_.loses(draws_)) {
      note(NetworkEvent::kRequestLost);
      lost_.arm(now + network_.spec_.noticed_after, core::Precedence::kOther);
    } else {
      under_way_ = true;
      arrival_.arm(now + network_.latency(draws_), core::Precedence::kOther);
    }
    if (awaited() && network_.spec_.resets > 0 &&
        network_.world_.randomness().uniform(draws_) < network_.spec_.resets) {
      reset_.arm(now + network_.spec_.reset_after.sample(network_.world_.randomness(), draws_),
                 core::Precedence::kOther);
    }
  }

  void note(NetworkEvent event) {
    network_.world_.record({.kind = EventKind::kNetwork,
                            .execution = {.node = network_.node_},
                            .number = static_cast<int>(event),
                            .call = call_number_});
  }

  // The world ends.
  void close() {
    if (awaited()) fail_caller(connection_lost());
  }

 protected:
  // The caller's end.
  virtual bool awaited() const = 0;
  virtual void fail_caller(const absl::Status& status) = 0;
  // The node's end: decodes the request and serves it; the caller has gone.
  virtual void serve() = 0;
  virtual void on_gone() = 0;

  // What the node knows of the call when its request arrives.
  core::service::Arrival arrival(core::Instant deadline) {
    Load& load = network_.load_;
    // All callers are one peer.
    place_.emplace(load, load.is_crowded() ? "callers" : "");
    return {.at = network_.environment_.now(),
            .deadline = deadline,
            .metadata_bytes = network_.spec_.metadata_bytes,
            .open_calls = place_->open_calls(),
            .calls_of_peer = place_->calls_of_peer()};
  }

  // The port to the service of now.
  core::service::ServicePort& port() {
    network_.port_.open(network_.service_());
    return network_.port_;
  }

  // The node ends the connection of a caller that does not read. Nothing arrives there any more.
  void reset_by_node() {
    note(NetworkEvent::kConnectionReset);
    is_dead_ = true;
    is_reset_ = true;
    if (awaited()) {
      lost_.arm(network_.environment_.now() + network_.latency(draws_), core::Precedence::kOther);
    }
  }

  // The caller has left. Its end is over at once.
  void caller_left() {
    const bool lost = network_.loses(draws_);
    departure_.arm(network_.environment_.now() +
                       (lost ? network_.spec_.noticed_after : network_.latency(draws_)),
                   core::Precedence::kCancel);
    end_for_caller(absl::CancelledError("the caller has left"));
  }

  void end_for_caller(const absl::Status& status) {
    reset_.disarm();
    lost_.disarm();
    if (awaited()) fail_caller(status);
    delete_if_over();
  }

  // A message to the caller is lost, and with it all later ones.
  void lose() {
    note(NetworkEvent::kAnswerLost);
    is_dead_ = true;
    const core::Instant noticed = network_.environment_.now() + network_.spec_.noticed_after;
    if (awaited()) lost_.arm(noticed, core::Precedence::kOther);
    if (served_) departure_.arm(noticed, core::Precedence::kCancel);
  }

  void end_for_node() {
    served_ = false;
    departure_.disarm();
    delete_if_over();
  }

  void delete_if_over() {
    if (awaited() || under_way_ || served_ || uses_ > 0 || has_more()) return;
    network_.connections_.erase(number_);
  }

  bool is_dead() const { return is_dead_; }
  bool is_reset() const { return is_reset_; }
  bool has_left() const { return has_left_; }

  // The connection is being used further up the stack, so that it must not be deleted.
  class InUse {
   public:
    explicit InUse(Connection& connection) : connection_(connection) { ++connection.uses_; }
    ~InUse() {
      --connection_.uses_;
      connection_.delete_if_over();
    }
    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;

   private:
    Connection& connection_;
  };

  virtual bool has_more() const { return false; }

  SimulatedNetwork& network_;
  const std::uint64_t number_;
  core::RandomStream draws_;

 private:
  void arrive() {
    note(NetworkEvent::kRequestArrives);
    under_way_ = false;
    served_ = true;
    const InUse in_use(*this);
    network_.world_.set_current_call(call_number_);
    serve();
    if (served_ && has_left_) on_gone();
  }

  void be_reset() {
    note(NetworkEvent::kConnectionReset);
    if (!departure_.armed()) {
      departure_.arm(network_.environment_.now() + network_.latency(draws_),
                     core::Precedence::kCancel);
    }
    end_for_caller(absl::UnavailableError("the connection was reset"));
  }

  void be_lost() {
    note(NetworkEvent::kLossNoticed);
    end_for_caller(connection_lost());
  }

  void depart() {
    note(NetworkEvent::kCallerLeft);
    has_left_ = true;
    const InUse in_use(*this);
    if (served_) on_gone();
  }

  const std::uint64_t call_number_;
  bool under_way_ = false;  // the request
  bool served_ = false;     // the node has the request and has not answered it
  int uses_ = 0;
  bool has_left_ = false;  // as far as the node knows
  bool is_dead_ = false;   // nothing arrives at the caller any more
  bool is_reset_ = false;  // by the node
  std::optional<Load::Place> place_;
  core::Timer arrival_;
  core::Timer reset_;
  core::Timer lost_;
  core::Timer departure_;
};

template <class Request, class Response, auto kMethod>
using Unary = core::service::UnaryCall<Request, Response, kMethod, core::service::NoMutex>;

template <class Request, class Response, auto kMethod>
class SimulatedNetwork::UnaryConnection<Unary<Request, Response, kMethod>> final
    : public Connection,
      public core::service::UnaryTransport {
 public:
  UnaryConnection(SimulatedNetwork& network, std::string request, core::Instant deadline,
                  std::optional<core::Answer<Response>> answer)
      : Connection(network),
        request_(std::move(request)),
        deadline_(deadline),
        answer_(std::move(answer)),
        reply_(
            network.environment_,
            [](void* self) { static_cast<UnaryConnection*>(self)->reply_arrives(); }, this) {
    if (!answer_ || !answer_->awaited()) return;
    answer_->watch(
        [](void* self, std::uint64_t) { static_cast<UnaryConnection*>(self)->caller_left(); }, this,
        0);
  }

 private:
  bool awaited() const override { return answer_.has_value(); }
  void fail_caller(const absl::Status& status) override {
    std::move(*std::exchange(answer_, std::nullopt)).refuse(status);
  }
  bool has_more() const override { return reply_.armed(); }

  void serve() override {
    call_.emplace(port(), *this, arrival(deadline_));
    ReceivedBytes bytes(request_);
    call_->decode(std::get<RequestPool<Request>>(network_.pools_), bytes);
    call_->start();
  }
  void on_gone() override { call_->on_gone(); }

  // ---- core::service::UnaryTransport ----
  absl::Status admit() override { return absl::OkStatus(); }
  void on_end(const core::service::CallEnd&) override {}
  void reply(const MessageLite& response) override {
    response_ = response.SerializeAsString();
    send_answer();
  }
  void finish(const absl::Status& status) override {
    status_ = status;
    send_answer();
  }
  void reset() override {
    reply_.disarm();
    reset_by_node();
    delete_if_over();
  }

  void send_answer() {
    if (awaited()) {
      if (network_.loses(draws_)) {
        lose();
      } else {
        note(NetworkEvent::kAnswerSent);
        reply_.arm(network_.environment_.now() + network_.latency(draws_),
                   core::Precedence::kOther);
      }
    }
    end_for_node();
  }

  void reply_arrives() {
    if (!awaited()) return delete_if_over();
    if (!response_) return end_for_caller(status_);
    Response response;
    [[maybe_unused]] const bool parsed = response.ParseFromString(*response_);
    assert(parsed);
    std::move(*std::exchange(answer_, std::nullopt)).send(std::move(response));
    end_for_caller(absl::OkStatus());
  }

  const std::string request_;
  const core::Instant deadline_;
  std::optional<core::Answer<Response>> answer_;
  std::optional<Unary<Request, Response, kMethod>> call_;
  std::optional<std::string> response_;
  absl::Status status_;
  core::Timer reply_;
};

// A stream. A message leaves the node when its reader has room for it.
class SimulatedNetwork::StreamConnection final : public Connection,
                                                 public core::service::StreamTransport {
  using Message = spearlet::StreamExecutionResult;

 public:
  StreamConnection(SimulatedNetwork& network, std::string request, core::Instant deadline,
                   core::StreamAnswer<Message> answer)
      : Connection(network),
        request_(std::move(request)),
        deadline_(deadline),
        answer_(std::move(answer)),
        leaving_(
            network.environment_,
            [](void* self) { static_cast<StreamConnection*>(self)->message_leaves(); }, this),
        next_(
            network.environment_,
            [](void* self) { static_cast<StreamConnection*>(self)->next_arrives(); }, this) {
    if (!answer_->awaited()) return;
    answer_->watch(
        [](void* self, std::uint64_t) { static_cast<StreamConnection*>(self)->caller_left(); },
        this, 0);
  }

 private:
  struct Piece {
    std::optional<std::string> message;  // nullopt: the end
    absl::Status status;
    core::Instant at{};  // its arrival
  };

  bool awaited() const override { return answer_.has_value(); }
  void fail_caller(const absl::Status& status) override {
    std::move(*std::exchange(answer_, std::nullopt)).finish(status);
  }
  bool has_more() const override { return leaving_.armed() || !arriving_.empty(); }

  void serve() override {
    call_.emplace(port(), *this, arrival(deadline_));
    ReceivedBytes bytes(request_);
    call_->decode(bytes);
    call_->start();
  }
  void on_gone() override {
    // What is being written fails.
    if (leaving_.armed()) leaving_.arm(network_.environment_.now(), core::Precedence::kCompletion);
    call_->on_gone();
  }

  // ---- core::service::StreamTransport ----
  absl::Status admit() override { return absl::OkStatus(); }
  void on_end(const core::service::CallEnd&) override {}
  void write(const MessageLite& message) override {
    written_ = message.SerializeAsString();
    core::Duration time{0};
    if (const std::int64_t rate = network_.spec_.reader_bytes_per_second; rate > 0) {
      note(NetworkEvent::kReaderIsBehind);
      const auto bytes = static_cast<double>(written_.size());
      time = core::Duration(static_cast<std::int64_t>(bytes * 1e9 / static_cast<double>(rate)));
    }
    // A fast reader has taken it before anything else happens.
    leaving_.arm(network_.environment_.now() + time, core::Precedence::kCompletion);
  }
  void finish(const absl::Status& status) override {
    send({.message = std::nullopt, .status = status});
    end_for_node();
  }
  void reset() override {
    reset_by_node();
    leaving_.arm(network_.environment_.now(), core::Precedence::kCompletion);
  }

  // The reader has room for the message.
  void message_leaves() {
    const InUse in_use(*this);
    const bool is_open = !has_left() && !is_reset();
    if (is_open) send({.message = std::move(written_), .status = absl::OkStatus()});
    call_->written(is_open);
  }

  void send(Piece&& piece) {
    if (!awaited() || is_dead()) return;
    if (network_.loses(draws_)) return lose();
    note(NetworkEvent::kAnswerSent);
    last_arrival_ = std::max(last_arrival_, network_.environment_.now() + network_.latency(draws_));
    piece.at = last_arrival_;
    arriving_.push_back(std::move(piece));
    if (!next_.armed()) next_.arm(arriving_.front().at, core::Precedence::kOther);
  }

  // A message arrives at the caller.
  void next_arrives() {
    const InUse in_use(*this);
    Piece piece = std::move(arriving_.front());
    arriving_.pop_front();
    if (!arriving_.empty()) next_.arm(arriving_.front().at, core::Precedence::kOther);
    if (!awaited()) return;
    if (piece.message) {
      Message message;
      [[maybe_unused]] const bool parsed = message.ParseFromString(*piece.message);
      assert(parsed);
      answer_->write(std::move(message));
    } else {
      std::move(*std::exchange(answer_, std::nullopt)).finish(piece.status);
      end_for_caller(absl::OkStatus());
    }
  }

  const std::string request_;
  const core::Instant deadline_;
  std::optional<core::StreamAnswer<Message>> answer_;
  std::optional<core::service::StreamCall> call_;
  std::string written_;
  core::Instant last_arrival_;
  std::deque<Piece> arriving_;
  core::Timer leaving_;
  core::Timer next_;
};

// ---- The network --------------------------------------------------------------------------------

SimulatedNetwork::SimulatedNetwork(World& world, std::uint32_t node, core::Environment& environment,
                                   const NetworkSpec& spec,
                                   std::function<core::FunctionService&()> service)
    : world_(world),
      node_(node),
      environment_(environment),
      spec_(spec),
      service_(std::move(service)),
      load_(spec_.limits.open_calls),
      port_(environment, load_, spec_.limits) {}

SimulatedNetwork::~SimulatedNetwork() {
  for (const auto& [number, connection] : connections_) connection->close();
}

bool SimulatedNetwork::loses(core::RandomStream& draws) {
  const core::Instant now = environment_.now();
  for (const NetworkSpec::Partition& partition : spec_.partitions) {
    if (partition.from <= now && now < partition.until) return true;
  }
  return spec_.loss > 0 && world_.randomness().uniform(draws) < spec_.loss;
}

core::Duration SimulatedNetwork::latency(core::RandomStream& draws) {
  return spec_.latency.sample(world_.randomness(), draws);
}

template <auto kMethod, class Request, class Response>
void SimulatedNetwork::carry(const Request& request, const core::CallContext& call,
                             core::Answer<Response> answer) {
  using Carried = UnaryConnection<Unary<Request, Response, kMethod>>;
  const std::string bytes = request.SerializeAsString();
  std::vector<std::unique_ptr<Connection>> made;
  made.push_back(std::make_unique<Carried>(*this, bytes, call.deadline, std::move(answer)));
  core::RandomStream draws("sim.network.duplicates",
                           static_cast<std::uint64_t>(node_) << 40 | made.front()->number());
  if (spec_.duplicates > 0 && world_.randomness().uniform(draws) < spec_.duplicates) {
    made.front()->note(NetworkEvent::kRequestDuplicated);
    made.push_back(std::make_unique<Carried>(*this, bytes, call.deadline, std::nullopt));
  }
  for (auto& connection : made) {
    Connection& sent = *connection;
    connections_[sent.number()] = std::move(connection);
    sent.send();
  }
}

void SimulatedNetwork::InvokeFunction(spearlet::InvokeFunctionRequest&& request,
                                      const core::CallContext& call,
                                      core::Answer<spearlet::InvokeFunctionResponse> answer) {
  carry<&Service::InvokeFunction>(request, call, std::move(answer));
}
void SimulatedNetwork::StreamFunction(spearlet::InvokeFunctionRequest&& request,
                                      const core::CallContext& call,
                                      core::StreamAnswer<spearlet::StreamExecutionResult> answer) {
  auto connection = std::make_unique<StreamConnection>(*this, request.SerializeAsString(),
                                                       call.deadline, std::move(answer));
  Connection& sent = *connection;
  connections_[sent.number()] = std::move(connection);
  sent.send();
}
void SimulatedNetwork::GetExecutionStatus(
    const spearlet::GetExecutionStatusRequest& request,
    core::Answer<spearlet::GetExecutionStatusResponse> answer) {
  carry<&Service::GetExecutionStatus>(request, {}, std::move(answer));
}
void SimulatedNetwork::CancelExecution(const spearlet::CancelExecutionRequest& request,
                                       core::Answer<spearlet::CancelExecutionResponse> answer) {
  carry<&Service::CancelExecution>(request, {}, std::move(answer));
}
void SimulatedNetwork::ListTasks(const spearlet::ListTasksRequest& request,
                                 core::Answer<spearlet::ListTasksResponse> answer) {
  carry<&Service::ListTasks>(request, {}, std::move(answer));
}
void SimulatedNetwork::GetTask(const spearlet::GetTaskRequest& request,
                               core::Answer<spearlet::GetTaskResponse> answer) {
  carry<&Service::GetTask>(request, {}, std::move(answer));
}
void SimulatedNetwork::DeleteTask(const spearlet::DeleteTaskRequest& request,
                                  core::Answer<spearlet::DeleteTaskResponse> answer) {
  carry<&Service::DeleteTask>(request, {}, std::move(answer));
}
void SimulatedNetwork::ListExecutions(const spearlet::ListExecutionsRequest& request,
                                      core::Answer<spearlet::ListExecutionsResponse> answer) {
  carry<&Service::ListExecutions>(request, {}, std::move(answer));
}
void SimulatedNetwork::GetHealth(const spearlet::GetHealthRequest& request,
                                 core::Answer<spearlet::GetHealthResponse> answer) {
  carry<&Service::GetHealth>(request, {}, std::move(answer));
}
void SimulatedNetwork::GetStats(const spearlet::GetStatsRequest& request,
                                core::Answer<spearlet::GetStatsResponse> answer) {
  carry<&Service::GetStats>(request, {}, std::move(answer));
}

}  // namespace quintain::sim
