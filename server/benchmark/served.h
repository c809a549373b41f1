// What is measured: each runs in a process of its own until its standard input ends.
#pragma once

#include <cstddef>
#include <string>

#include "echo.pb.h"

namespace quintain::server::bench {

/// The bare echo: answers at once, in gRPC's own thread, with as many bytes as it is asked for.
int serve_echo();

/// The server, whose functions take no time, with this estimator.
int serve_node(const std::string& estimator);

/// Pads the message to `bytes` on the wire, or leaves it as it is if it has more.
void pad(EchoMessage& message, std::size_t bytes);

}  // namespace quintain::server::bench
