// judge_fuzzer [--seconds N] [--iterations N] [--seed S]: judges the correct core while a mutator
// changes what it answers, and renders the results in every format. Nothing may crash, take long or
// produce a document that is broken or acts on a terminal. Each iteration follows from its own
// seed, which is printed if it fails; `--seed THAT --iterations 1` repeats it.
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "conformance/case.h"
#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/fuzz/fuzzer.h"
#include "conformance/fuzz/mutation.h"
#include "conformance/manifest.h"
#include "conformance/suite.h"
#include "conformance/transport.h"
#include "conformance/verdicts.h"
#include "conformance/wire/descriptor.h"
#include "conformance/wire/profile.h"
#include "core/method.h"
#include "reports/formats.h"
#include "reports/size_limits.h"
#include "reports/table.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance::fuzz {
namespace {

using google::protobuf::Message;

using fuzzing::fail;

void require(bool holds, std::string_view what) {
  if (!holds) fail(what);
}

// ---- The target ---------------------------------------------------------------------------------

// The message that answers a call of this path; nullptr for unknown methods.
const Message* answer_type(const std::string& path) {
  const auto* const service =
      spearlet::InvokeFunctionRequest::descriptor()->file()->FindServiceByName("FunctionService");
  const auto* const method = service->FindMethodByName(path.substr(path.rfind('/') + 1));
  return method == nullptr ? nullptr
                           : google::protobuf::MessageFactory::generated_factory()->GetPrototype(
                                 method->output_type());
}

// Another transport, with some of its answers and errors changed.
class MutatingTransport final : public Transport {
 public:
  MutatingTransport(std::unique_ptr<Transport> correct, Mutator& mutator, double share)
      : correct_(std::move(correct)), mutator_(mutator), share_(share) {}

  core::Instant now() const override { return correct_->now(); }
  core::WallTime wall_now() const override { return correct_->wall_now(); }
  absl::Status drain() override { return correct_->drain(); }
  void abandon(std::uint64_t call) override { correct_->abandon(call); }
  bool run_until(core::Instant until, const std::function<bool()>& done) override {
    return correct_->run_until(until, done);
  }
  core::Duration slack() const override { return correct_->slack(); }

  std::uint64_t start(WireCall call) override {
    const Message* const type = answer_type(call.path);
    call.on_message = [this, type, streaming = call.streaming,
                       deliver = std::move(call.on_message)](std::string bytes) {
      const bool changed = type != nullptr && mutator_.chance(share_);
      if (changed) bytes = mutator_.mutate(bytes, *type);
      // A stream may also repeat messages or leave them out.
      const std::size_t times = streaming && changed ? mutator_.below(4) : 1;
      for (std::size_t i = 0; i < times; ++i) deliver(bytes);
    };
    call.on_end = [this, deliver = std::move(call.on_end)](absl::Status status) {
      if (mutator_.chance(share_ / 4)) {
        status = absl::Status(static_cast<absl::StatusCode>(mutator_.below(18)), mutator_.text());
      }
      deliver(std::move(status));
    };
    return correct_->start(std::move(call));
  }

  absl::StatusOr<google::protobuf::FileDescriptorSet> describe() override {
    auto set = correct_->describe();
    google::protobuf::FileDescriptorSet changed;
    if (!set.ok() || !mutator_.chance(share_)) return set;
    if (!changed.ParseFromString(mutator_.mutate(set->SerializeAsString(), *set))) {
      return absl::DataLossError(mutator_.text());
    }
    return changed;
  }

  absl::StatusOr<HttpAnswer> get(const std::string& endpoint) override {
    auto answer = correct_->get(endpoint);
    if (!mutator_.chance(share_)) return answer;
    if (mutator_.chance(0.3)) {
      return absl::Status(static_cast<absl::StatusCode>(1 + mutator_.below(16)), mutator_.text());
    }
    return HttpAnswer{.code = mutator_.chance(0.5) ? 200 : static_cast<int>(mutator_.below(1000)),
                      .body = mutator_.text()};
  }

  absl::Status send_raw(std::string_view bytes, std::string_view after_a_pause) override {
    return correct_->send_raw(bytes, after_a_pause);
  }
  void reconnect() override { correct_->reconnect(); }

 private:
  std::unique_ptr<Transport> correct_;
  Mutator& mutator_;
  double share_;
};

// ---- What must hold -----------------------------------------------------------------------------

// No control characters, apart from the line breaks and tabs of the format itself.
void require_harmless(const std::string& text, std::string_view format) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_c1 =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    require((byte >= 0x20 || byte == '\n' || byte == '\t') && byte != 0x7f && !is_c1,
            fmt::format("{} has a control character at byte {}", format, i));
  }
  // nlohmann::json throws on text that is not UTF-8.
  require(
      !nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::strict).empty(),
      "");
}

void require_good_renderings(reports::Report report) {
  limit_size(report);
  const auto json = reports::to_json(report);
  require(json.ok(), "the report is no JSON");
  require(reports::from_json(*json).ok(), "the JSON is not read back");
  const std::string ctrf = reports::to_ctrf(report);
  require(nlohmann::json::accept(ctrf), "CTRF is no JSON");
  const std::string junit = reports::to_junit(report);
  std::istringstream stream(junit);
  boost::property_tree::ptree tree;
  boost::property_tree::read_xml(stream, tree);
  constexpr std::size_t kMost = std::size_t{1} << 20;
  for (const auto& [format, text] :
       std::map<std::string_view, std::string>{{"JSON", *json},
                                               {"CTRF", ctrf},
                                               {"JUnit", junit},
                                               {"the text", reports::render_plain(report)},
                                               {"the table", reports::render_table(report, {})}}) {
    require_harmless(text, format);
    require(text.size() < kMost, fmt::format("{} of one case has {} bytes", format, text.size()));
  }
}

// Every profile decodes whatever bytes, or refuses them.
void decode_with_all_profiles(Mutator& mutator) {
  for (const std::string_view name : profile_names()) {
    const Profile& profile = *find_profile(name);
    for (std::size_t i = 0; i < core::kMethods; ++i) {
      const auto method = static_cast<Method>(i);
      if (!profile.serves(method)) continue;
      const Message* const type = answer_type(contract_profile().path(method));
      const auto answer = profile.decode(method, mutator.mutate("", *type));
      if (answer.ok()) brief_json(**answer);
    }
  }
}

void iterate(std::uint64_t seed) {
  Mutator mutator(seed);
  const auto cases = all_cases();
  const Case& one = cases[mutator.below(cases.size())];
  const double shares[] = {0.02, 0.2, 1};
  const double share = shares[mutator.below(std::size(shares))];
  const Manifest manifest = reference_manifest();
  const SuiteOptions options{
      .manifest = &manifest, .profile = find_profile(manifest.profile), .connect = [&] {
        return std::make_unique<MutatingTransport>(make_sim_transport(reference_node(), nullptr),
                                                   mutator, share);
      }};
  const CaseResult result = run_case(one, options, 1);
  require(result.error.empty(), fmt::format("{}: {}", one.name, result.error));
  reports::Report report;
  report.cases.push_back(to_report(result, {.command = "quintain conform"}));
  require_good_renderings(std::move(report));
  decode_with_all_profiles(mutator);
}

}  // namespace
}  // namespace quintain::conformance::fuzz

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  google::protobuf::SetLogHandler(nullptr);
  return quintain::fuzzing::run_fuzzer(
      argc, argv, "judge_fuzzer", "Judges mutated answers of the correct core",
      {.soft = 30s, .hard = 30s}, &quintain::conformance::fuzz::iterate);
}
