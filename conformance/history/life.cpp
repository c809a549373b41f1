#include "conformance/history/life.h"

#include <algorithm>
#include <limits>
#include <map>

namespace quintain::conformance {
namespace {

using spearlet::InvokeFunctionRequest;

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

bool is_invoke(const Exchange& exchange) {
  return exchange.method == Method::kInvokeFunction || exchange.method == Method::kStreamFunction;
}

// The id by which an InvokeFunction or StreamFunction call is known afterwards.
std::string_view id_of_invoke(const Exchange& exchange) {
  const std::vector<Account> accounts = accounts_of(exchange);
  if (!accounts.empty() && !accounts.front().execution_id.empty()) {
    return accounts.front().execution_id;
  }
  if (exchange.method == Method::kInvokeFunction && exchange.answered()) {
    const auto& id = exchange.answer_as<spearlet::InvokeFunctionResponse>().execution_id();
    if (!id.empty()) return id;
  }
  return given_id(exchange.request_as<InvokeFunctionRequest>());
}

using Traffic = std::map<std::string_view, Life>;

void add_exchange(const Exchange& exchange, Traffic& traffic) {
  const auto life = [&](std::string_view id) -> Life& { return traffic[id]; };
  if (is_invoke(exchange)) {
    const std::string_view id = id_of_invoke(exchange);
    Life& named = life(id);
    (may_be_accepted(exchange) ? named.invokes : named.refused).push_back(&exchange);
  } else if (exchange.method == Method::kCancelExecution) {
    life(exchange.request_as<spearlet::CancelExecutionRequest>().execution_id())
        .cancels.push_back(&exchange);
  } else if (exchange.method == Method::kGetExecutionStatus && exchange.answered() &&
             !exchange.answer_as<spearlet::GetExecutionStatusResponse>().found()) {
    life(exchange.request_as<spearlet::GetExecutionStatusRequest>().execution_id())
        .misses.push_back(&exchange);
  }
  for (const Account& account : accounts_of(exchange)) {
    if (!account.execution_id.empty()) life(account.execution_id).accounts.push_back(account);
  }
}

// When a DeleteTask that forgets records was first sent.
core::Instant first_cleanup(std::span<const Exchange> exchanges) {
  for (const Exchange& exchange : exchanges) {
    if (exchange.method == Method::kDeleteTask &&
        exchange.request_as<spearlet::DeleteTaskRequest>().cleanup_executions()) {
      return exchange.sent;
    }
  }
  return core::Instant::never();
}

// An execution that was live at some moment has not ended before it, and stays for the retention
// after its end.
core::Instant may_be_gone(const Life& life, core::Instant cleanup, const Policies& policies) {
  if (life.invokes.empty() && life.accounts.empty()) return core::Instant();
  if (policies.retention == core::kForever) return cleanup;
  core::Instant live =
      life.invokes.empty() ? life.accounts.front().exchange->sent : life.invokes.front()->sent;
  for (const Account& account : life.accounts) {
    if (is_live(account.status)) live = std::max(live, account.exchange->sent);
  }
  const core::Duration certain = std::max(policies.retention - policies.grace, core::Duration(0));
  return std::min(cleanup, live + certain);
}

// Cuts what happened under one id into the executions that it named.
class Splitter {
 public:
  Splitter(std::string_view id, const Life& all, core::Instant cleanup, const Policies& policies)
      : id_(id), all_(all), cleanup_(cleanup), policies_(policies) {}

  std::vector<Life> split() {
    std::vector<Life> lives;
    std::size_t begin = 0;
    bool fresh = true;
    while (true) {
      const std::size_t end = end_of_life(begin);
      const bool is_last = end >= all_.invokes.size();
      Life life = part(begin, end, /*is_first=*/begin == 0, is_last);
      life.fresh = fresh;
      life.renewed = begin > 0;
      life.may_be_gone = may_be_gone(life, cleanup_, policies_);
      // The next one is surely new if this one was there and was seen to be gone.
      fresh = !is_last && std::ranges::any_of(life.misses, [&](const Exchange* miss) {
        return std::ranges::any_of(life.accounts, [&](const Account& account) {
          return precedes(interval_of(account), interval_of(*miss));
        });
      });
      lives.push_back(std::move(life));
      if (is_last) return lives;
      begin = end;
    }
  }

