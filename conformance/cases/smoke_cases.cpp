// The smoke cases: whether anything works at all. They run before all others, which are blocked if
// one of these fails, so that a target on which nothing works has one failure and not a hundred.
#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

void sync_works(CaseRun& run) {
  const InvokeCall call = run.call(run.sync("echo", {{"value", 1}}));
  if (!run.check("SYNC-2", call, call.answered() && status_of(call) == kCompleted,
                 "a SYNC call of the fixture echo is COMPLETED")) {
    CaseRun::abort("SYNC calls do not work: " + describe(call.recorded()));
  }
}

void async_works(CaseRun& run) {
  const std::string id = run.start_async(run.async("echo", {{"value", 1}}));
  if (check_end(run, "STATE-3", id, kCompleted,
                "status queries show that an ASYNC execution of the fixture echo ends as "
                "COMPLETED") != kCompleted) {
    CaseRun::abort("ASYNC calls do not work: the execution " + id + " was not seen to complete");
  }
}

std::vector<Case> smoke_cases() {
  return {
      {.name = std::string(kSmokeSync),
       .about = "a SYNC call is served",
       .clauses = {"SYNC-2"},
       .fixtures = {"echo"},
       .depends_on = Smoke::kNone,
       .run = sync_works},
      {.name = std::string(kSmokeAsync),
       .about = "an ASYNC call is accepted and its end is seen",
       .clauses = {"STATE-3"},
       .fixtures = {"echo"},
       .depends_on = Smoke::kNone,
       .run = async_works},
  };
}

const RegisterCases kSmokeCases(0, smoke_cases);

}  // namespace
}  // namespace quintain::conformance
