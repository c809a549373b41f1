// Generated faults: every field and every method of the contract, each with every change that a
// faulty server may make to it.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quintain::conformance {

/// The part of a call that a mutation changes.
enum class Place : std::uint8_t { kRequest, kAnswer, kCall };

/// What a mutation does to its field, its message or its call.
enum class Change : std::uint8_t {
  // A field, or a whole message, of a request or of an answer.
  kCleared,       // it is not set; in a request, the server ignores it
  kDefault,       // it is set to its default value
  kAnother,       // where it is set, it has another valid value, close to the right one
  kLarger,        // where it is set, a number is twice the right one and 1000 more
  kInvented,      // it is set where it must not be
  kSecondLater,   // where it is set, a time is one second late
  kPrevious,      // it has its value in the previous message of the method
  kOther,         // it has its value in an answer about another execution or task
  kFirstDropped,  // a list, a map or a stream lacks its first entry
  kLastDropped,   // ... its last entry
  kDoubled,       // ... has its last entry twice; a map has one more entry
  kReversed,      // a list is in the reverse order; the first two messages of a stream are swapped
  // A call.
  kNoAnswer,         // it takes effect and is never answered
  kNoEffect,         // it is answered and takes no effect; a query is answered from a cache
  kTwice,            // it takes effect twice
  kOnAnother,        // it takes effect on another execution or task
  kErrorAfter,       // it takes effect and is answered with an error
  kLate,             // it is answered 5 s late
  kOtherCode,        // a refusal has another status code
  kRefusalAnswered,  // a refusal is answered with OK and an empty message
};

/// One generated fault. Immutable.
struct Mutation {
  /// Stable: the message, the path of the field and the change
  /// ("InvokeFunctionResponse.result.status/previous"), or the method and the change
  /// ("CancelExecution/effect-twice"). If several methods have the same request, the names for all
  /// but the first start with the method
  /// ("StreamFunction/InvokeFunctionRequest.task_id/ignored").
  std::string name{};
  const google::protobuf::MethodDescriptor* method = nullptr;
  Place place{};
  Change change{};
  /// From the message to the field; empty: the whole message. A field in a repeated one means the
  /// field of every entry.
  std::vector<const google::protobuf::FieldDescriptor*> path{};
};

/// All mutations of the contract's methods, in the order of the .proto file.
std::span<const Mutation> all_mutations();

/// The mutation of that name; nullptr if there is none.
const Mutation* find_mutation(std::string_view name);

/// What a server with this fault does, in one sentence.
std::string about(const Mutation& mutation);

/// The name of the message or of the method that the mutation changes: what stands before the
/// first '.' or the last '/' of its name.
std::string_view subject_of(const Mutation& mutation);

/// Mutations that the contract leaves open, and why.
struct FreeMutations {
  /// A pattern of names, in which '*' is any text.
  std::string_view pattern;
  std::string_view reason;
};

/// The whole list, which people read and judge.
std::span<const FreeMutations> free_mutations();

/// The last entry of the list, for Change::kInvented in a field that is never unset.
const FreeMutations& never_unset();

/// The first entry that names the mutation; nullptr: the contract forbids it, and it must be
/// caught.
const FreeMutations* find_free(const Mutation& mutation);

}  // namespace quintain::conformance
