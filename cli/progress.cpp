#include "cli/progress.h"
#include "cli/console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace quintain::cli {
namespace {

constexpr std::chrono::nanoseconds kBetweenRedraws = std::chrono::milliseconds(200);
constexpr std::chrono::nanoseconds kBetweenLines = std::chrono::seconds(30);

}  // namespace

Progress::Progress(std::string_view unit)
    : unit_(unit),
      terminal_(isatty(STDERR_FILENO) == 1),
      started_(std::chrono::steady_clock::now()),
      last_shown_(started_) {}

void Progress::show(std::size_t done, std::size_t total, std::size_t kept,
                    const std::string& last) {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_shown_ < (terminal_ ? kBetweenRedraws : kBetweenLines)) return;
  last_shown_ = now;
  std::string line = fmt::format("{} of {} {}", done, total, unit_);
  // Kept results say nothing about the time that the rest will take.
  if (const std::size_t timed = done - kept; timed > 0) {
    const std::chrono::duration<double> passed = now - started_;
    line += fmt::format(", about {:.0f} s left",
                        passed.count() / static_cast<double>(timed) *
                            static_cast<double>(total > done ? total - done : 0));
  }
  if (!last.empty()) line += "; last " + last;
  if (terminal_) {
    shown_ = true;
    print_note("\r\x1b[K{}", line);
  } else {
    print_note("{}\n", line);
  }
  std::fflush(stderr);
}

void Progress::clear() {
  if (!shown_) return;
  print_note("\r\x1b[K");
  std::fflush(stderr);
}

int terminal_width() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

}  // namespace quintain::cli
