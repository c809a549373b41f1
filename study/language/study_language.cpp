// Reads study files. A workload takes the members that it lacks from the study; every problem is
// reported at its JSON value.
#include "study/language/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "core/eta/estimator.h"
#include "reports/json_input/diagnostics.h"
#include "reports/json_input/reader.h"
#include "scenarios/language/names.h"
#include "scenarios/language/readers.h"
#include "study/comparison/aggregate.h"
#include "study/language/traffic.h"
#include "study/statistics/sequential.h"

namespace quintain::study {
namespace {

using nlohmann::ordered_json;

constexpr int kMaxReplications = 10'000;
constexpr std::int64_t kMaxArrivals = 10'000'000;
constexpr std::int64_t kDefaultArrivals = 20'000;
constexpr std::int64_t kDefaultWarmUp = 2'000;
constexpr std::size_t kMaxWorkloads = 1000;

/// The members that a workload takes from the study if it does not have them.
class Defaults {
 public:
  explicit Defaults(json_input::ObjectReader& study) : study_(study) {}

  /// The workload's member, or the study's.
  json_input::Reader find(json_input::ObjectReader& workload, std::string_view key) {
    const json_input::Reader own = workload.optional(key);
    return own.present() ? own : study_.optional(key);
  }
  json_input::ObjectReader& study() { return study_; }

 private:
  json_input::ObjectReader& study_;
};

std::string default_estimator_name() { return core::eta::EtaConfig().estimator; }

std::vector<std::string> read_estimators(const json_input::Reader& reader) {
  const auto known = core::eta::estimator_names();
  std::vector<std::string> chosen;
  if (!reader.present()) {
    for (const std::string_view name : known) chosen.emplace_back(name);
    return chosen;
  }
  for (const json_input::Reader& element : reader.elements()) {
    const auto index = element.index_among(known);
    if (!index) continue;
    if (std::ranges::find(chosen, known[*index]) != chosen.end()) {
      element.error("it is named already");
    } else {
      chosen.emplace_back(known[*index]);
    }
  }
  // A study compares the estimator that nodes use by default with the others.
  if (reader.raw().is_array() &&
      std::ranges::find(chosen, default_estimator_name()) == chosen.end()) {
    reader.error(fmt::format("'{}' is missing: it is the default", default_estimator_name()));
  }
  return chosen;
}

Replications read_replications(const json_input::Reader& reader) {
  Replications replications;
  if (!reader.present()) return replications;
  if (reader.raw().is_number()) {
    replications.least = reader.integer<int>({2, kMaxReplications});
    replications.most = replications.least;
    return replications;
  }
  json_input::ObjectReader object = reader.object();
  const json_input::Reader least = object.required("least");
  replications.least = least.integer<int>({2, kMaxReplications}, replications.least);
  replications.most = object.required("most").integer<int>(
      {2, kMaxReplications}, std::max(replications.least, replications.most));
  replications.precision =
      object.required("precision").number({0.0001, 0.5}, replications.precision);
  const statistics::SequentialRule rule{.relative_error = replications.precision,
                                        .min_replications = replications.least,
                                        .max_replications = replications.most};
  if (least.present()) {
    for (const std::string& problem : rule.problems()) object.error(problem);
  }
  return replications;
}

std::optional<double> read_bound(json_input::ObjectReader& goal, std::string_view key) {
  const json_input::Reader bound = goal.optional(key);
  if (!bound.present()) return std::nullopt;
  return bound.number({0, 1000});
}

Goal read_goal(const json_input::Reader& reader, const std::vector<std::string>& estimators) {
  json_input::ObjectReader object = reader.object();
  Goal goal;
  const json_input::Reader estimator = object.optional("estimator");
  if (estimator.present()) {
    const std::vector<std::string_view> names(estimators.begin(), estimators.end());
    if (const auto index = estimator.index_among(names)) goal.estimator = names[*index];
  }
  goal.pinball_to_oracle = read_bound(object, "pinball_to_oracle");
  goal.pinball_to_best_baseline = read_bound(object, "pinball_to_best_baseline");
  goal.coverage_error = read_bound(object, "coverage_error");
  goal.success_coverage_error = read_bound(object, "success_coverage_error");
  goal.stratum_error = read_bound(object, "stratum_error");
  goal.after_change_to_oracle = read_bound(object, "after_change_to_oracle");
  goal.after_change_to_best_baseline = read_bound(object, "after_change_to_best_baseline");
  goal.flags = object.optional("flags").array_of([](const json_input::Reader& flag) {
    return flag.one_of<std::string>({{"calibrated", "calibrated"},
                                     {"unbiased", "unbiased"},
                                     {"flat", "flat"},
                                     {"no-better-than-the-oracle", "no-better-than-the-oracle"}});
  });
  return goal;
}

ClosedForm read_closed_form(const json_input::Reader& reader) {
  using Quantity = ClosedForm::Quantity;
  json_input::ObjectReader object = reader.object();
  ClosedForm form;
  form.model = object.required("model").string();
  form.quantity =
      object.required("quantity")
          .one_of<Quantity>({{"mean-wait", Quantity::kMeanWait},
                             {"share-that-waits", Quantity::kShareThatWaits},
                             {"share-that-waits-longer", Quantity::kShareThatWaitsLonger}});
  if (form.quantity == Quantity::kShareThatWaitsLonger) {
    form.bound = object.required("than").duration();
  }
  form.reference = object.required("reference").number({0, 1e9});
  return form;
}

// ---- A workload's calls -------------------------------------------------------------------------

/// Makes the calls of a workload without loads and trace: calls of its functions by one arrival
/// process.
class Mixer {
 public:
  Mixer(const json_input::Reader& place, Traffic traffic, const json_input::Reader& population,
        const scenarios::Functions& functions, int slots)
      : place_(place), traffic_(std::move(traffic)) {
    if (population.present()) {
      mix_population(population, slots);
    } else {
      mix_functions(functions);
    }
  }

