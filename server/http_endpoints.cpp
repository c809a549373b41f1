// Handles the requests for /status/{execution_id}, /healthz and /metrics in the serial context, and
// converts a status to JSON on the HTTP server's thread.
#include "server/http_endpoints.h"

#include <absl/strings/escaping.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <prometheus/metric_family.h>

#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace quintain::server {
namespace {

namespace protobuf = google::protobuf;

constexpr std::string_view kStatusPath = "/status/";
// Statuses of this size are refused while this many bytes of statuses wait for their conversion.
constexpr std::int64_t kLargeStatus = 64 << 10;
constexpr std::int64_t kMaxPendingBytes = 32 << 20;
constexpr std::string_view kTypeUrlPrefix = "type.googleapis.com/";

// RFC 3986, 2.1. Returns nullopt if the text is malformed.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    unsigned char byte = 0;
    const char* const digits = text.data() + i + 1;
    const auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
    if (error != std::errc() || end != digits + 2) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

// Asks for a status and answers the HTTP request with it. Deletes itself with its answer.
class StatusCall final : public core::UnaryCaller<spearlet::GetExecutionStatusResponse> {
  using Response = spearlet::GetExecutionStatusResponse;

 public:
  static void make(core::FunctionService& service, const std::string& execution_id,
                   std::atomic<std::int64_t>& pending, HttpRespond respond) {
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(execution_id);
    request.set_include_result(true);
    request.set_include_logs(true);
    service.GetExecutionStatus(
        request, core::Answer<Response>(*new StatusCall(pending, std::move(respond))));
  }

 private:
  StatusCall(std::atomic<std::int64_t>& pending, HttpRespond respond)
      : pending_(pending), respond_(std::move(respond)) {}

  // A status that waits for its conversion, and its share in the count of their bytes.
  struct Pending {
    Pending(std::atomic<std::int64_t>& its_count, std::int64_t its_bytes, Response&& its_response)
        : count(its_count), bytes(its_bytes), response(std::move(its_response)) {}
    ~Pending() { count -= bytes; }

    std::atomic<std::int64_t>& count;
    const std::int64_t bytes;
    const Response response;
  };

  void deliver(Response&& response) override {
    const auto bytes = static_cast<std::int64_t>(response.ByteSizeLong());
    if (bytes >= kLargeStatus && pending_ + bytes > kMaxPendingBytes) {
      respond_({.status = 503, .body = "too many statuses are asked for; try again later\n"});
      delete this;
      return;
    }
    pending_ += bytes;
    const auto shared = std::make_shared<const Pending>(pending_, bytes, std::move(response));
    respond_({.status = shared->response.found() ? 200 : 404,
              .content_type = "application/json",
              .make_body = [shared] { return to_json(shared->response) + "\n"; },
              .is_slow = bytes >= kLargeStatus});
    delete this;
  }

  void refuse(const absl::Status& status) override {
    respond_({.status = status.code() == absl::StatusCode::kUnavailable ? 503 : 500,
              .body = std::string(status.message()) + "\n"});
    delete this;
  }

  std::atomic<std::int64_t>& pending_;
  HttpRespond respond_;
};

// Whether a message of the type can contain an Any at any depth.
bool can_contain_any(const protobuf::Descriptor& type,
                     std::set<const protobuf::Descriptor*>& seen) {
  if (&type == protobuf::Any::descriptor()) return true;
  if (!seen.insert(&type).second) return false;
  for (int i = 0; i < type.field_count(); ++i) {
    const protobuf::Descriptor* const field_type = type.field(i)->message_type();
    if (field_type != nullptr && can_contain_any(*field_type, seen)) return true;
  }
  return false;
}

// Whether the JSON library can show the payload within bounds. Its parser limits the depth of
// messages, but not that of an Any within an Any. It is not tried on unreadable payloads, because
// it reports them on standard error as well.
bool has_readable_json(const protobuf::Any& payload) {
  if (payload.type_url().empty() && payload.value().empty()) return true;
  if (!payload.type_url().starts_with(kTypeUrlPrefix)) return false;
  const auto* type = protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      payload.type_url().substr(kTypeUrlPrefix.size()));
  std::set<const protobuf::Descriptor*> seen;
  if (type == nullptr || can_contain_any(*type, seen)) return false;
  const std::unique_ptr<protobuf::Message> message(
      protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  return message->ParseFromString(payload.value());
}

}  // namespace

