#include "conformance/wire/profile.h"

#include "conformance/wire/contract_profile.h"
#include "conformance/wire/spear_2026_01_profile.h"
#include "conformance/wire/spear_head_profile.h"

namespace quintain::conformance {
namespace {

std::vector<const Profile*> all_profiles() {
  static const AnalysisProfile analysis;
  static const Spear202601Profile spear_2026_01;
  static const SpearHeadProfile spear_head;
  return {&analysis, &spear_2026_01, &spear_head};
}

}  // namespace

const Profile* find_profile(std::string_view name) {
  for (const Profile* profile : all_profiles()) {
    if (profile->name() == name) return profile;
  }
  return nullptr;
}

std::vector<std::string_view> profile_names() {
  std::vector<std::string_view> names;
  for (const Profile* profile : all_profiles()) names.push_back(profile->name());
  return names;
}

}  // namespace quintain::conformance