 private:
  // The first call after `begin` that may have found its id free.
  std::size_t end_of_life(std::size_t begin) const {
    for (std::size_t i = begin + 1; i < all_.invokes.size(); ++i) {
      const Life so_far = part(begin, i, begin == 0, false);
      const core::Instant gone = may_be_gone(so_far, cleanup_, policies_);
      if (!gone.is_never() && interval_of(*all_.invokes[i]).end.at >= gone) return i;
    }
    return all_.invokes.size();
  }

  // What surely belongs to the execution that invokes[begin, end) are about.
  Life part(std::size_t begin, std::size_t end, bool is_first, bool is_last) const {
    Life life{.id = id_};
    life.invokes.assign(
        all_.invokes.begin() + static_cast<std::ptrdiff_t>(begin),
        all_.invokes.begin() + static_cast<std::ptrdiff_t>(std::min(end, all_.invokes.size())));
    const auto belongs = [&](const Exchange& exchange, const Read& when) {
      if (is_invoke(exchange) && may_be_accepted(exchange)) {
        return std::ranges::find(life.invokes, &exchange) != life.invokes.end();
      }
      return (is_first || precedes(interval_of(*all_.invokes[begin]), when)) &&
             (is_last || precedes(when, interval_of(*all_.invokes[end])));
    };
    for (const Account& account : all_.accounts) {
      if (belongs(*account.exchange, interval_of(account))) life.accounts.push_back(account);
    }
    for (const Exchange* refused : all_.refused) {
      if (belongs(*refused, interval_of(*refused))) life.refused.push_back(refused);
    }
    for (const Exchange* miss : all_.misses) {
      if (belongs(*miss, interval_of(*miss))) life.misses.push_back(miss);
    }
    for (const Exchange* cancel : all_.cancels) {
      // One that nobody answered may have met any of them.
      if (!cancel->answered() || belongs(*cancel, interval_of(*cancel))) {
        life.cancels.push_back(cancel);
      }
    }
    return life;
  }

  std::string_view id_;
  const Life& all_;
  core::Instant cleanup_;
  const Policies& policies_;
};

}  // namespace

const Exchange* Life::beginning() const {
  return invokes.empty() || invokes.front()->ambiguous() || !invokes.front()->ended()
             ? nullptr
             : invokes.front();
}

spearlet::ExecutionMode Life::mode() const {
  if (invokes.empty()) return spearlet::EXECUTION_MODE_UNSPECIFIED;
  return invokes.front()->request_as<InvokeFunctionRequest>().execution_mode();
}

Read interval_of(const Exchange& exchange, int stage) {
  Read read = {.begin = {exchange.sent, exchange.number}, .end = {}, .stage = stage};
  // Without an answer the call may yet have its effect, for ever.
  const bool is_over = exchange.ended() && !exchange.ambiguous();
  read.end = {is_over ? exchange.returned : core::Instant::never(),
              exchange.followed_by == 0 ? kUnknown : exchange.followed_by};
  return read;
}

Read interval_of(const Account& account, int stage) {
  Read read = interval_of(*account.exchange, stage);
  if (account.chunk != nullptr) read.end = {account.at, kUnknown};
  return read;
}

bool may_be_accepted(const Exchange& invoke) {
  return !invoke.ended() || invoke.status.ok() || invoke.ambiguous() || !invoke.received.empty();
}

std::vector<Life> lives_of(std::span<const Exchange> exchanges, const Policies& policies) {
  Traffic traffic;
  for (const Exchange& exchange : exchanges) add_exchange(exchange, traffic);
  const core::Instant cleanup = first_cleanup(exchanges);
  const bool may_be_deleted =
      std::ranges::find(exchanges, Method::kDeleteTask, &Exchange::method) != exchanges.end();
  std::vector<Life> lives;
  for (const auto& [id, all] : traffic) {
    if (id.empty()) continue;
    for (Life& life : Splitter(id, all, cleanup, policies).split()) {
      life.may_be_deleted = may_be_deleted;
      lives.push_back(std::move(life));
    }
  }
  return lives;
}

}  // namespace quintain::conformance
