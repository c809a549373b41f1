// Reaches a live target, over TLS or not, and starts its process if a command says so.
#include "cli/live_target.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/random.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/console.h"
#include "cli/results.h"
#include "conformance/wire/profile.h"
#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"

namespace quintain::cli {
namespace {

bool read_tls(const TargetOptions& options, conformance::LiveOptions& live) {
  if (options.tls_ca.empty() && options.tls_cert.empty() && options.tls_key.empty()) return true;
  const auto authorities = text_of_file(options.tls_ca);
  const auto certificate = text_of_file(options.tls_cert);
  const auto key = text_of_file(options.tls_key);
  if (!authorities || !certificate || !key) return false;
  live.tls = {.authorities = *authorities, .certificate = *certificate, .key = *key};
  return true;
}

}  // namespace

void TargetOptions::add_options(CLI::App& command) {
  command.add_option("--target", target, "A live server: HOST:PORT or unix:PATH");
  command.add_option("--spawn", spawn,
                     "Start this command, judge the server, stop it. The server's address is "
                     "--target, or the line 'listening on ADDRESS' that it prints");
  command.add_option("--manifest", manifest,
                     "The target's fixtures, facts, policies and profile, as JSON "
                     "(default: the reference node's)");
  command.add_option("--profile", profile, "The wire profile, instead of the manifest's");
  command
      .add_option("--allow-endpoint-host", endpoint_hosts,
                  "A host other than the target's to which a status_endpoint may lead; repeatable")
      ->type_name("HOST")
      ->allow_extra_args(false);
  command.add_option("--tls-ca", tls_ca, "Speak TLS and trust this PEM file");
  command.add_option("--tls-cert", tls_cert, "The client's certificate (PEM)");
  command.add_option("--tls-key", tls_key, "Its key (PEM)");
}

std::string TargetOptions::arguments() const {
  std::string text;
  const auto add = [&](std::string_view option, const std::string& value) {
    if (!value.empty()) text += fmt::format(" {} {}", option, quoted(value));
  };
  add("--target", target);
  add("--spawn", spawn);
  add("--manifest", manifest);
  add("--profile", profile);
  for (const std::string& host : endpoint_hosts) add("--allow-endpoint-host", host);
  add("--tls-ca", tls_ca);
  add("--tls-cert", tls_cert);
  add("--tls-key", tls_key);
  return text;
}

std::string TargetOptions::grpcurl_target(const conformance::Manifest& declared) const {
  const bool contract = declared.profile == conformance::contract_profile().name();
  if (!contract || target.empty()) return {};
  const std::string address =
      target.starts_with("unix:") ? "-unix " + quoted(target.substr(5)) : quoted(target);
  return (tls_ca.empty() ? "-plaintext " : "-cacert " + quoted(tls_ca) + " ") + address;
}

std::optional<conformance::Manifest> manifest_of(std::string_view command,
                                                 const TargetOptions& options) {
  conformance::Manifest manifest = conformance::reference_manifest();
  if (!options.manifest.empty()) {
    json_input::Diagnostics diagnostics;
    const auto loaded = conformance::load_manifest(options.manifest, diagnostics);
    if (!loaded) {
      write_note(diagnostics.text());
      return std::nullopt;
    }
    manifest = *loaded;
  } else if (options.is_live()) {
    // Only its manifest can say that a target has a store.
    manifest.policies.durability = conformance::Policies::Durability::kNone;
  }
  if (!options.profile.empty()) {
    manifest.profile = options.profile;
    if (conformance::find_profile(options.profile) == nullptr) {
      print_error(command, fmt::format("there is no profile '{}'; there is: {}", options.profile,
                                       fmt::join(conformance::profile_names(), ", ")));
      return std::nullopt;
    }
  }
  const std::string_view present = conformance::find_profile(manifest.profile)->name();
  if (manifest.profile != present) {
    print_error(command, fmt::format("hint: the profile '{}' is now called '{}'", manifest.profile,
                                     present));
    manifest.profile = present;
  }
  return manifest;
}

std::optional<ReachedTarget> reach(std::string_view command, const TargetOptions& options,
                                   const conformance::Manifest& manifest,
                                   std::optional<google::protobuf::FileDescriptorSet> descriptor) {
  conformance::LiveOptions live{.address = options.target,
                                .slack = manifest.policies.grace,
                                .status_endpoint_http = manifest.policies.status_endpoint_http,
                                .endpoint_hosts = options.endpoint_hosts,
                                .descriptor = std::move(descriptor)};
  if (!read_tls(options, live)) return std::nullopt;
  ReachedTarget reached;
  if (!options.spawn.empty()) {
    const conformance::SpawnOptions spawn{
        .command = options.spawn, .address = options.target, .tls = live.tls};
    auto server = conformance::SpawnedServer::start(spawn);
    if (!server.ok()) {
      print_error(command, std::string(server.status().message()));
      return std::nullopt;
    }
    reached.process =
        std::make_shared<std::unique_ptr<conformance::SpawnedServer>>(*std::move(server));
    live.address = (*reached.process)->address();
    live.drain = [process = reached.process] {
      (*process)->terminate();
      return absl::OkStatus();
    };
    live.restart = [process = reached.process, spawn]() -> absl::StatusOr<std::string> {
      (*process)->kill();
      auto again = conformance::SpawnedServer::start(spawn);
      if (!again.ok()) return again.status();
      *process = *std::move(again);
      return (*process)->address();
    };
    if (live.status_endpoint_http.empty()) {
      live.status_endpoint_http = (*reached.process)->http_base();
    }
  }
  auto target = conformance::LiveTarget::of(std::move(live));
  if (!target.ok()) {
    print_error(command, std::string(target.status().message()));
    return std::nullopt;
  }
  reached.target = *std::move(target);
  if (const std::string problem = silence(*reached.target); !problem.empty()) {
    print_error(command, problem);
    return std::nullopt;
  }
  return reached;
}

std::string silence(const conformance::LiveTarget& target) {
  const auto transport = target.connect();
  std::optional<absl::Status> ended;
  transport->start({.path = "/grpc.health.v1.Health/Check",
                    .on_message = [](const std::string&) {},
                    .on_end = [&](absl::Status status) { ended = std::move(status); }});
  transport->run_until(transport->now() + std::chrono::seconds(10),
                       [&] { return ended.has_value(); });
  if (ended && !absl::IsUnavailable(*ended)) return {};
  return fmt::format("no server answers at {}: {}", target.address(),
                     ended ? std::string(ended->message()) : "no answer within 10 s");
}

std::string target_facts(const TargetOptions& options, const conformance::Manifest& manifest) {
  nlohmann::ordered_json facts;
  if (!options.is_live()) {
    facts["transport"] = "sim";
  } else {
    facts["address"] = options.target.empty() ? "started by --spawn" : options.target;
  }
  facts["profile"] = manifest.profile;
  if (!options.manifest.empty()) {
    facts["manifest_file"] = options.manifest;
    // It was loaded before, so that it can be read; JSON with comments.
    const auto declared = nlohmann::ordered_json::parse(text_of_file(options.manifest).value_or(""),
                                                        nullptr, false, true);
    if (!declared.is_discarded()) facts["manifest"] = declared;
  }
  return facts.dump();
}

std::string new_run_id() {
  std::uint32_t bits = 0;
  if (getrandom(&bits, sizeof bits, 0) != sizeof bits) {
    bits = static_cast<std::uint32_t>(std::chrono::system_clock::now().time_since_epoch().count());
  }
  return fmt::format("q{:08x}", bits);
}

std::optional<std::string> text_of_file(const std::string& path) {
  if (path.empty()) return std::string();
  json_input::Diagnostics diagnostics;
  auto text = json_input::read_file(path, diagnostics);
  if (!text) write_note(diagnostics.text());
  return text;
}

}  // namespace quintain::cli
