// What all subcommands share.
#pragma once

namespace quintain::cli {

/// The program's exit codes.
enum ExitCode : int {
  kAllHeld = 0,
  kSomethingFailed = 1,
  kBadInput = 2,      // usage, or a file that makes no sense
  kHarnessError = 3,  // the harness's own fault
};

}  // namespace quintain::cli
