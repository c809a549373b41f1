// Reads manifests from JSON, and makes the manifest of the reference node from its configuration.
#include "conformance/manifest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <type_traits>

#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/wire/profile.h"
#include "reports/json_input/reader.h"

namespace quintain::conformance {
namespace {

using json_input::ObjectReader;
using json_input::Reader;

// The value of a member whose name ends in _ms.
std::optional<core::Duration> milliseconds(const Reader& reader) {
  if (!reader.present()) return std::nullopt;
  constexpr std::int64_t kMax = std::int64_t{100} * 365 * 24 * 3600 * 1000;
  return std::chrono::milliseconds(reader.integer<std::int64_t>({0, kMax}));
}

// Reads an optional choice; without it the value stays as it is.
template <class E, std::size_t N>
void read_choice(ObjectReader& object, std::string_view key, E& value,
                 const json_input::Choice<std::type_identity_t<E>> (&choices)[N]) {
  value = object.optional(key).template one_of<E>(choices, value);
}

void read_policies(const Reader& reader, Policies& policies) {
  if (!reader.present()) return;
  ObjectReader object = reader.object();
  using P = Policies;
  read_choice(object, "mode_unspecified", policies.mode_unspecified,
              {{"refused", P::ModeUnspecified::kRefused}, {"sync", P::ModeUnspecified::kSync}});
  read_choice(object, "stream_via_invoke", policies.stream_via_invoke,
              {{"invalid_argument", P::StreamViaInvoke::kInvalid},
               {"unimplemented", P::StreamViaInvoke::kUnimplemented}});
  read_choice(
      object, "start_errors", policies.start_errors,
      {{"grpc_status", P::StartErrors::kGrpcStatus}, {"failed_body", P::StartErrors::kFailedBody}});
  read_choice(object, "success_sync", policies.success_sync,
              {{"completed", P::SuccessSync::kCompleted}, {"served", P::SuccessSync::kServed}});
  read_choice(object, "timeout_from", policies.timeout_from,
              {{"acceptance", P::TimeoutFrom::kAcceptance}, {"start", P::TimeoutFrom::kStart}});
  read_choice(object, "timeout_zero", policies.timeout_zero,
              {{"default", P::TimeoutZero::kDefault}, {"unlimited", P::TimeoutZero::kUnlimited}});
  read_choice(object, "same_instant", policies.same_instant,
              {{"completion-cancel-timeout", P::SameInstant::kCompletionCancelTimeout},
               {"unspecified", P::SameInstant::kUnspecified}});
  read_choice(object, "cancel_running", policies.cancel_running,
              {{"cooperative", P::CancelRunning::kCooperative},
               {"immediate", P::CancelRunning::kImmediate}});
  read_choice(
      object, "cancel_unknown", policies.cancel_unknown,
      {{"answered", P::CancelUnknown::kAnswered}, {"not_found", P::CancelUnknown::kNotFound}});
  read_choice(
      object, "sync_caller_gone", policies.sync_caller_gone,
      {{"cancelled", P::SyncCallerGone::kCancelled}, {"continues", P::SyncCallerGone::kContinues}});
  read_choice(
      object, "duplicate_id", policies.duplicate_id,
      {{"same_record", P::DuplicateId::kSameRecord}, {"refused", P::DuplicateId::kRefused}});
  policies.retention = milliseconds(object.optional("retention_ms")).value_or(policies.retention);
  policies.status_endpoint_http = object.optional("status_endpoint_http").string();
  policies.eta_quantile =
      object.optional("eta_quantile").number({0.01, 0.99}, policies.eta_quantile);
  policies.grace = milliseconds(object.optional("grace_ms")).value_or(policies.grace);
}

void read_node(const Reader& reader, NodeFacts& node) {
  if (!reader.present()) return;
  ObjectReader object = reader.object();
  const auto count = [&](std::string_view key) -> std::optional<int> {
    const Reader member = object.optional(key);
    if (!member.present()) return std::nullopt;
    return member.integer<int>({1, 1'000'000});
  };
  node.slots = count("slots");
  node.queue_limit = count("queue_limit");
  node.maximum_timeout = milliseconds(object.optional("maximum_timeout_ms"));
  node.default_sync_timeout = milliseconds(object.optional("default_sync_timeout_ms"));
  node.cancel_grace = milliseconds(object.optional("cancel_grace_ms"));
  if (const Reader largest = object.optional("largest_message_bytes"); largest.present()) {
    node.largest_message = largest.integer<std::int64_t>({1024, std::int64_t{1} << 30});
  }
}

Manifest read_manifest(const Reader& reader) {
  Manifest manifest;
  ObjectReader object = reader.object();
  static_cast<void>(object.optional("about").string());
  const Reader profile = object.optional("profile");
  manifest.profile = profile.string(manifest.profile);
  if (find_profile(manifest.profile) == nullptr) {
    profile.error(fmt::format("there is no profile '{}'; the profiles are {}", manifest.profile,
                              fmt::join(profile_names(), ", ")));
  }
  for (const auto& [name, member] : object.required("fixtures").members()) {
    const auto known = fixture_names();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      member.error(fmt::format("there is no fixture '{}'; the fixtures are {}", name,
                               fmt::join(known, ", ")));
    }
    ObjectReader fixture = member.object();
    manifest.fixtures[name] = {.task_id = fixture.required("task_id").string(),
                               .function_name = fixture.required("function_name").string()};
  }
  read_node(object.optional("node"), manifest.node);
  read_policies(object.optional("policies"), manifest.policies);
  return manifest;
}

}  // namespace

std::optional<Manifest> load_manifest(const std::string& path,
                                      json_input::Diagnostics& diagnostics) {
  const auto text = json_input::read_file(path, diagnostics);
  if (!text) return std::nullopt;
  const auto document = json_input::Document::parse(path, *text, diagnostics);
  if (!document) return std::nullopt;
  Manifest manifest = read_manifest(Reader(document->root(), diagnostics));
  if (!diagnostics.empty()) return std::nullopt;
  return manifest;
}

Manifest reference_manifest() {
  const core::NodeConfig node = reference_node();
  Manifest manifest;
  for (const std::string_view name : fixture_names()) {
    manifest.fixtures[std::string(name)] = {.task_id = std::string(kFixtureTask),
                                            .function_name = std::string(name)};
  }
  manifest.node = {.slots = node.slots,
                   .queue_limit = node.queue_limit,
                   .maximum_timeout = node.timeout.maximum,
                   .default_sync_timeout = node.timeout.sync_default,
                   .cancel_grace = node.cancel_grace,
                   .largest_message = std::int64_t{4} << 20};
  manifest.policies.retention = node.retention.age;
  return manifest;
}

}  // namespace quintain::conformance
