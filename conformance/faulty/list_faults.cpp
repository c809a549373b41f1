// Faults of lists and counts.
#include <algorithm>
#include <charconv>
#include <map>
#include <string>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

// Lists the newest executions first. The token of a page is the number of entries before it, so
// executions that are added between two pages shift the entries.
class PagesByOffset final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void ListExecutions(const ListExecutionsRequest& request,
                      Answer<ListExecutionsResponse> answer) override {
    if (request.limit() <= 0) return inner().ListExecutions(request, std::move(answer));
    int offset = 0;
    std::from_chars(request.start_after().data(),
                    request.start_after().data() + request.start_after().size(), offset);
    const ListExecutionsResponse all = list_all(request);
    const int end = std::min(all.executions_size(), offset + request.limit());
    ListExecutionsResponse page;
    for (int i = offset; i < end; ++i) {
      *page.add_executions() = all.executions(all.executions_size() - 1 - i);
    }
    if (end < all.executions_size()) {
      page.set_has_more(true);
      page.set_next_start_after(std::to_string(end));
    }
    std::move(answer).send(std::move(page));
  }

 private:
  ListExecutionsResponse list_all(ListExecutionsRequest request) {
    ListExecutionsResponse all;
    request.set_limit(0);
    request.clear_start_after();
    bool more = true;
    while (more) {
      const auto page = ask(inner(), &core::FunctionService::ListExecutions, request);
      all.mutable_executions()->MergeFrom(page.executions());
      request.set_start_after(page.next_start_after());
      more = page.has_more();
    }
    return all;
  }
};

// Lists executions that have expired, as if their records were kept in the list only.
class ExpiredStayListed final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void ListExecutions(const ListExecutionsRequest& request,
                      Answer<ListExecutionsResponse> answer) override {
    inner().ListExecutions(request, edited(std::move(answer), [this, request](auto& response) {
                             if (!request.start_after().empty() || response.has_more()) return;
                             for (const auto& entry : response.executions()) {
                               kept_[entry.execution_id()] = entry;
                             }
                             response.clear_executions();
                             for (const auto& [id, entry] : kept_) {
                               const bool matches = request.task_id().empty() ||
                                                    request.task_id() == entry.task_id();
                               if (matches) *response.add_executions() = entry;
                             }
                           }));
  }

 private:
  std::map<std::string, ExecutionInfo> kept_;
};

std::vector<FaultyCore> list_faults() {
  return {
      {.name = "pages-backwards",
       .about = "The entries of each page are in the reverse order.",
       .origin = "for LIST-6",
       .caught_by = {"LIST-6"},
       .decorate = editing({.list =
                                [](auto&, auto& response) {
                                  auto& entries = *response.mutable_executions();
                                  std::reverse(entries.begin(), entries.end());
                                }})},
      {.name = "task-filter-ignored",
       .about = "ListExecutions ignores task_id.",
       .origin = "for LIST-7",
       .caught_by = {"LIST-7"},
       .decorate = editing({.list_query = [](auto& query) { query.clear_task_id(); }})},
      {.name = "entries-are-all-sync",
       .about = "Every entry of a list has the mode SYNC.",
       .origin = "for LIST-8",
       .caught_by = {"LIST-8"},
       .decorate = editing(
           {.entry =
                [](auto& entry) { entry.set_execution_mode(spearlet::EXECUTION_MODE_SYNC); }})},
      {.name = "entries-without-error",
       .about = "Entries of lists have no error_message.",
       .origin = "for LIST-8",
       .caught_by = {"LIST-8"},
       .decorate = editing({.entry = [](auto& entry) { entry.clear_error_message(); }})},
      {.name = "entries-without-function",
       .about = "Entries of lists have no function_name.",
       .origin = "for LIST-8",
       .caught_by = {"LIST-8"},
       .decorate = editing({.entry = [](auto& entry) { entry.clear_function_name(); }})},
      {.name = "expired-stay-listed",
       .about = "Executions stay in lists after their retention.",
       .origin = "for LIST-9",
       .caught_by = {"LIST-9"},
       .decorate = decorated_by<ExpiredStayListed>()},
      {.name = "lists-always-empty",
       .about = "ListTasks and ListExecutions are always empty.",
       .origin = "seen in Spear",
       .caught_by = {"LIST-1", "LIST-4"},
       .decorate = editing({.list = [](auto&, auto& response) { response.Clear(); },
                            .tasks = [](auto& response) { response.Clear(); }})},
      {.name = "page-cut-short",
       .about = "has_more is false although entries follow.",
       .origin = "seen in Spear",
       .caught_by = {"LIST-1"},
       .decorate = editing({.list =
                                [](auto&, auto& response) {
                                  response.clear_has_more();
                                  response.clear_next_start_after();
                                }})},
      {.name = "page-skips-one",
       .about = "Every page after the first leaves out one execution.",
       .origin = "for LIST-1",
       .caught_by = {"LIST-1"},
       .decorate = editing({.list =
                                [](auto& request, auto& response) {
                                  if (request.start_after().empty() ||
                                      response.executions().empty()) {
                                    return;
                                  }
                                  response.mutable_executions()->DeleteSubrange(0, 1);
                                }})},
      {.name = "pages-by-offset",
       .about = "Pages are newest first and counted from the top, so new executions shift entries.",
       .origin = "for LIST-1",
       .caught_by = {"LIST-1"},
       .decorate = decorated_by<PagesByOffset>()},
      {.name = "negative-limit-accepted",
       .about = "A negative limit acts as no limit.",
       .origin = "for LIST-2",
       .caught_by = {"LIST-2"},
       .decorate = editing(
           {.list_query = [](auto& query) { query.set_limit(std::max(query.limit(), 0)); }})},
      {.name = "status-filter-ignored",
       .about = "ListExecutions ignores status_filter.",
       .origin = "for LIST-3",
       .caught_by = {"LIST-3"},
       .decorate = editing({.list_query = [](auto& query) { query.clear_status_filter(); }})},
      {.name = "stats-constant",
       .about = "GetStats and GetHealth always return the same counts.",
       .origin = "seen in Spear",
       .caught_by = {"LIST-4"},
       .decorate = editing({.health =
                                [](auto& response) {
                                  if (!response.has_details()) return;
                                  auto& details = *response.mutable_details();
                                  details.set_active_tasks(1);
                                  details.set_running_executions(0);
                                  details.set_pending_executions(0);
                                  details.set_total_executions(1);
                                },
                            .stats =
                                [](auto& response) {
                                  response.mutable_service_stats()->set_total_executions(1);
                                  if (!response.has_execution_stats()) return;
                                  auto& stats = *response.mutable_execution_stats();
                                  stats.Clear();
                                  stats.set_completed_executions(1);
                                  stats.set_success_rate_percent(100);
                                }})},
      {.name = "busy-task-deleted",
       .about = "DeleteTask deletes a task with unfinished executions without force.",
       .origin = "for LIST-5",
       .caught_by = {"LIST-5"},
       .decorate = editing({.deletion = [](auto& deletion) { deletion.set_force(true); }})},
  };
}

const RegisterFaults kListFaults(9, list_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
