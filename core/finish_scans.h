// Lists and statistics for callers that wait for nothing.
#pragma once

namespace quintain::core {

class Node;

/// Answers now the calls of a node that would look at tasks or records in later turns. For checks
/// after the end of a simulation, when no turn follows. Serial context only.
void finish_scans(Node& node);

}  // namespace quintain::core
