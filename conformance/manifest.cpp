// Reads manifests from JSON and makes the manifest of the reference node from its configuration.
// The typed reader words what is wrong; the schema is checked after it, so that the loader accepts
// nothing that editors and other programs reject.
#include "conformance/manifest.h"

#include <absl/strings/str_replace.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/wire/profile.h"
#include "core/method.h"
#include "reports/json_input/reader.h"

namespace quintain::conformance {
namespace {

using json_input::ObjectReader;
using json_input::Reader;

constexpr std::int64_t kMaxMilliseconds = std::int64_t{100} * 365 * 24 * 3600 * 1000;

// The value of a member whose name ends in _ms.
std::optional<core::Duration> milliseconds(const Reader& reader) {
  if (!reader.present()) return std::nullopt;
  return std::chrono::milliseconds(reader.integer<std::int64_t>({0, kMaxMilliseconds}));
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
  read_choice(object, "durability", policies.durability,
              {{"none", P::Durability::kNone}, {"acknowledged", P::Durability::kAcknowledged}});
  read_choice(object, "function_output", policies.function_output,
              {{"any", P::FunctionOutput::kAny}, {"text", P::FunctionOutput::kText}});
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

template <class Map>
void read_texts(const Reader& reader, Map& texts) {
  for (const auto& [name, member] : reader.members()) texts[name] = member.string();
}

void read_artifact_spec(const Reader& reader, spearlet::ArtifactSpec& spec) {
  ObjectReader object = reader.object();
  spec.set_artifact_id(object.optional("artifact_id").string(spec.artifact_id()));
  spec.set_artifact_type(object.optional("artifact_type").string(spec.artifact_type()));
  spec.set_location(object.optional("location").string(spec.location()));
  spec.set_version(object.optional("version").string(spec.version()));
  spec.set_checksum(object.optional("checksum").string(spec.checksum()));
  read_texts(object.optional("metadata"), *spec.mutable_metadata());
}

void read_context(const Reader& reader, spearlet::ExecutionContext& context) {
  ObjectReader object = reader.object();
  context.set_session_id(object.optional("session_id").string(context.session_id()));
  context.set_user_id(object.optional("user_id").string(context.user_id()));
  read_texts(object.optional("environment"), *context.mutable_environment());
  read_texts(object.optional("headers"), *context.mutable_headers());
}

void read_timeout(const Reader& reader, spearlet::InvokeFunctionRequest& request) {
  if (!reader.present()) return;
  request.mutable_context()->set_timeout_ms(reader.integer<std::int64_t>({1, kMaxMilliseconds}));
}

// Adds to `request` what a member "request" declares.
void read_request(const Reader& reader, spearlet::InvokeFunctionRequest& request) {
  if (!reader.present()) return;
  ObjectReader object = reader.object();
  if (const Reader spec = object.optional("artifact_spec"); spec.present()) {
    read_artifact_spec(spec, *request.mutable_artifact_spec());
  }
  read_texts(object.optional("metadata"), *request.mutable_invocation_metadata());
  if (const Reader context = object.optional("context"); context.present()) {
    read_context(context, *request.mutable_context());
  }
  read_timeout(object.optional("timeout_ms"), request);
}

// Replaces {task_id} in the texts of the artifact.
void insert_task_id(const std::string& task_id, spearlet::ArtifactSpec& spec) {
  for (std::string* text : {spec.mutable_artifact_id(), spec.mutable_location()}) {
    absl::StrReplaceAll({{"{task_id}", task_id}}, text);
  }
}

FixtureFunction read_fixture(const Reader& reader, const spearlet::InvokeFunctionRequest& shared,
                             const Profile* profile) {
  ObjectReader object = reader.object();
  FixtureFunction fixture{.task_id = object.required("task_id").string(),
                          .function_name = object.required("function_name").string(),
                          .request = shared,
                          .takes = milliseconds(object.optional("takes_ms"))};
  read_choice(object, "answers", fixture.answers_any, {{"parameter", false}, {"any", true}});
  const Reader request = object.optional("request");
  read_request(request, fixture.request);
  if (fixture.request.has_artifact_spec()) {
    insert_task_id(fixture.task_id, *fixture.request.mutable_artifact_spec());
  }
  if (profile != nullptr && !profile->expresses(Method::kInvokeFunction, fixture.request)) {
    reader.error(
        fmt::format("the profile {} has no field for a part of the declared request; it is {}",
                    profile->name(), brief_json(fixture.request)));
  }
  return fixture;
}

Manifest read_manifest(const Reader& reader) {
  Manifest manifest;
  ObjectReader object = reader.object();
  static_cast<void>(object.optional("$schema").string());
  static_cast<void>(object.optional("about").string());
  const Reader name = object.optional("profile");
  manifest.profile = name.string(manifest.profile);
  const Profile* profile = find_profile(manifest.profile);
  if (profile == nullptr) {
    name.error(fmt::format("there is no profile '{}'; the profiles are {}", manifest.profile,
                           fmt::join(profile_names(), ", ")));
  }
  spearlet::InvokeFunctionRequest shared;
  read_timeout(object.optional("default_timeout_ms"), shared);
  read_request(object.optional("request"), shared);
  for (const auto& [fixture, member] : object.required("fixtures").members()) {
    const auto known = fixture_names();
    if (std::find(known.begin(), known.end(), fixture) == known.end()) {
      member.error(fmt::format("there is no fixture '{}'; the fixtures are {}", fixture,
                               fmt::join(known, ", ")));
    }
    manifest.fixtures[fixture] = read_fixture(member, shared, profile);
  }
  manifest.shared = object.optional("shared").boolean(false);
  read_node(object.optional("node"), manifest.node);
  read_policies(object.optional("policies"), manifest.policies);
  if (const Reader made = object.optional("implementation"); made.present()) {
    ObjectReader members = made.object();
    manifest.implementation = {.name = members.optional("name").string(),
                               .version = members.optional("version").string(),
                               .url = members.optional("url").string(),
                               .contact = members.optional("contact").string()};
  }
  return manifest;
}

// The node that a path of valijson leads to, as far as it leads: "<root>", "[node]", "[slots]".
json_input::DocumentNode follow(const json_input::Document& document,
                                const std::vector<std::string>& path) {
  json_input::DocumentNode node = document.root();
  for (const std::string& step : path) {
    if (step.size() < 2 || step.front() != '[') continue;
    const auto member = node.member(step.substr(1, step.size() - 2));
    if (!member) break;
    node = *member;
  }
  return node;
}

// Reports everything that the schema does not allow.
void check_schema(const json_input::Document& document, json_input::Diagnostics& diagnostics) {
  static const auto* const schema = [] {
    const auto text = nlohmann::json::parse(manifest_schema());
    auto* made = new valijson::Schema;
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(text), *made);
    return made;
  }();
  const nlohmann::json json = document.root().json();
  valijson::ValidationResults problems;
  if (valijson::Validator().validate(*schema, valijson::adapters::NlohmannJsonAdapter(json),
                                     &problems)) {
    return;
  }
  for (valijson::ValidationResults::Error error; problems.popError(error);) {
    diagnostics.add(follow(document, error.context).diagnostic(error.description));
  }
}

}  // namespace

std::optional<Manifest> load_manifest(const std::string& path,
                                      json_input::Diagnostics& diagnostics) {
  const auto text = json_input::read_file(path, diagnostics);
  if (!text) return std::nullopt;
  const auto document = json_input::Document::parse(path, *text, diagnostics);
  if (!document) return std::nullopt;
  Manifest manifest = read_manifest(Reader(document->root(), diagnostics));
  if (diagnostics.empty()) check_schema(*document, diagnostics);
  if (!diagnostics.empty()) return std::nullopt;
  return manifest;
}

Manifest reference_manifest(core::Duration retention) {
  const core::NodeConfig node = reference_node(retention);
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
  manifest.policies.durability = Policies::Durability::kAcknowledged;
  return manifest;
}

}  // namespace quintain::conformance
