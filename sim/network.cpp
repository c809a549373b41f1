// A call on the network is a connection: the caller's end is the answer that it was given, the
// node's end is the caller that the node's service sees. Each end can be over before the other; the
// connection is deleted when both are.
#include "sim/network.h"

#include <absl/status/status.h>

#include <algorithm>
#include <cassert>
#include <deque>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "sim/world.h"

namespace quintain::sim {
namespace {

using Service = core::FunctionService;

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
        call_(network.world_.current_call()),
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
                            .call = call_});
  }

  // The world ends.
  void close() {
    if (awaited()) fail_caller(connection_lost());
  }

 protected:
  // The caller's end.
  virtual bool awaited() const = 0;
  virtual void fail_caller(const absl::Status& status) = 0;
  // The node's end: passes the request to the service; the caller leaves.
  virtual void serve() = 0;
  virtual void leave() = 0;

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

  // A message to the caller is lost.
  void lose() {
    note(NetworkEvent::kAnswerLost);
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

  bool served() const { return served_; }

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
    network_.world_.set_current_call(call_);
    serve();
    if (served_ && left_early_) leave();
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
    if (served_) {
      leave();
    } else {
      left_early_ = true;
    }
  }

  const std::uint64_t call_;
  bool under_way_ = false;  // the request
  bool served_ = false;     // the node has the request and has not answered it
  int uses_ = 0;
  bool left_early_ = false;
  core::Timer arrival_;
  core::Timer reset_;
  core::Timer lost_;
  core::Timer departure_;
};

