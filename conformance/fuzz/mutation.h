// Random changes of messages that a target might have sent.
#pragma once

#include <google/protobuf/message.h>

#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace quintain::conformance::fuzz {

/// Changes messages, of which it remembers some. All that it does follows from its seed and from
/// the calls before. Not thread-safe.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  /// True with this probability.
  bool chance(double probability) { return std::bernoulli_distribution(probability)(random_); }
  /// 0 to limit - 1. Requires: limit > 0.
  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }

  /// Another message: fields are changed if the bytes are a message of the type, and bytes are
  /// changed in any case now and then. The result need not be a message.
  std::string mutate(const std::string& bytes, const google::protobuf::Message& type);

  /// A text that is unpleasant to parse, to compare or to show.
  std::string text();

 private:
  void mutate_fields(google::protobuf::Message& message, int depth);
  void set_field(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field,
                 int depth);
  void set_any(google::protobuf::Message& any);
  void mutate_bytes(std::string& bytes);
  std::int64_t integer();

  std::mt19937_64 random_;
  std::vector<std::string> remembered_;
};

}  // namespace quintain::conformance::fuzz
