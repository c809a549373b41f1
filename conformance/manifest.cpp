#include "conformance/manifest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/wire/profile.h"
#include "reports/json_input/reader.h"

namespace quintain::conformance {
namespace {

using json_input::ObjectReader;
using json_input::Reader;

// Members whose names end in _ms, as the contract writes them.
std::optional<core::Duration> milliseconds(const Reader& reader) {
  if (!reader.present()) return std::nullopt;
  constexpr std::int64_t kMax = std::int64_t{100} * 365 * 24 * 3600 * 1000;
  return std::chrono::milliseconds(reader.integer<std::int64_t>({0, kMax}));
}

void read_policies(const Reader& reader, Policies& policies) {
  if (!reader.present()) return;
  ObjectReader object = reader.object();
  const Policies reference;
  policies.mode_unspecified =
      object.optional("mode_unspecified")
          .one_of<Policies::ModeUnspecified>({{"refused", Policies::ModeUnspecified::kRefused},
                                              {"sync", Policies::ModeUnspecified::kSync}},
                                             reference.mode_unspecified);
  policies.stream_via_invoke =
      object.optional("stream_via_invoke")
          .one_of<Policies::StreamViaInvoke>(
              {{"invalid_argument", Policies::StreamViaInvoke::kInvalid},
               {"unimplemented", Policies::StreamViaInvoke::kUnimplemented}},
              reference.stream_via_invoke);
  policies.start_errors =
      object.optional("start_errors")
          .one_of<Policies::StartErrors>({{"grpc_status", Policies::StartErrors::kGrpcStatus},
                                          {"failed_body", Policies::StartErrors::kFailedBody}},
                                         reference.start_errors);
  policies.success_sync =
      object.optional("success_sync")
          .one_of<Policies::SuccessSync>({{"completed", Policies::SuccessSync::kCompleted},
                                          {"served", Policies::SuccessSync::kServed}},
                                         reference.success_sync);
  policies.timeout_from =
      object.optional("timeout_from")
          .one_of<Policies::TimeoutFrom>({{"acceptance", Policies::TimeoutFrom::kAcceptance},
                                          {"start", Policies::TimeoutFrom::kStart}},
                                         reference.timeout_from);
  policies.timeout_zero =
      object.optional("timeout_zero")
          .one_of<Policies::TimeoutZero>({{"default", Policies::TimeoutZero::kDefault},
                                          {"unlimited", Policies::TimeoutZero::kUnlimited}},
                                         reference.timeout_zero);
  policies.same_instant =
      object.optional("same_instant")
          .one_of<Policies::SameInstant>(
              {{"completion-cancel-timeout", Policies::SameInstant::kCompletionCancelTimeout},
               {"unspecified", Policies::SameInstant::kUnspecified}},
              reference.same_instant);
  policies.cancel_running =
      object.optional("cancel_running")
          .one_of<Policies::CancelRunning>({{"cooperative", Policies::CancelRunning::kCooperative},
                                            {"immediate", Policies::CancelRunning::kImmediate}},
                                           reference.cancel_running);
  policies.cancel_unknown =
      object.optional("cancel_unknown")
          .one_of<Policies::CancelUnknown>({{"answered", Policies::CancelUnknown::kAnswered},
                                            {"not_found", Policies::CancelUnknown::kNotFound}},
                                           reference.cancel_unknown);
  policies.sync_caller_gone =
      object.optional("sync_caller_gone")
          .one_of<Policies::SyncCallerGone>({{"cancelled", Policies::SyncCallerGone::kCancelled},
                                             {"continues", Policies::SyncCallerGone::kContinues}},
                                            reference.sync_caller_gone);
  policies.duplicate_id =
      object.optional("duplicate_id")
          .one_of<Policies::DuplicateId>({{"same_record", Policies::DuplicateId::kSameRecord},
                                          {"refused", Policies::DuplicateId::kRefused}},
                                         reference.duplicate_id);
  policies.retention = milliseconds(object.optional("retention_ms")).value_or(reference.retention);
  policies.status_endpoint_http = object.optional("status_endpoint_http").string();
  policies.eta_quantile =
      object.optional("eta_quantile").number({0.01, 0.99}, reference.eta_quantile);
  policies.grace = milliseconds(object.optional("grace_ms")).value_or(reference.grace);
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
    profile.error(fmt::format("there is no profile '{}'; there is: {}", manifest.profile,
                              fmt::join(profile_names(), ", ")));
  }
  for (const auto& [name, member] : object.required("fixtures").members()) {
    const auto known = fixture_names();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      member.error(
          fmt::format("there is no fixture '{}'; there is: {}", name, fmt::join(known, ", ")));
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

}  // namespace quintain::conformance
