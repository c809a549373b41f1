#include "cli/program.h"

int main(int argc, char** argv) { return quintain::cli::run_program(argc, argv); }
