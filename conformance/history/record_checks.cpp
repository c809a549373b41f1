#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>

#include "conformance/history/check.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using google::protobuf::Timestamp;

bool is_query(const Account& account) {
  return account.exchange->method == Method::kGetExecutionStatus;
}

bool includes_result(const Account& account) {
  return !is_query(account) ||
         account.exchange->request_as<spearlet::GetExecutionStatusRequest>().include_result();
}

// Queries read one record, so they agree to the last digit. Other answers may come from elsewhere
// (a SYNC answer from memory, an entry from an index), where times may be kept in milliseconds.
bool same_time(const Timestamp& a, const Timestamp& b, bool exactly) {
  const core::Duration apart = time_of(a) - time_of(b);
  constexpr core::Duration kRounding = std::chrono::milliseconds(1);
  return exactly ? apart == core::Duration::zero() : apart < kRounding && -apart < kRounding;
}

std::string text_of(const Timestamp* time) {
  return time == nullptr ? "unset" : google::protobuf::util::TimeUtil::ToString(*time);
}

// What one account says differently from another: "completed_at 12:00 and 12:01".
struct Difference {
  std::string text{};
  // It is about a time.
  bool of_time = false;
};

std::optional<Difference> time_difference(std::string_view name, const Timestamp* a,
                                          const Timestamp* b, bool exactly) {
  if (a == nullptr && b == nullptr) return std::nullopt;
  if (a != nullptr && b != nullptr && same_time(*a, *b, exactly)) return std::nullopt;
  return Difference{fmt::format("{} is {} and {}", name, text_of(a), text_of(b)), true};
}

// How two accounts of an execution's end differ, apart from the status and the payload.
std::optional<Difference> difference(const Account& a, const Account& b) {
  const bool exactly = is_query(a) && is_query(b);
  if (auto found = time_difference("started_at", a.started_at(), b.started_at(), exactly)) {
    return found;
  }
  if (auto found = time_difference("completed_at", a.completed_at(), b.completed_at(), exactly)) {
    return found;
  }
  if (a.result != nullptr && b.result != nullptr &&
      a.result->error_code() != b.result->error_code()) {
    return Difference{
        fmt::format("error_code is '{}' and '{}'", a.result->error_code(), b.result->error_code())};
  }
  // A list may leave the text out.
  const bool in_list = a.info != nullptr || b.info != nullptr;
  if (in_list && (a.error_message().empty() || b.error_message().empty())) return std::nullopt;
  if (a.error_message() != b.error_message()) {
    return Difference{
        fmt::format("error_message is '{}' and '{}'", a.error_message(), b.error_message())};
  }
  return std::nullopt;
}

// The accounts that describe the end: all but mere statuses and streams' messages.
std::vector<const Account*> ends_of(const Life& life) {
  std::vector<const Account*> ends;
  for (const Account& account : life.accounts) {
    if (core::is_terminal(account.status) &&
        (account.result != nullptr || account.info != nullptr)) {
      ends.push_back(&account);
    }
  }
  std::ranges::stable_sort(ends, {}, [](const Account* end) { return interval_of(*end).end; });
  return ends;
}

void the_end_is_told_alike(const Life& life, const Policies& policies, Findings& findings) {
  std::vector<const Account*> ends = ends_of(life);
  // Something that was never accepted has no record to agree with.
  std::erase_if(ends, [&](const Account* end) {
    return end->exchange->method == Method::kInvokeFunction &&
           may_be_refusal(*end->exchange, policies);
  });
  if (ends.size() < 2) return;
  // Agreeing to the last digit is transitive, so one query stands for all of them.
  const auto query = std::ranges::find_if(ends, [](const Account* end) { return is_query(*end); });
  const Account& standard = query != ends.end() ? **query : *ends.front();
  bool cut_agrees = false;
  for (const Account* end : ends) {
    if (end == &standard || end->status != standard.status) continue;
    const bool cut = includes_result(*end) != includes_result(standard);
    const auto found = difference(standard, *end);
    if (!found) {
      cut_agrees = cut_agrees || cut;
      continue;
    }
    const Breach breach = {"what is told of an execution that has ended does not change",
                           tell_both(life.id, standard, *end) + ": " + found->text,
                           numbers({standard.exchange, end->exchange})};
    findings.broken("STATE-2", breach);
    if (found->of_time) findings.broken("STATE-6", breach);
    if (cut) findings.broken("STATE-9", breach);
    return;
  }
  findings.held("STATE-2");
  if (cut_agrees) findings.held("STATE-9");
}