  void apply(Workload& workload) {
    workload.max_retries = traffic_.retries;
    sim::MixedLoad load{.arrivals = std::move(traffic_.arrivals),
                        .count = workload.arrivals,
                        .priorities = std::move(traffic_.priorities),
                        .cancels = std::move(traffic_.cancels)};
    for (PopulationMember& member : members_) {
      load.targets.push_back(target_of(member));
      workload.single_calls = workload.single_calls || member.model.recorded != nullptr;
      workload.node.functions.push_back(std::move(member.model));
    }
    if (!load.targets.empty()) workload.traffic = std::move(load);
  }

 private:
  /// The mean service time in seconds at which the slots have the wanted load.
  std::optional<double> wanted_mean(int slots) {
    if (!traffic_.load) return std::nullopt;
    const auto rate = mean_rate(traffic_.arrivals);
    if (!rate || !(*rate > 0)) {
      place_.error("'load' needs a process with a rate; this one has none");
      return std::nullopt;
    }
    if (slots < 1) {
      place_.error("'load' needs a node with slots; this one has 0");
      return std::nullopt;
    }
    return *traffic_.load * slots / *rate;
  }

  void mix_population(const json_input::Reader& reader, int slots) {
    const auto members = make_population(read_population(reader), wanted_mean(slots));
    if (members) {
      members_ = *members;
    } else {
      reader.error(
          "a service time is out of range: it has no finite mean, or it would be scaled to 'load' "
          "beyond what a time can be");
    }
  }

  void mix_functions(const scenarios::Functions& functions) {
    if (traffic_.load) place_.error("'load' scales a population; 'functions' are not scaled");
    for (const sim::FunctionModel& model : functions.models) {
      members_.push_back(
          {.model = model, .popularity = 1 / static_cast<double>(functions.models.size())});
    }
  }

  sim::MixedLoad::Target target_of(const PopulationMember& member) const {
    sim::MixedLoad::Target target;
    spearlet::InvokeFunctionRequest& request = target.request;
    request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
    request.set_task_id(member.model.task);
    request.set_function_name(member.model.function);
    request.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
    if (traffic_.retries > 0) request.mutable_context()->set_max_retries(traffic_.retries);
    target.weight = member.popularity;
    target.timeout = traffic_.timeout;
    if (traffic_.timeout_factor) {
      const double mean = member.model.service.mean_seconds() * 1e9;
      target.timeout = sim::distribution::Uniform{
          .low = sim::to_duration(traffic_.timeout_factor->low * mean),
          .high = sim::to_duration(traffic_.timeout_factor->high * mean)};
    }
    return target;
  }

