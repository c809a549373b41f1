#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace quintain::cli {
namespace {

constexpr std::chrono::nanoseconds kBetweenRedraws = std::chrono::milliseconds(200);
constexpr std::chrono::nanoseconds kBetweenLines = std::chrono::seconds(30);

}  // namespace

Progress::Progress()
    : terminal_(isatty(STDERR_FILENO) == 1),
      began_(std::chrono::steady_clock::now()),
      last_(began_) {}

void Progress::show(std::size_t done, std::size_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now - last_ < kBetweenRedraws) return;
  last_ = now;
  shown_ = true;
  const std::chrono::duration<double> passed = now - began_;
  const double left =
      passed.count() / static_cast<double>(done) * static_cast<double>(total - done);
  fmt::print(stderr, "\r\x1b[K{} of {} cases, about {:.0f} s left", done, total, left);
  std::fflush(stderr);
}

void Progress::clear() {
  if (!shown_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

StudyMeter::StudyMeter()
    : terminal_(isatty(STDERR_FILENO) == 1),
      began_(std::chrono::steady_clock::now()),
      last_(began_) {}

void StudyMeter::show(const State& state) {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < (terminal_ ? kBetweenRedraws : kBetweenLines)) return;
  last_ = now;
  // What was found on disk says nothing of how long the rest will take.
  const std::size_t played = state.done - state.kept;
  const std::chrono::duration<double> passed = now - began_;
  std::string left = "";
  if (played > 0) {
    const double each = passed.count() / static_cast<double>(played);
    left = fmt::format(", about {:.0f} s left",
                       each * static_cast<double>(state.expected - state.done));
  }
  const std::string line =
      fmt::format("{} of about {} cells{}; last {}", state.done, state.expected, left, state.last);
  if (terminal_) {
    shown_ = true;
    fmt::print(stderr, "\r\x1b[K{}", line);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
}

void StudyMeter::clear() {
  if (!shown_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

int terminal_width() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

}  // namespace quintain::cli