HttpServer::Handler HttpEndpoints::handler() {
  return [this](const HttpRequest& request, HttpRespond respond) {
    context_.post([this, request, respond = std::move(respond)] { answer(request, respond); });
  };
}

HttpServer::Handler HttpEndpoints::probe_handler() {
  return [this](const HttpRequest& request, HttpRespond respond) {
    context_.post(
        [this, request, respond = std::move(respond)] { answer_probe(request, respond); });
  };
}

void HttpEndpoints::answer_probe(const HttpRequest& request, const HttpRespond& respond) const {
  if (node_ == nullptr) return respond({.status = 503, .body = "shut down\n"});
  if (request.path == "/healthz") return answer_health(respond);
  if (request.path == "/metrics") return answer_metrics(respond);
  respond({.status = 404, .body = "not found; here are /healthz and /metrics\n"});
}

void HttpEndpoints::answer_health(const HttpRespond& respond) const {
  node_->manager().draining() ? respond({.status = 503, .body = "draining\n"})
                              : respond({.body = "ok\n"});
}

void HttpEndpoints::answer(const HttpRequest& request, const HttpRespond& respond) {
  const std::string& path = request.path;
  if (node_ == nullptr) return respond({.status = 503, .body = "shut down\n"});
  if (path == "/healthz") return answer_health(respond);
  // Probes have no token, so health is open.
  if (const auto list = access_()) {
    const absl::Status status = AccessControl::check(
        {.list = list, .identity = list->find(request.authorization, {})}, Role::kRead);
    if (!status.ok()) {
      return respond({.status = absl::IsUnauthenticated(status) ? 401 : 403,
                      .body = std::string(status.message()) + "\n"});
    }
  }
  if (path == "/metrics") return answer_metrics(respond);
  if (path.starts_with(kStatusPath)) {
    return answer_status(path.substr(kStatusPath.size()), respond);
  }
  respond({.status = 404, .body = "not found; try /status/{execution_id}, /healthz or /metrics\n"});
}

void HttpEndpoints::answer_status(const std::string& execution_id, const HttpRespond& respond) {
  const auto id = percent_decoded(execution_id);
  if (!id) return respond({.status = 400, .body = "the path has a malformed percent-encoding\n"});
  StatusCall::make(*service_, *id, status_bytes_, respond);
}

// Only the counters are read in the serial context.
void HttpEndpoints::answer_metrics(const HttpRespond& respond) const {
  const auto families = std::make_shared<std::vector<prometheus::MetricFamily>>();
  metrics_.append_to(*families);
  append_node_metrics(*node_, *families);
  append_transport_metrics(transport_(), *families);
  respond({.content_type = "text/plain; version=0.0.4; charset=utf-8", .make_body = [families] {
             append_process_metrics(*families);
             return to_text(*families);
           }});
}

std::string to_json(const spearlet::GetExecutionStatusResponse& response) {
  const protobuf::Any& payload = response.result().result();
  std::string text;
  if (has_readable_json(payload) && protobuf::util::MessageToJsonString(response, &text).ok()) {
    return text;
  }
  // Only the payload can fail: everything else in the message has a known type.
  spearlet::GetExecutionStatusResponse rest = response;
  rest.mutable_result()->clear_result();
  text.clear();
  if (!protobuf::util::MessageToJsonString(rest, &text).ok()) text = "{}";
  auto document = nlohmann::ordered_json::parse(text);
  document["result"]["result"] = {{"@type", payload.type_url()},
                                  {"value", absl::Base64Escape(payload.value())}};
  return document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace quintain::server
