// Each case is rendered in every format outside the lock. The spool has the texts in the order in
// which cases end; the entries know where they are, and are sorted before the files are written.
#include "reports/stream.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace quintain::reports {
namespace {

double accepted(const Case& c) {
  for (const Metric& metric : c.metrics) {
    if (metric.name != "count.accepted") continue;
    return std::visit([](auto value) { return static_cast<double>(value); }, metric.value);
  }
  return 0;
}

// A file beside which there is room for the spool.
std::string first_file(const ReportStream::Options& options) {
  for (const std::string* path : {&options.json, &options.junit, &options.ctrf, &options.html}) {
    if (!path->empty()) return *path;
  }
  const auto found =
      std::ranges::find_if(options.ci, [](const std::string& path) { return !path.empty(); });
  return found == options.ci.end() ? "" : *found;
}

}  // namespace

ReportStream::ReportStream(Options options)
    : options_(std::move(options)), spool_(first_file(options_)) {}

bool ReportStream::wants(CiFormat format) const {
  const bool published = format == CiFormat::kAnnotations || format == CiFormat::kMarkdown;
  return !options_.ci[static_cast<std::size_t>(format)].empty() || (options_.github && published);
}

void ReportStream::add(std::size_t place, const Case& c) {
  std::array<std::string, kFormats> texts;
  const bool seeded = !options_.seeds.empty();
  texts[kText] = options_.table ? case_below_table(c, seeded) : plain_case(c, seeded);
  absl::Status error;
  if (!options_.json.empty()) {
    auto json = json_case(c);
    error = json.status();
    if (json.ok()) texts[kJson] = *std::move(json);
  }
  if (!options_.junit.empty()) texts[kJUnit] = junit_case(c, options_.seeds);
  if (!options_.ctrf.empty()) texts[kCtrf] = ctrf_case(c, options_.seeds);
  if (!options_.html.empty()) texts[kHtml] = html_case(c);
  for (std::size_t i = 0; i < kCiFormats; ++i) {
    const auto format = static_cast<CiFormat>(i);
    if (wants(format)) texts[kFirstCi + i] = ci_case(format, c, options_.seeds);
  }
  auto row = options_.table ? std::make_unique<Row>(table_row(c)) : nullptr;

  const std::scoped_lock lock(mutex_);
  error_.Update(error);
  const auto [folder, added] = folder_numbers_.try_emplace(folder_of(c), folders_.size());
  if (added) folders_.push_back({.folder = folder->first, .totals = {}});
  JUnitSuite& suite = folders_[folder->second];
  suite.totals.add(c);
  suite.time += c.virtual_time;
  totals_.add(c);
  executions_ += accepted(c);
  events_ += static_cast<double>(c.events);
  if (!options_.html.empty()) summary_.add(c);
  Entry& entry = entries_.emplace_back(Entry{.place = place,
                                             .folder = folder->second,
                                             .passed = outcome_of(c) == Outcome::kPassed,
                                             .pieces = {},
                                             .row = std::move(row)});
  for (std::size_t i = 0; i < kFormats; ++i) entry.pieces[i] = spool_.append(texts[i]);
}

void ReportStream::order() {
  std::ranges::sort(entries_, {}, &Entry::place);
  folder_order_.clear();
  std::vector<bool> seen(folders_.size());
  for (const Entry& entry : entries_) {
    if (!seen[entry.folder]) folder_order_.push_back(entry.folder);
    seen[entry.folder] = true;
  }
}

CaseTexts ReportStream::texts(std::size_t format) {
  return [this, format](std::string_view separator, const Sink& sink) {
    bool first = true;
    for (const Entry& entry : entries_) {
      if (entry.pieces[format].size == 0) continue;
      if (!std::exchange(first, false)) sink(separator);
      sink(spool_.read(entry.pieces[format]));
    }
  };
}

absl::Status ReportStream::fill_json(const Report& head, const Sink& sink) {
  if (!error_.ok()) return error_;
  if (!head.shard) return write_json(head, totals_, texts(kJson), sink);
  Report placed = head;
  for (const Entry& entry : entries_) {
    placed.shard->places.push_back(static_cast<std::int64_t>(entry.place));
  }
  return write_json(placed, totals_, texts(kJson), sink);
}

