// What estimators that wrap another one share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "core/eta/estimator.h"

namespace quintain::core::eta {

/// Tells the inner estimator all that it is told itself.
class Decorator : public Estimator {
 public:
  void introduce(FunctionIndex function, std::string_view task, std::string_view name) override {
    inner_->introduce(function, task, name);
  }
  void observe_arrival(FunctionIndex function, Instant now, std::int64_t rank) override {
    inner_->observe_arrival(function, now, rank);
  }
  void observe_dispatch(FunctionIndex function, Instant now, Duration waited) override {
    inner_->observe_dispatch(function, now, waited);
  }
  void observe_end(const Observation& observation) override { inner_->observe_end(observation); }
  std::size_t bytes() const override { return inner_->bytes(); }

 protected:
  explicit Decorator(std::unique_ptr<Estimator> inner) : inner_(std::move(inner)) {}

  Estimator& inner() { return *inner_; }

 private:
  std::unique_ptr<Estimator> inner_;
};

}  // namespace quintain::core::eta
