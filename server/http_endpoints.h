// What the server answers over HTTP.
#pragma once

#include "core/function_service.h"
#include "core/node.h"
#include "server/http_server.h"
#include "server/metrics.h"
#include "server/serial_context.h"

namespace quintain::server {

/// GET /status/{execution_id}, /healthz and /metrics. Everything is asked in the serial context.
class HttpEndpoints {
 public:
  /// `context` and `metrics` must outlive whoever calls handler().
  HttpEndpoints(SerialContext& context, const RpcMetrics& metrics)
      : context_(context), metrics_(metrics) {}

  /// From now on the endpoints answer for this node, through `service`. Serial context only.
  void open(core::Node& node, core::FunctionService& service) {
    node_ = &node;
    service_ = &service;
  }

  /// From now on the endpoints answer 503. Serial context only.
  void close() { node_ = nullptr; }

  /// To be given to an HttpServer. The endpoints must outlive the context's thread.
  HttpServer::Handler handler();

 private:
  void answer(const std::string& path, const HttpRespond& respond);
  void status(const std::string& execution_id, const HttpRespond& respond);
  std::string metrics() const;

  SerialContext& context_;
  const RpcMetrics& metrics_;
  core::Node* node_ = nullptr;
  core::FunctionService* service_ = nullptr;
};

}  // namespace quintain::server
