// Resolving a status_endpoint.
#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <string>

#include "conformance/transport.h"

namespace quintain::conformance {

/// GETs the endpoint: a whole URL as it is, a path behind `base` ("http://host:port"). Whatever is
/// answered is an answer, 404 too. An error if the endpoint makes no URL, or nobody answers within
/// `patience`.
absl::StatusOr<HttpAnswer> http_get(const std::string& base, const std::string& endpoint,
                                    std::chrono::milliseconds patience);

}  // namespace quintain::conformance