void started_at_stays(const Life& life, const Policies&, Findings& findings) {
  // Of repeated attempts it may be the first or the last that counts.
  for (const Exchange* invoke : life.invokes) {
    if (invoke->request_as<spearlet::InvokeFunctionRequest>().context().max_retries() > 0) return;
  }
  const Account* first = nullptr;
  for (const Account& account : life.accounts) {
    if (account.started_at() == nullptr) continue;
    if (first == nullptr) {
      first = &account;
      continue;
    }
    if (core::is_terminal(first->status) && core::is_terminal(account.status)) continue;
    if (same_time(*first->started_at(), *account.started_at(),
                  is_query(*first) && is_query(account))) {
      continue;
    }
    findings.broken("STATE-6",
                    {"started_at does not move once it is set",
                     fmt::format("{}: started_at is {} and {}", tell_both(life.id, *first, account),
                                 text_of(first->started_at()), text_of(account.started_at())),
                     numbers({first->exchange, account.exchange})});
    return;
  }
}

void the_payload_is_one(const Life& life, const Policies&, Findings& findings) {
  const Account* first = nullptr;
  bool compared = false;
  for (const Account& account : life.accounts) {
    if (account.result == nullptr || account.status != spearlet::EXECUTION_STATUS_COMPLETED ||
        !includes_result(account)) {
      continue;
    }
    if (first == nullptr) {
      first = &account;
      continue;
    }
    const auto& a = first->result->result();
    const auto& b = account.result->result();
    compared = true;
    if (a.type_url() == b.type_url() && a.value() == b.value()) continue;
    const auto size = [](const Account& told, const google::protobuf::Any& any) {
      return told.has_payload() ? fmt::format("{} bytes of {}", any.value().size(), any.type_url())
                                : std::string("nothing");
    };
    const Breach breach = {
        "the result that is told is the same for everybody who asks for it",
        fmt::format("{}: the result is {} and {}", tell_both(life.id, *first, account),
                    size(*first, a), size(account, b)),
        numbers({first->exchange, account.exchange})};
    findings.broken("STATE-9", breach);
    if (is_query(*first) && is_query(account)) findings.broken("STATE-2", breach);
    return;
  }
  if (compared) findings.held("STATE-9");
}

void lists_name_what_was_asked_for(const Life& life, const Policies&, Findings& findings) {
  const Exchange* const beginning = life.beginning();
  if (beginning == nullptr || !life.fresh || life.invokes.size() > 1) return;
  const auto& request = beginning->request_as<spearlet::InvokeFunctionRequest>();
  const bool names_a_task = request.invocation_type() != spearlet::INVOCATION_TYPE_NEW_TASK &&
                            !request.create_if_not_exists() && !request.task_id().empty();
  for (const Account& account : life.accounts) {
    if (account.info == nullptr) continue;
    const auto& info = *account.info;
    const bool task_fits =
        !names_a_task || info.task_id().empty() || info.task_id() == request.task_id();
    const bool function_fits = info.function_name().empty() || request.function_name().empty() ||
                               info.function_name() == request.function_name();
    if (task_fits && function_fits) {
      findings.held("SYNC-6");
      return;
    }
    findings.broken(
        "SYNC-6", {fmt::format("'{}' is of task '{}', function '{}', as it was asked for", life.id,
                               request.task_id(), request.function_name()),
                   fmt::format("{}: task '{}', function '{}'", tell(account), info.task_id(),
                               info.function_name()),
                   numbers({beginning, account.exchange})});
    return;
  }
}

constexpr auto kChecks = std::to_array<LifeCheck>(
    {the_end_is_told_alike, started_at_stays, the_payload_is_one, lists_name_what_was_asked_for});

}  // namespace

std::span<const LifeCheck> record_checks() { return kChecks; }

}  // namespace quintain::conformance
