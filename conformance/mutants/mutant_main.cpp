// A mutant is `quintain run` and nothing else.
#include "cli/program.h"
#include "cli/run_command.h"

int main(int argc, char** argv) {
  using namespace quintain::cli;
  return run_program(argc, argv, {add_run_command});
}