absl::Status ReportStream::fill_junit(const Report& head, const Sink& sink) {
  sink(junit_head(head, totals_));
  for (const std::size_t folder : folder_order_) {
    sink(junit_suite_head(head, folders_[folder]));
    for (const Entry& entry : entries_) {
      if (entry.folder == folder) sink(spool_.read(entry.pieces[kJUnit]));
    }
    sink(junit_suite_tail());
  }
  sink(junit_tail());
  return absl::OkStatus();
}

absl::Status ReportStream::fill_ctrf(const Report& head, const Sink& sink) {
  const CaseTexts by_folder = [this](std::string_view separator, const Sink& each) {
    bool first = true;
    for (const std::size_t folder : folder_order_) {
      for (const Entry& entry : entries_) {
        if (entry.folder != folder) continue;
        if (!std::exchange(first, false)) each(separator);
        each(spool_.read(entry.pieces[kCtrf]));
      }
    }
  };
  write_ctrf(head, totals_, folder_order_.size(), by_folder, sink);
  return absl::OkStatus();
}

absl::Status ReportStream::fill_html(const Report& head, const Sink& sink) {
  std::vector<HtmlPart> parts;
  for (const Entry& entry : entries_) {
    parts.push_back({static_cast<std::size_t>(entry.pieces[kHtml].size), entry.passed});
  }
  const std::vector<bool> chosen = choose_html_parts(parts);
  const CaseTexts cases = [&](std::string_view separator, const Sink& each) {
    bool first = true;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (!chosen[i]) continue;
      if (!std::exchange(first, false)) each(separator);
      each(spool_.read(entries_[i].pieces[kHtml]));
    }
  };
  write_html(head, totals_, summary_, std::ranges::count(chosen, false), cases, sink);
  return absl::OkStatus();
}

absl::Status ReportStream::write(const std::string& path,
                                 const std::function<absl::Status(const Sink&)>& fill) {
  auto file = AtomicFile::create(path);
  if (!file.ok()) return file.status();
  absl::Status status = fill([&](std::string_view text) { file->append(text); });
  status.Update(spool_.status());
  return status.ok() ? file->commit() : status;
}

std::vector<absl::Status> ReportStream::write_files(const Report& head) {
  order();
  std::vector<absl::Status> errors;
  const auto add_file = [&](const std::string& path, auto fill) {
    if (path.empty()) return;
    absl::Status status = write(path, [&](const Sink& sink) { return (this->*fill)(head, sink); });
    if (!status.ok()) errors.push_back(std::move(status));
  };
  add_file(options_.json, &ReportStream::fill_json);
  add_file(options_.junit, &ReportStream::fill_junit);
  add_file(options_.ctrf, &ReportStream::fill_ctrf);
  add_file(options_.html, &ReportStream::fill_html);
  for (std::size_t i = 0; i < kCiFormats; ++i) {
    if (options_.ci[i].empty()) continue;
    absl::Status status = write(options_.ci[i], [&](const Sink& sink) {
      return write_ci(static_cast<CiFormat>(i), head, sink);
    });
    if (!status.ok()) errors.push_back(std::move(status));
  }
  return errors;
}

absl::Status ReportStream::write_ci(CiFormat format, const Report& head, const Sink& sink) {
  order();
  reports::write_ci(format, head, totals_, texts(kFirstCi + static_cast<std::size_t>(format)),
                    sink);
  return spool_.status();
}

absl::Status ReportStream::write_text(const Report& head, const Sink& sink) {
  order();
  if (options_.table) {
    std::vector<RowGroup> groups;
    for (const std::size_t folder : folder_order_) {
      groups.push_back({folders_[folder].folder, {}});
      for (const Entry& entry : entries_) {
        if (entry.folder == folder) groups.back().rows.push_back(*entry.row);
      }
    }
    sink(render_rows(std::move(groups), *options_.table));
  }
  bool any = false;
  for (const Entry& entry : entries_) {
    const std::string text = spool_.read(entry.pieces[kText]);
    any |= !text.empty();
    sink(text);
  }
  if (options_.table && any) sink("\n");
  sink(summary(head, totals_));
  return spool_.status();
}

}  // namespace quintain::reports
