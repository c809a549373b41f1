#include "core/durability/durable_node.h"

#include "core/durability/attempt_gate.h"
#include "core/durability/journal_observer.h"
#include "core/durability/outbox.h"
#include "core/durability/restoration.h"

namespace quintain::core {

DurableNode::DurableNode(Environment& environment, Runtime& runtime, const NodeConfig& config,
                         Journal& journal, const DurabilityConfig& durability, Observer* observer,
                         const eta::EstimatorFactory& estimator)
    : journal_(journal),
      durability_(durability),
      changes_(std::make_unique<JournalObserver>(journal, observer)),
      gate_(std::make_unique<AttemptGate>(runtime, journal)),
      node_(std::make_unique<Node>(environment, *gate_, config, changes_.get(), estimator)) {
  changes_->attach(node_->manager());
  gate_->attach(node_->manager());
  outbox_ = std::make_unique<Outbox>(node_->service(), node_->manager(), *changes_, journal,
                                     durability.pending_bytes);
  journal.listen([this] {
    changes_->on_durable();
    gate_->on_durable();
    outbox_->on_journal_changed();
  });
}

DurableNode::~DurableNode() {
  journal_.listen([] {});
  outbox_->close();
  changes_->detach();
  node_.reset();
}

FunctionService& DurableNode::service() { return *outbox_; }

std::int64_t DurableNode::waiting_bytes() const { return outbox_->waiting_bytes(); }

absl::Status DurableNode::restore() {
  return Restoration(node_->manager(), *changes_, durability_.restart).run(journal_);
}

}  // namespace quintain::core
