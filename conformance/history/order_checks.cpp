#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "conformance/history/check.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

// How far an execution has come; nothing for what is no status.
std::optional<int> stage_of(spearlet::ExecutionStatus status) {
  if (status == spearlet::EXECUTION_STATUS_PENDING) return 0;
  if (status == spearlet::EXECUTION_STATUS_RUNNING) return 1;
  return core::is_terminal(status) ? std::optional(2) : std::nullopt;
}

// Whether some read was over before another began: without that there is no order to get wrong.
bool any_ordered(const std::vector<Read>& reads) {
  if (reads.empty()) return false;
  const Moment first_end = std::ranges::min(reads, {}, &Read::end).end;
  return first_end <= std::ranges::max(reads, {}, &Read::begin).begin;
}

void statuses_advance(const Life& life, const Policies&, Findings& findings) {
  std::vector<const Account*> accounts;
  std::vector<Read> reads;
  for (const Account& account : life.accounts) {
    if (const auto stage = stage_of(account.status)) {
      accounts.push_back(&account);
      reads.push_back(interval_of(account, *stage));
    }
  }
  const auto contradiction = find_contradiction(reads);
  if (!contradiction) {
    if (!any_ordered(reads)) return;
    findings.held("STATE-1");
    findings.held("STATE-4");
    return;
  }
  const Account& earlier = *accounts[contradiction->earlier];
  const Account& later = *accounts[contradiction->later];
  const std::string observed = tell_both(life.id, earlier, later);
  const auto calls = numbers({earlier.exchange, later.exchange});
  findings.broken("STATE-1", {fmt::format("nothing leads from {} back to {}",
                                          status_name(earlier.status), status_name(later.status)),
                              observed, calls});
  findings.broken("STATE-4", {fmt::format("once a read has returned {}, no read that begins later "
                                          "returns {}",
                                          status_name(earlier.status), status_name(later.status)),
                              observed, calls});
  if (core::is_terminal(earlier.status)) {
    findings.broken(
        "STATE-2",
        {fmt::format("a final status stays: {}", status_name(earlier.status)), observed, calls});
  }
}

// The messages of one stream come in their order, which their intervals alone don't tell.
void streams_advance(const Life& life, const Policies&, Findings& findings) {
  const Account* last = nullptr;
  for (const Account& account : life.accounts) {
    if (account.chunk == nullptr || !stage_of(account.status)) continue;
    if (last != nullptr && last->exchange == account.exchange &&
        *stage_of(last->status) > *stage_of(account.status)) {
      findings.broken("STATE-1",
                      {fmt::format("nothing leads from {} back to {}", status_name(last->status),
                                   status_name(account.status)),
                       fmt::format("'{}': {}, and in a later message of that stream {}", life.id,
                                   tell(*last), status_name(account.status)),
                       numbers({account.exchange})});
      return;
    }
    last = &account;
  }
}

void there_is_one_outcome(const Life& life, const Policies&, Findings& findings) {
  std::vector<const Account*> ends;
  for (const Account& account : life.accounts) {
    if (core::is_terminal(account.status)) ends.push_back(&account);
  }
  if (ends.size() < 2) return;
  std::ranges::stable_sort(ends, {}, [](const Account* end) { return interval_of(*end).end; });
  const Account& first = *ends.front();
  const auto other =
      std::ranges::find_if(ends, [&](const Account* end) { return end->status != first.status; });
  if (other == ends.end()) {
    findings.held("STATE-2");
    findings.held("STATE-3");
    return;
  }
  const std::string observed = tell_both(life.id, first, **other);
  const auto calls = numbers({first.exchange, (*other)->exchange});
  findings.broken("STATE-3",
                  {"an execution ends in one way, whoever tells of it", observed, calls});
  if (precedes(interval_of(first), interval_of(**other))) {
    findings.broken("STATE-2", {fmt::format("a final status stays: {}", status_name(first.status)),
                                observed, calls});
  }
}

// Of which calls it is certain that they saw the record itself.
bool shows_the_record(const Account& account) {
  switch (account.exchange->method) {
    case Method::kGetExecutionStatus:
    case Method::kListExecutions:
    case Method::kGetTask:
      return true;
    case Method::kInvokeFunction:
      // What a SYNC caller was told need not be kept for others.
      return account.exchange->request_as<spearlet::InvokeFunctionRequest>().execution_mode() ==
             spearlet::EXECUTION_MODE_ASYNC;
    default:
      return false;
  }
}

void what_is_there_is_found(const Life& life, const Policies& policies, Findings& findings) {
  std::vector<const Account*> accounts;
  std::vector<const Exchange*> exchanges;
  std::vector<Read> reads;
  const auto add = [&](const Exchange* exchange, const Account* account, const Read& read) {
    exchanges.push_back(exchange);
    accounts.push_back(account);
    reads.push_back(read);
  };
  bool accepted_async = false;
  for (const Account& account : life.accounts) {
    if (!shows_the_record(account)) continue;
    const bool is_invoke = account.exchange->method == Method::kInvokeFunction;
    if (is_invoke && may_be_refusal(*account.exchange, policies)) continue;
    accepted_async = accepted_async || is_invoke;
    add(account.exchange, &account, interval_of(account, 1));
  }
  for (const Exchange* miss : life.misses) {
    if (miss->returned < life.may_be_gone) add(miss, nullptr, interval_of(*miss, 0));
  }
  const std::string_view clause = accepted_async ? "ASYNC-4" : "STATE-2";
  const auto contradiction = find_contradiction(reads);
  if (contradiction) {
    const Account& seen = *accounts[contradiction->earlier];
    const Exchange& miss = *exchanges[contradiction->later];
    findings.broken(clause, {"what has been accepted or seen is found by every later status query",
                             fmt::format("'{}': {}; {}, after that, was told found = false",
                                         life.id, tell(seen), tell(miss)),
                             numbers({seen.exchange, &miss})});
  } else if (accepted_async && any_ordered(reads)) {
    findings.held("ASYNC-4");
  }
}

void nothing_is_found_before_it_is_there(const Life& life, const Policies&, Findings& findings) {
  // Ids that nobody chose can't be known before.
  if (life.invokes.empty() || !life.fresh) return;
  const Exchange& first = *life.invokes.front();
  if (given_id(first.request_as<spearlet::InvokeFunctionRequest>()).empty()) return;
  const Read beginning = interval_of(first);
  for (const Account& account : life.accounts) {
    if (!precedes(interval_of(account), beginning)) continue;
    findings.broken("STATE-10", {"an id that was not used yet names nothing",
                                 fmt::format("'{}': {}; {} was the first to use the id, after that",
                                             life.id, tell(account), tell(first)),
                                 numbers({account.exchange, &first})});
    return;
  }
  const bool asked_before = std::ranges::any_of(
      life.misses, [&](const Exchange* miss) { return precedes(interval_of(*miss), beginning); });
  if (asked_before) findings.held("STATE-10");
}

constexpr auto kChecks =
    std::to_array<LifeCheck>({statuses_advance, streams_advance, there_is_one_outcome,
                              what_is_there_is_found, nothing_is_found_before_it_is_there});

}  // namespace

std::span<const LifeCheck> order_checks() { return kChecks; }

}  // namespace quintain::conformance
