// What the fuzzers share: the command line, the loop over seeds, and the end of a process that
// crashes or hangs, with the seed that repeats it.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace quintain::fuzzing {

/// How long an iteration may take.
struct TimeLimits {
  /// After this time overdue() is true.
  std::chrono::milliseconds soft;
  /// After this time the process ends. Sanitizers and a busy machine make an iteration slower, a
  /// loop makes it endless.
  std::chrono::seconds hard;
};

namespace detail {
inline std::string_view program;
inline std::atomic<std::uint64_t> seed = 0;
inline std::atomic<bool> overdue = false;

// Async-signal-safe.
inline void print_seed() {
  char text[64];
  char* at = text + sizeof text;
  *--at = '\n';
  for (std::uint64_t rest = seed; rest != 0 || at[0] == '\n'; rest /= 10) {
    *--at = static_cast<char>('0' + rest % 10);
  }
  constexpr std::string_view kWords = ": it happened with --iterations 1 --seed ";
  (void)!write(STDERR_FILENO, program.data(), program.size());
  (void)!write(STDERR_FILENO, kWords.data(), kWords.size());
  (void)!write(STDERR_FILENO, at, static_cast<std::size_t>(text + sizeof text - at));
}

inline void on_fatal_signal(int number) {
  print_seed();
  std::signal(number, SIG_DFL);
  std::raise(number);
}
}  // namespace detail

/// Whether the present iteration has taken longer than the soft limit. May be read by any thread.
inline const std::atomic<bool>& overdue() { return detail::overdue; }

/// Reports a finding with the seed of the present iteration, and ends the process.
[[noreturn]] inline void fail(std::string_view what) {
  fmt::print(stderr, "{}: {}\n", detail::program, what);
  std::fflush(stderr);
  detail::print_seed();
  std::_Exit(1);
}

namespace detail {
class Watchdog {
 public:
  explicit Watchdog(TimeLimits limits) : limits_(limits), thread_([this] { watch(); }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void iteration_starts() {
    const std::lock_guard lock(mutex_);
    started_ = Clock::now();
    overdue = false;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void watch() {
    std::unique_lock lock(mutex_);
    while (!over_) {
      changed_.wait_for(lock, std::chrono::milliseconds(20));
      const auto took = Clock::now() - started_;
      if (took > limits_.soft) overdue = true;
      if (!over_ && took > limits_.hard) fail("an iteration takes too long");
    }
  }

  const TimeLimits limits_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  Clock::time_point started_ = Clock::now();
  std::thread thread_;
};
}  // namespace detail

/// The main() of a fuzzer, `program`: reads --seconds, --iterations and --seed, and calls `iterate`
/// with one seed after the other. All that an iteration does must follow from its seed. An
/// exception is a finding. Returns the exit code.
inline int run_fuzzer(int argc, char** argv, std::string_view program, const std::string& about,
                      TimeLimits limits, const std::function<void(std::uint64_t seed)>& iterate) {
  CLI::App app(about);
  double seconds = 60;
  std::uint64_t iterations = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t first = 1;
  app.add_option("--seconds", seconds, "How long; 60 if not given");
  app.add_option("--iterations", iterations, "How many at most; no limit if not given");
  app.add_option("--seed", first,
                 "The seed of the first iteration; each next one has the next seed");
  CLI11_PARSE(app, argc, argv);
  detail::program = program;
  for (const int number : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS}) {
    std::signal(number, &detail::on_fatal_signal);
  }
  detail::Watchdog watchdog(limits);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::uint64_t done = 0;
  for (; done < iterations && std::chrono::steady_clock::now() < end; ++done) {
    detail::seed = first + done;
    watchdog.iteration_starts();
    try {
      iterate(first + done);
    } catch (const std::exception& error) {
      fail(fmt::format("an exception: {}", error.what()));
    }
  }
  fmt::print("{}: {} iterations from seed {}, nothing found\n", program, done, first);
  return 0;
}

}  // namespace quintain::fuzzing
