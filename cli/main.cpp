#include "cli/conform_command.h"
#include "cli/fixture_command.h"
#include "cli/program.h"
#include "cli/run_command.h"
#include "cli/serve_command.h"
#include "cli/study_command.h"

int main(int argc, char** argv) {
  using namespace quintain::cli;
  return run_program(argc, argv,
                     {add_run_command, add_conform_command, add_study_command, add_serve_command,
                      add_fixture_command});
}
