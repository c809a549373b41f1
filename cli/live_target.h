// The live target of a command: its options, its manifest and the way to it.
#pragma once

#include <google/protobuf/descriptor.pb.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/live/grpc_transport.h"
#include "conformance/live/spawn.h"
#include "conformance/manifest.h"

namespace CLI {
class App;
}

namespace quintain::cli {

/// The options that name a live target and say what it declares and how it is reached.
struct TargetOptions {
  std::string target;
  std::string spawn;
  std::string manifest;
  std::string profile;
  std::vector<std::string> endpoint_hosts;
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;

  void add_options(CLI::App& command);

  /// Whether there is a live target.
  bool is_live() const { return !target.empty() || !spawn.empty(); }

  /// The options that were given, for the command line in a report: " --target ADDRESS ...".
  std::string arguments() const;

  /// The address for a command that repeats a call by hand; empty where there is no such command.
  std::string grpcurl_target(const conformance::Manifest& manifest) const;
};

/// A live target, and its process if this program started it.
struct ReachedTarget {
  // Shared with the functions that end it and start it again.
  std::shared_ptr<std::unique_ptr<conformance::SpawnedServer>> process;
  std::optional<conformance::LiveTarget> target;
};

/// What the target declares: the file of --manifest, or the manifest of the reference node, with
/// the profile of --profile. `command`: see print_error(). Prints what is wrong and returns nullopt
/// if there is none.
std::optional<conformance::Manifest> manifest_of(std::string_view command,
                                                 const TargetOptions& options);

/// Starts the target if it is to be started, and makes sure that a server answers. `descriptor`:
/// LiveOptions::descriptor. Prints an error and returns nullopt if there is no way to the target.
/// Requires: options.is_live().
std::optional<ReachedTarget> reach(
    std::string_view command, const TargetOptions& options, const conformance::Manifest& manifest,
    std::optional<google::protobuf::FileDescriptorSet> descriptor = std::nullopt);

/// Why no server answers at the address; empty if one does. Any answer will do.
std::string silence(const conformance::LiveTarget& target);

/// What a report says of its target, as JSON.
std::string target_facts(const TargetOptions& options, const conformance::Manifest& manifest);

/// A prefix of execution ids that no other run against the same target uses.
std::string new_run_id();

/// The text of a file; empty if there is no path. Prints an error and returns nullopt if it can't
/// be read.
std::optional<std::string> text_of_file(const std::string& path);

}  // namespace quintain::cli
