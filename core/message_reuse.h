// Requests whose memory serves more than one call.
#pragma once

#include "spearlet/function.pb.h"

namespace quintain::core {

/// As Clear(), but messages within it are cleared instead of freed, so that the next request that
/// is written here finds their memory. Whether has_context() holds afterwards is not said.
void clear_keeping_memory(spearlet::InvokeFunctionRequest& request);

/// As to.CopyFrom(from), but into the memory that is there: a request like the one before
/// allocates nothing.
void copy_keeping_memory(const spearlet::InvokeFunctionRequest& from,
                         spearlet::InvokeFunctionRequest& to);

}  // namespace quintain::core
