#include "cli/interruption.h"

#include <signal.h>

#include <atomic>

namespace quintain::cli {
namespace {

std::atomic<int> last_signal = 0;
std::atomic<bool> any_signal = false;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "a signal handler may set them");

void handle(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  // The second signal meets the default again, which ends the program.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Interruption::Interruption() {
  last_signal = 0;
  any_signal = false;
  handle([](int number) {
    last_signal = number;
    any_signal = true;
  });
}

Interruption::~Interruption() { handle(SIG_DFL); }

std::string Interruption::reason() {
  switch (last_signal) {
    case 0:
      return {};
    case SIGINT:
      return "interrupted by SIGINT";
    default:
      return "interrupted by SIGTERM";
  }
}

const std::atomic<bool>& Interruption::requested() { return any_signal; }

int Interruption::exit_code() { return 128 + last_signal; }

}  // namespace quintain::cli
