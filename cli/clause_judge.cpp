#include "cli/clause_judge.h"

#include <vector>

#include "conformance/world_judge.h"

namespace quintain::cli {
namespace {

class ClauseJudge final : public scenarios::RunJudge {
 public:
  explicit ClauseJudge(const sim::World& world) : judge_(world) {}
  void on_event(const sim::Event& event) override { judge_.on_event(event); }
  std::vector<reports::Check> checks() override { return judge_.checks(); }

 private:
  conformance::WorldJudge judge_;
};

}  // namespace

std::unique_ptr<scenarios::RunJudge> make_clause_judge(const sim::World& world) {
  return std::make_unique<ClauseJudge>(world);
}

}  // namespace quintain::cli
