// Test support: studies that run quickly.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "core/node_config.h"
#include "study/language/study.h"

namespace quintain::study {

inline Study study_of(std::string_view text) {
  json_input::Diagnostics diagnostics;
  const auto document = json_input::Document::parse("small.study.json", text, diagnostics);
  const auto study = document ? read_study(*document, diagnostics) : std::nullopt;
  EXPECT_TRUE(study) << diagnostics.text();
  return study.value_or(Study());
}

/// Two workloads; the second has changes of regime, a closed form, and calls with every outcome.
inline Study small_study() {
  Study study = study_of(R"({
    "about": "small",
    "replications": 2,
    "node": {"slots": 4},
    "population": {
      "functions": 8,
      "service": {"lognormal": {"median": "100ms", "sigma": 0.5}},
      "cold_start": "50ms",
      "failure_probability": 0.1
    },
    "arrivals": 1200,
    "warm_up": 200,
    "workloads": [
      {"name": "steady", "about": "steady", "traffic": {"arrivals": {"poisson": 10}, "load": 0.7}},
      {
        "name": "rough", "about": "everything",
        "node": {"slots": 4, "slowdowns": [{"from": "60s", "until": "90s", "factor": 2}]},
        "traffic": {
          "arrivals": {"poisson": 10}, "load": 0.5, "timeout": {"times_mean": [3, 9]},
          "retries": 1, "cancels": {"share": 0.1, "after": {"exponential": "300ms"}}
        },
        "closed_forms": [{"model": "none", "quantity": "mean-wait", "reference": 100}]
      }
    ]
  })");
  study.estimators = {"queue-length", "ewma", "best"};
  const std::string by_default = core::eta::EtaConfig().estimator;
  if (std::ranges::find(study.estimators, by_default) == study.estimators.end()) {
    study.estimators.push_back(by_default);
  }
  return study;
}

}  // namespace quintain::study
