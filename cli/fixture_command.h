// `quintain fixture`: the functions that the conformance cases need, as a program.
#pragma once

#include <CLI/App.hpp>

namespace quintain::cli {

/// Adds the subcommand. It plays one attempt of a fixture as a process-based server asks for it
/// (docs/functions.md), and does what conformance/fixtures/fixture_runtime.h says of it. A fixture
/// that is stopped dies by the signal.
void add_fixture_command(CLI::App& app, int& exit_code);

}  // namespace quintain::cli
