#include "cli/access_file.h"

#include <absl/strings/escaping.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/json_input/reader.h"

namespace quintain::cli {
namespace {

using server::Identity;
using server::Role;

constexpr std::size_t kHashDigits = 64;

std::string read_hash(const json_input::Reader& value) {
  if (!value.present()) return {};
  const std::string text = value.string();
  const bool is_hash = text.size() == kHashDigits && std::ranges::all_of(text, [](char c) {
                         return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                       });
  if (!is_hash) {
    value.error(
        "expected the SHA-256 of the token as 64 hexadecimal digits in lower case: `printf %s "
        "TOKEN | sha256sum`");
    return {};
  }
  return absl::HexStringToBytes(text);
}

Identity read_identity(const json_input::Reader& value, const std::string& name) {
  Identity identity{.name = name, .roles = {}};
  if (name.empty()) value.error("an identity needs a name, which the log shows");
  json_input::ObjectReader object = value.object();
  identity.token_hash = read_hash(object.optional("token_sha256"));
  const json_input::Reader certificate = object.optional("certificate");
  identity.certificate = certificate.string();
  if (certificate.present() && certificate.raw() == "") {
    certificate.error("expected the common name, or a subject alternative name, of a certificate");
  }
  if (identity.token_hash.empty() && !value.raw().contains("token_sha256") &&
      !certificate.present()) {
    object.error("expected 'token_sha256' or 'certificate', by which the caller is known");
  }
  const json_input::Reader roles = object.required("roles");
  identity.roles = roles.array_of([](const json_input::Reader& role) {
    return role.one_of<Role>({{"read", Role::kRead},
                              {"invoke", Role::kInvoke},
                              {"cancel", Role::kCancel},
                              {"admin", Role::kAdmin}});
  });
  const json_input::Reader rate = object.optional("calls_per_second");
  if (rate.present()) identity.calls_per_second = rate.number({0.001, 1e6}, 1);
  const double burst = std::max(1.0, identity.calls_per_second.value_or(1));
  const json_input::Reader most = object.optional("burst");
  identity.burst = most.number({1, 1e6}, burst);
  if (most.present() && !rate.present()) most.error("'burst' needs 'calls_per_second'");
  const auto read_limit = [&](const char* key) -> std::optional<std::int64_t> {
    const json_input::Reader limit = object.optional(key);
    if (!limit.present()) return std::nullopt;
    return limit.integer<std::int64_t>({1, std::numeric_limits<std::int32_t>::max()}, 1);
  };
  identity.open_calls = read_limit("open_calls");
  identity.live_executions = read_limit("live_executions");
  return identity;
}

// Two identities of one token or certificate would make the second one useless.
void check_distinct(const json_input::Reader& value, const std::string& key,
                    std::set<std::string>& known, const std::string& what) {
  if (key.empty() || known.insert(key).second) return;
  value.error("another identity has the same " + what);
}

}  // namespace

std::shared_ptr<const server::AccessList> read_access_file(const json_input::Document& document,
                                                           json_input::Diagnostics& diagnostics) {
  json_input::Diagnostics problems;
  std::vector<Identity> identities;
  {
    json_input::ObjectReader object = json_input::Reader(document.root(), problems).object();
    object.optional("$schema");
    const json_input::Reader all = object.required("identities");
    std::set<std::string> hashes;
    std::set<std::string> certificates;
    for (const auto& [name, value] : all.members()) {
      identities.push_back(read_identity(value, name));
      check_distinct(value, identities.back().token_hash, hashes, "token");
      check_distinct(value, identities.back().certificate, certificates, "certificate");
    }
    if (all.present() && all.raw().is_object() && identities.empty()) {
      all.error("expected at least one identity; without one no call is admitted");
    }
  }
  if (problems.empty()) return std::make_shared<const server::AccessList>(std::move(identities));
  diagnostics.add_all(problems);
  return nullptr;
}

std::shared_ptr<const server::AccessList> load_access_file(const std::string& path,
                                                           json_input::Diagnostics& diagnostics) {
  const auto text = json_input::read_file(path, diagnostics);
  const auto document = text ? json_input::Document::parse(path, *text, diagnostics) : std::nullopt;
  return document ? read_access_file(*document, diagnostics) : nullptr;
}

}  // namespace quintain::cli
