#include "scenarios/explore/shrink.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/duration_text.h"
#include "core/base/time.h"

namespace quintain::scenarios {
namespace {

using Json = nlohmann::ordered_json;
using Pointer = Json::json_pointer;

// The keys by which a step refers to another.
constexpr std::array<const char*, 4> kReferences = {"cancel", "status", "leave", "page_after"};

class Shrinker {
 public:
  Shrinker(Json document, const StillFails& still_fails, int max_tries)
      : best_(std::move(document)), still_fails_(still_fails), left_(max_tries) {}

  void run() {
    do {
      smaller_ = false;
      for (const char* list : {"steps", "loads", "expect"}) remove_elements(list);
      remove_functions();
      simplify(Pointer());
    } while (smaller_ && left_ > 0);
  }

  Json take() { return std::move(best_); }
  int tries_left() const { return left_; }

 private:
  // Whether the candidate fails too; then it is the best one.
  bool attempt(Json candidate) {
    if (left_ <= 0 || candidate == best_) return false;
    --left_;
    if (!still_fails_(candidate)) return false;
    best_ = std::move(candidate);
    smaller_ = true;
    return true;
  }

  void remove_elements(const char* list) {
    if (!best_.contains(list)) return;
    for (std::size_t length = best_[list].size(); length >= 1; length /= 2) {
      for (std::size_t from = 0; best_.contains(list) && from < best_[list].size();) {
        Json candidate = best_;
        remove(candidate, list, from, length);
        if (!attempt(std::move(candidate))) from += length;
      }
      if (!best_.contains(list)) return;
    }
  }

  // Removes elements and, if they are steps, the steps that refer to them.
  static void remove(Json& document, const char* list, std::size_t from, std::size_t length) {
    Json& elements = document[list];
    const std::size_t to = std::min(from + length, elements.size());
    std::set<std::string> names;
    Json kept = Json::array();
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const Json& element = elements[i];
      const bool refers = std::ranges::any_of(kReferences, [&](const char* key) {
        return element.contains(key) && element[key].is_string() &&
               names.contains(element[key].get<std::string>());
      });
      if ((i < from || i >= to) && !refers) {
        kept.push_back(element);
      } else if (element.contains("as") && element["as"].is_string()) {
        names.insert(element["as"].get<std::string>());
      }
    }
    if (kept.empty()) {
      document.erase(list);
    } else {
      elements = std::move(kept);
    }
  }

  void remove_functions() {
    if (!best_.contains("functions")) return;
    const Json functions = best_["functions"];
    for (const auto& [name, function] : functions.items()) {
      Json candidate = best_;
      candidate["functions"].erase(name);
      attempt(std::move(candidate));
    }
  }

  // Removes members of objects and elements of arrays, outer ones first, and makes texts and
  // numbers simpler.
  void simplify(const Pointer& place) {
    const Json value = best_[place];
    if (!value.is_structured()) return simplify_value(place, value);
    // From the last: an element that is removed does not change the places of earlier ones.
    std::vector<std::string> keys;
    for (const auto& [key, member] : value.items()) keys.push_back(key);
    std::reverse(keys.begin(), keys.end());
    for (const std::string& key : keys) {
      if (left_ <= 0) return;
      // The shape of the document.
      const bool required = place.empty() && key == "about";
      if (required) continue;
      Json candidate = best_;
      if (value.is_array()) {
        candidate[place].erase(static_cast<std::size_t>(std::stoul(key)));
        if (attempt(std::move(candidate))) continue;
        simplify(place / static_cast<std::size_t>(std::stoul(key)));
      } else {
        candidate[place].erase(key);
        if (attempt(std::move(candidate))) continue;
        simplify(place / key);
      }
      if (!best_.contains(place)) return;
    }
    simplify_value(place, best_[place]);
  }

  void simplify_value(const Pointer& place, const Json& value) {
    std::vector<Json> simpler_ones = simpler_values(value);
    if (!place.empty() && !best_.value("functions", Json::object()).empty() &&
        (place.back() == "invoke" || place.back() == "stream")) {
      simpler_ones = {best_["functions"].begin().key()};
    }
    for (Json& simpler : simpler_ones) {
      Json candidate = best_;
      candidate[place] = std::move(simpler);
      if (attempt(std::move(candidate))) return;
    }
  }

  // From the simplest.
  static std::vector<Json> simpler_values(const Json& value) {
    if (value.is_object()) {
      // A distribution.
      if (value.size() == 1 && (value.contains("exponential") || value.contains("uniform") ||
                                value.contains("lognormal"))) {
        return {"100ms", "10ms"};
      }
      return {};
    }
    if (value.is_number_integer()) {
      std::vector<Json> simpler;
      const auto number = value.get<std::int64_t>();
      for (const std::int64_t one : {std::int64_t{0}, std::int64_t{1}, number / 2, number - 1}) {
        if (one >= 0 && one < number) simpler.emplace_back(one);
      }
      return simpler;
    }
    if (!value.is_string()) return {};
    std::string error;
    const auto duration = core::parse_duration(value.get<std::string>(), error);
    if (!duration) return {};
    std::vector<Json> simpler;
    using std::chrono::milliseconds;
    using std::chrono::seconds;
    for (const core::Duration unit :
         {core::Duration(seconds(1)), core::Duration(milliseconds(100)),
          core::Duration(milliseconds(10)), core::Duration(milliseconds(1))}) {
      const core::Duration rounded = *duration / unit * unit;
      if (rounded != *duration) simpler.emplace_back(core::format_duration(rounded));
    }
    return simpler;
  }

  Json best_;
  const StillFails& still_fails_;
  int left_;
  bool smaller_ = false;
};

}  // namespace

Shrunk shrink(Json document, const StillFails& still_fails, int max_tries) {
  Shrinker shrinker(std::move(document), still_fails, max_tries);
  shrinker.run();
  return {.document = shrinker.take(), .tried = max_tries - shrinker.tries_left()};
}

}  // namespace quintain::scenarios
