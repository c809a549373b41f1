// Work that was given up while it waited, and runs all the same.
#pragma once

#include <map>
#include <string>

#include "conformance/faulty/forwarding_service.h"

namespace quintain::conformance::faulty {

/// Remembers requests by their execution's id, so that a decorator can run one again behind its
/// record's back. What the second run does shows in the first one's log and start.
class RerunService : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(spearlet::InvokeFunctionRequest&& request, const core::CallContext& call,
                      core::Answer<spearlet::InvokeFunctionResponse> answer) override;
  void GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                          core::Answer<spearlet::GetExecutionStatusResponse> answer) override;

 protected:
  /// Runs the execution's request again under another id, without a timeout. Not from within an
  /// answer.
  void rerun(const std::string& execution_id);

 private:
  std::map<std::string, spearlet::InvokeFunctionRequest> requests_;
  std::map<std::string, std::string> ghosts_;  // by the id of what was given up
};

}  // namespace quintain::conformance::faulty