  json_input::Reader place_;
  Traffic traffic_;
  std::vector<PopulationMember> members_;
};

/// The node of the workload or, without one, of the study.
scenarios::Nodes read_node(json_input::ObjectReader& workload, Defaults& defaults) {
  for (json_input::ObjectReader* object : {&workload, &defaults.study()}) {
    const json_input::Reader several = object->optional("nodes");
    if (several.present()) several.error("a workload of a study has one node; give it as 'node'");
  }
  return scenarios::read_nodes(workload.optional("node").present() ? workload : defaults.study());
}

/// The workload's resolved configuration, as far as it determines a run.
std::string resolved(const std::vector<std::pair<std::string_view, json_input::Reader>>& members,
                     const Workload& workload) {
  ordered_json config = ordered_json::object();
  config["name"] = workload.name;
  for (const auto& [key, reader] : members) {
    if (reader.present()) config[std::string(key)] = reader.raw();
  }
  config["arrivals"] = workload.arrivals;
  config["warm_up"] = workload.warm_up;
  return config.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

Workload read_workload(const json_input::Reader& element, Defaults& defaults,
                       scenarios::Names& names, const std::vector<std::string>& estimators) {
  json_input::ObjectReader object = element.object();
  Workload workload;
  const json_input::Reader name = object.required("name");
  workload.name = name.string();
  if (name.present()) {
    names.add(workload.name, name);
    if (!is_file_name(workload.name)) {
      name.error("a workload's name is made of letters, digits, '-', '_' and '.'");
    }
  }
  workload.about = object.required("about").string();
  const scenarios::Nodes nodes = read_node(object, defaults);
  workload.node = nodes.specs.front();
  const json_input::Reader node = defaults.find(object, "node");

  workload.arrivals = defaults.find(object, "arrivals")
                          .integer<std::int64_t>({100, kMaxArrivals}, kDefaultArrivals);
  const json_input::Reader warm_up = defaults.find(object, "warm_up");
  workload.warm_up = warm_up.integer<std::int64_t>({0, kMaxArrivals}, kDefaultWarmUp);
  if (workload.warm_up > workload.arrivals / 2) {
    (warm_up.present() ? warm_up : element)
        .error(fmt::format("a warm-up of {} is more than half of the {} arrivals", workload.warm_up,
                           workload.arrivals));
  }
  const json_input::Reader until = object.optional("until");
  if (until.present()) workload.until = core::Instant(until.duration({.min = core::Duration(1)}));

  const json_input::Reader functions = object.optional("functions");
  const scenarios::Functions models = scenarios::read_functions(functions);
  const json_input::Reader loads = object.optional("loads");
  const json_input::Reader trace = object.optional("trace");
  json_input::Reader traffic = object.optional("traffic");
  json_input::Reader population = object.optional("population");
  if (!functions.present() && !trace.present()) population = defaults.find(object, "population");
  if (!loads.present() && !trace.present()) traffic = defaults.find(object, "traffic");
  const int sources = loads.present() + trace.present() + traffic.present();
  if (sources == 0) {
    object.error("there are no calls; give 'traffic', 'loads' or a 'trace'");
  } else if (sources > 1) {
    object.error("only one of 'traffic', 'loads' and 'trace' is allowed");
  }
  if (functions.present() && population.present()) {
    functions.error("'population' is given too; give one or the other");
  }
  if (traffic.present()) {
    if (!functions.present() && !population.present()) {
      object.error("there is nothing to call; give a 'population' or 'functions'");
    }
    Mixer(traffic, read_traffic(traffic), population, models, workload.node.config.slots)
        .apply(workload);
  } else {
    workload.node.functions = models.models;
    workload.loads = scenarios::read_loads(loads, nodes.names, models, workload.until);
    workload.trace = scenarios::read_trace(trace, nodes.names);
    for (const sim::Load& load : workload.loads) {
      workload.max_retries = std::max(workload.max_retries, load.request.context().max_retries());
    }
  }
  const json_input::Reader closed_forms = object.optional("closed_forms");
  workload.closed_forms = closed_forms.array_of(read_closed_form);
  const json_input::Reader goals = object.optional("goals");
  workload.goals =
      goals.array_of([&](const json_input::Reader& goal) { return read_goal(goal, estimators); });
  workload.config = resolved({{"node", node},
                              {"functions", functions},
                              {"population", population},
                              {"traffic", traffic},
                              {"loads", loads},
                              {"trace", trace},
                              {"until", until},
                              {"closed_forms", closed_forms}},
                             workload);
  return workload;
}

std::string name_of(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  if (name.ends_with(kStudySuffix)) name.resize(name.size() - kStudySuffix.size());
  return name;
}

}  // namespace

std::optional<Study> read_study(const json_input::Document& document,
                                json_input::Diagnostics& diagnostics) {
  json_input::Diagnostics problems;
  Study study;
  study.file = document.file_name();
  {
    const json_input::Reader root(document.root(), problems);
    json_input::ObjectReader object = root.object();
    object.optional("$schema").string();
    study.name = object.optional("name").string(name_of(study.file));
    study.about = object.required("about").string();
    study.estimators = read_estimators(object.optional("estimators"));
    study.replications = read_replications(object.optional("replications"));
    Defaults defaults(object);
    for (const std::string_view key : {"node", "population", "traffic", "arrivals", "warm_up"}) {
      object.optional(key);
    }
    const json_input::Reader workloads = object.required("workloads");
    scenarios::Names names("workload");
    for (const json_input::Reader& element : workloads.elements()) {
      if (study.workloads.size() == kMaxWorkloads) {
        workloads.error(fmt::format("more than {} workloads are too many", kMaxWorkloads));
        break;
      }
      study.workloads.push_back(read_workload(element, defaults, names, study.estimators));
    }
    if (workloads.raw().is_array() && workloads.raw().empty()) {
      workloads.error("expected at least one workload");
    }
  }
  if (problems.empty()) return study;
  diagnostics.add_all(problems);
  return std::nullopt;
}

std::optional<Study> load_study_file(const std::string& path,
                                     json_input::Diagnostics& diagnostics) {
  const auto text = json_input::read_file(path, diagnostics);
  const auto document = text ? json_input::Document::parse(path, *text, diagnostics) : std::nullopt;
  return document ? read_study(*document, diagnostics) : std::nullopt;
}

}  // namespace quintain::study
