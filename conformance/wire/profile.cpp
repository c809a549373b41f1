#include "conformance/wire/profile.h"

#include <array>

namespace quintain::conformance {
namespace {

std::array<const Profile*, 3> all_profiles() {
  return {&contract_profile(), &spear_2026_01_profile(), &spear_head_profile()};
}

}  // namespace

const Profile* find_profile(std::string_view name) {
  if (name == kFormerContractName) return &contract_profile();
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