template <class Request, class Response, auto kMethod>
class SimulatedNetwork::UnaryConnection final : public Connection,
                                                private core::UnaryCaller<Response> {
 public:
  UnaryConnection(SimulatedNetwork& network, std::string request, const core::CallContext& context,
                  std::optional<core::Answer<Response>> answer)
      : Connection(network),
        request_(std::move(request)),
        context_(context),
        answer_(std::move(answer)),
        reply_(
            network.environment_, [](void* self) { static_cast<UnaryConnection*>(self)->reply(); },
            this) {
    context_.request_bytes = static_cast<std::int64_t>(request_.size());
    if (!answer_) return;
    if (answer_->awaited()) {
      answer_->watch(
          [](void* self, std::uint64_t) { static_cast<UnaryConnection*>(self)->caller_left(); },
          this, 0);
    }
  }

 private:
  bool awaited() const override { return answer_.has_value(); }
  void fail_caller(const absl::Status& status) override {
    std::move(*std::exchange(answer_, std::nullopt)).refuse(status);
  }
  void leave() override { core::Caller::leave(); }
  bool has_more() const override { return reply_.armed(); }

  void serve() override {
    auto& recycled = network_.recycled_[Request::descriptor()->full_name()];
    if (recycled == nullptr) recycled = std::make_unique<Request>();
    std::unique_ptr<google::protobuf::Message> lease = std::move(recycled);
    auto& request = static_cast<Request&>(*lease);
    [[maybe_unused]] const bool parsed = request.ParseFromString(request_);
    assert(parsed);
    core::Answer<Response> answer(*this);
    Service& service = network_.service_();
    if constexpr (std::is_same_v<Request, spearlet::InvokeFunctionRequest>) {
      (service.*kMethod)(std::move(request), context_, std::move(answer));
    } else {
      (service.*kMethod)(request, std::move(answer));
    }
    poison(request);
    network_.recycled_[Request::descriptor()->full_name()] = std::move(lease);
  }

  void deliver(Response&& response) override {
    response_.emplace();
    response.SerializeToString(&*response_);
    answer();
  }
  void refuse(const absl::Status& status) override {
    status_ = status;
    answer();
  }
  void answer() {
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

  // The answer arrives at the caller.
  void reply() {
    if (!awaited()) return delete_if_over();
    if (!response_) return end_for_caller(status_);
    Response response;
    [[maybe_unused]] const bool parsed = response.ParseFromString(*response_);
    assert(parsed);
    std::move(*std::exchange(answer_, std::nullopt)).send(std::move(response));
    end_for_caller(absl::OkStatus());
  }

  const std::string request_;
  core::CallContext context_;
  std::optional<core::Answer<Response>> answer_;
  std::optional<std::string> response_;
  absl::Status status_;
  core::Timer reply_;
};

// A stream. Messages leave the node one after the other, as fast as the reader reads.
class SimulatedNetwork::StreamConnection final
    : public Connection,
      private core::StreamCaller<spearlet::StreamExecutionResult> {
  using Message = spearlet::StreamExecutionResult;

 public:
  StreamConnection(SimulatedNetwork& network, std::string request, const core::CallContext& context,
                   std::optional<core::StreamAnswer<Message>> answer)
      : Connection(network),
        request_(std::move(request)),
        context_(context),
        answer_(std::move(answer)),
        read_(
            network.environment_, [](void* self) { static_cast<StreamConnection*>(self)->read(); },
            this),
        next_(
            network.environment_, [](void* self) { static_cast<StreamConnection*>(self)->next(); },
            this) {
    context_.request_bytes = static_cast<std::int64_t>(request_.size());
    if (answer_ && answer_->awaited()) {
      answer_->watch(
          [](void* self, std::uint64_t) { static_cast<StreamConnection*>(self)->caller_left(); },
          this, 0);
    }
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
  void leave() override { core::Caller::leave(); }
  bool has_more() const override { return !unread_.empty() || !arriving_.empty(); }

  void serve() override {
    spearlet::InvokeFunctionRequest request;
    [[maybe_unused]] const bool parsed = request.ParseFromString(request_);
    assert(parsed);
    network_.service_().StreamFunction(std::move(request), context_,
                                       core::StreamAnswer<Message>(*this));
    poison(request);
  }

  std::size_t unsent_bytes() const override { return unread_bytes_; }

  void write(Message&& message) override {
    Piece piece{.message = message.SerializeAsString(), .status = absl::OkStatus()};
    unread_bytes_ += piece.message->size();
    push(std::move(piece));
  }

  void finish(const absl::Status& status) override {
    push({.message = std::nullopt, .status = status});
    end_for_node();
  }

  void push(Piece&& piece) {
    if (!awaited()) {
      if (piece.message) unread_bytes_ -= piece.message->size();
      return;
    }
    unread_.push_back(std::move(piece));
    if (network_.spec_.reader_bytes_per_second == 0) {
      send_front();
    } else {
      note(NetworkEvent::kReaderIsBehind);
      if (!read_.armed()) arm_read();
    }
  }

  void arm_read() {
    const Piece& piece = unread_.front();
    const std::int64_t bytes = piece.message ? static_cast<std::int64_t>(piece.message->size()) : 0;
    const auto time = static_cast<double>(bytes) * 1e9 /
                      static_cast<double>(network_.spec_.reader_bytes_per_second);
    read_.arm(network_.environment_.now() + core::Duration(static_cast<std::int64_t>(time)),
              core::Precedence::kOther);
  }

  // The reader has room for the first message.
  void read() {
    const InUse in_use(*this);
    send_front();
    if (!unread_.empty()) arm_read();
    if (served()) made_room();
  }

  void send_front() {
    Piece piece = std::move(unread_.front());
    unread_.pop_front();
    if (piece.message) unread_bytes_ -= piece.message->size();
    if (!awaited()) return;
    if (network_.loses(draws_)) {
      is_dead_ = true;
      lose();
    }
    if (is_dead_) return;
    note(NetworkEvent::kAnswerSent);
    last_arrival_ = std::max(last_arrival_, network_.environment_.now() + network_.latency(draws_));
    piece.at = last_arrival_;
    arriving_.push_back(std::move(piece));
    if (!next_.armed()) next_.arm(arriving_.front().at, core::Precedence::kOther);
  }

  // A message arrives at the caller.
  void next() {
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
  core::CallContext context_;
  std::optional<core::StreamAnswer<Message>> answer_;
  std::deque<Piece> unread_;
  std::size_t unread_bytes_ = 0;
  bool is_dead_ = false;  // a message was lost, so no later one arrives
  core::Instant last_arrival_;
  std::deque<Piece> arriving_;
  core::Timer read_;
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
      service_(std::move(service)) {}

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
  using Carried = UnaryConnection<Request, Response, kMethod>;
  const std::string bytes = request.SerializeAsString();
  std::vector<std::unique_ptr<Connection>> made;
  made.push_back(std::make_unique<Carried>(*this, bytes, call, std::move(answer)));
  core::RandomStream draws("sim.network.duplicates",
                           static_cast<std::uint64_t>(node_) << 40 | made.front()->number());
  if (spec_.duplicates > 0 && world_.randomness().uniform(draws) < spec_.duplicates) {
    made.front()->note(NetworkEvent::kRequestDuplicated);
    made.push_back(std::make_unique<Carried>(*this, bytes, call, std::nullopt));
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
  auto connection = std::make_unique<StreamConnection>(*this, request.SerializeAsString(), call,
                                                       std::move(answer));
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
