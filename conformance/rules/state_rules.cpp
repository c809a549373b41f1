#include <fmt/format.h>

#include <array>

#include "conformance/rules/account.h"
#include "conformance/rules/rule.h"
#include "core/transitions.h"
#include "reports/duration.h"

namespace quintain::conformance {
namespace {

// "'a' is RUNNING".
std::string told(const Account& account) {
  return fmt::format("'{}' is {}", account.execution_id, status_name(account.status));
}

// Whether an account may speak of something that was never accepted.
bool may_be_refusal(const Account& account, const Policies& policies) {
  return account.exchange->method == Method::kInvokeFunction &&
         may_be_refusal(*account.exchange, policies);
}

void errors_go_with_the_status(const Exchange& exchange, const Policies&, Opinion& opinion) {
  for (const Account& account : accounts_of(exchange)) {
    if (account.result == nullptr || !core::is_terminal(account.status)) continue;
    const spearlet::ExecutionResult& result = *account.result;
    if (account.status == spearlet::EXECUTION_STATUS_COMPLETED) {
      opinion.require(result.error_code().empty() && result.error_message().empty(),
                      "what COMPLETED has neither error_code nor error_message", [&] {
                        return fmt::format("{} with error_code '{}', error_message '{}'",
                                           told(account), result.error_code(),
                                           result.error_message());
                      });
    } else {
      opinion.require(!result.error_code().empty(),
                      "what ended otherwise than COMPLETED has an error_code",
                      [&] { return told(account) + " without an error_code"; });
      opinion.require(!account.has_payload(),
                      "what ended otherwise than COMPLETED has no result payload",
                      [&] { return told(account) + " and has a payload"; });
    }
  }
}

void every_status_is_one(const Exchange& exchange, const Policies&, Opinion& opinion) {
  for (const Account& account : accounts_of(exchange)) {
    opinion.require(is_live(account.status) || core::is_terminal(account.status),
                    "every execution has one of the contract's statuses, not UNSPECIFIED",
                    [&] { return told(account); });
  }
}

void times_are_in_order(const Exchange& exchange, const Policies& policies, Opinion& opinion) {
  for (const Account& account : accounts_of(exchange)) {
    if (account.result == nullptr && account.info == nullptr) continue;
    const auto* const started = account.started_at();
    const auto* const completed = account.completed_at();
    if (started != nullptr && completed != nullptr) {
      opinion.require(
          time_of(*started) <= time_of(*completed), "started_at is not after completed_at", [&] {
            return fmt::format("'{}' started {} after it completed", account.execution_id,
                               reports::human_duration(time_of(*started) - time_of(*completed)));
          });
    }
    if (account.status == spearlet::EXECUTION_STATUS_PENDING) {
      opinion.require(started == nullptr, "what is PENDING has no started_at",
                      [&] { return told(account) + " and has a started_at"; });
    }
    if (is_live(account.status)) {
      opinion.require(completed == nullptr, "what has not ended has no completed_at",
                      [&] { return told(account) + " and has a completed_at"; });
    } else if (core::is_terminal(account.status) && !may_be_refusal(account, policies)) {
      opinion.require(completed != nullptr, "what has ended has a completed_at",
                      [&] { return told(account) + " without a completed_at"; });
    }
  }
}

void execution_time_is_from_start_to_end(const Exchange& exchange, const Policies&,
                                         Opinion& opinion) {
  // Both times and the duration may each have been cut to milliseconds.
  constexpr core::Duration kRounding = std::chrono::milliseconds(2);
  for (const Account& account : accounts_of(exchange)) {
    const auto* const started = account.started_at();
    const auto* const completed = account.completed_at();
    if (started == nullptr || completed == nullptr) continue;
    const std::int64_t stated = account.result != nullptr ? account.result->execution_time_ms()
                                                          : account.info->execution_time_ms();
    const core::Duration measured = time_of(*completed) - time_of(*started);
    const core::Duration least = core::saturating_add(measured, -kRounding);
    const core::Duration most = core::saturating_add(measured, kRounding);
    const core::Duration claimed = core::saturating_milliseconds(stated);
    opinion.require(least <= claimed && claimed <= most,
                    "execution_time_ms is the time from started_at to completed_at", [&] {
                      return fmt::format("'{}' ran for {}, execution_time_ms is {}",
                                         account.execution_id, reports::human_duration(measured),
                                         stated);
                    });
  }
}

void found_comes_with_a_result(const Exchange& exchange, const Policies&, Opinion& opinion) {
  if (exchange.method != Method::kGetExecutionStatus || !exchange.answered()) return;
  const auto& answer = exchange.answer_as<spearlet::GetExecutionStatusResponse>();
  if (!answer.found()) return;
  opinion.require(answer.has_result(), "an execution that is found comes with a result",
                  [] { return "found is true, and there is no result"; });
  if (exchange.request_as<spearlet::GetExecutionStatusRequest>().include_result()) return;
  for (const Account& account : accounts_of(exchange)) {
    opinion.require(!account.has_payload(), "include_result = false leaves out the payload",
                    [&] { return told(account) + " and has its payload"; });
  }
}

void unknown_is_no_error(const Exchange& exchange, const Policies&, Opinion& opinion) {
  if (exchange.method != Method::kGetExecutionStatus || !exchange.ended()) return;
  const std::string_view id =
      exchange.request_as<spearlet::GetExecutionStatusRequest>().execution_id();
  if (exchange.status.code() == absl::StatusCode::kNotFound) {
    opinion.require(false, "an unknown id is answered with found = false, not with an error",
                    [&] { return fmt::format("NOT_FOUND for '{}'", id); });
    return;
  }
  if (!exchange.answered()) return;
  const auto& answer = exchange.answer_as<spearlet::GetExecutionStatusResponse>();
  if (answer.found()) return;
  const auto status = answer.result().status();
  opinion.require(
      status == spearlet::EXECUTION_STATUS_UNSPECIFIED, "what is not found has no status",
      [&] { return fmt::format("'{}' is not found, and {}", id, status_name(status)); });
}

constexpr auto kRules = std::to_array<Rule>({
    {"SYNC-4", errors_go_with_the_status},
    {"STATE-5", every_status_is_one},
    {"STATE-6", times_are_in_order},
    {"STATE-7", execution_time_is_from_start_to_end},
    {"STATE-9", found_comes_with_a_result},
    {"STATE-10", unknown_is_no_error},
});

}  // namespace

std::span<const Rule> state_rules() { return kRules; }

}  // namespace quintain::conformance
