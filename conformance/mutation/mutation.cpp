// Derives the list of mutations from the descriptor of the service by protobuf reflection.
#include "conformance/mutation/mutation.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;

// Messages that contain themselves would have endless paths; the contract has none.
constexpr std::size_t kMaxDepth = 8;

// Short words for the names. A cleared field of a request is one that the server ignores.
std::string_view word_for(Change change, Place place) {
  switch (change) {
    case Change::kCleared:
      return place == Place::kRequest ? "ignored" : "cleared";
    case Change::kDefault:
      return "default";
    case Change::kAnother:
      return "another";
    case Change::kLarger:
      return "larger";
    case Change::kInvented:
      return "invented";
    case Change::kSecondLater:
      return "second-later";
    case Change::kPrevious:
      return "previous";
    case Change::kOther:
      return "of-another";
    case Change::kFirstDropped:
      return "first-dropped";
    case Change::kLastDropped:
      return "last-dropped";
    case Change::kDoubled:
      return "doubled";
    case Change::kReversed:
      return "reversed";
    case Change::kNoAnswer:
      return "effect-without-answer";
    case Change::kNoEffect:
      return "answer-without-effect";
    case Change::kTwice:
      return "effect-twice";
    case Change::kOnAnother:
      return "effect-on-another";
    case Change::kErrorAfter:
      return "error-after-effect";
    case Change::kLate:
      return "answer-late";
    case Change::kOtherCode:
      return "refused-with-another-code";
    case Change::kRefusalAnswered:
      return "refusal-answered";
  }
  return {};
}

bool has_name(const FieldDescriptor& field, std::string_view name) {
  return field.message_type() != nullptr && field.message_type()->full_name() == name;
}

bool is_time(const FieldDescriptor& field) { return has_name(field, "google.protobuf.Timestamp"); }

bool is_number(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return true;
    default:
      return false;
  }
}

// Whether the field has a value as a whole: everything but a message of the contract.
bool is_value(const FieldDescriptor& field) {
  return field.message_type() == nullptr || is_time(field) ||
         has_name(field, "google.protobuf.Any");
}

// Whether calls of the method are about one execution or task that their request or answer names.
bool names_its_subject(const MethodDescriptor& method) {
  for (const Descriptor* message : {method.input_type(), method.output_type()}) {
    for (const char* id : {"execution_id", "task_id"}) {
      if (message->FindFieldByName(id) != nullptr) return true;
    }
  }
  return false;
}

// Generates the mutations of one method.
class Generator {
 public:
  Generator(const MethodDescriptor& method, bool request_is_shared, std::vector<Mutation>& all)
      : method_(method), request_is_shared_(request_is_shared), all_(all) {}

  void generate() {
    fields(Place::kRequest, *method_.input_type());
    for (const Change change : {Change::kCleared, Change::kPrevious, Change::kOther}) {
      if (change != Change::kOther || names_its_subject(method_)) add(Place::kAnswer, change);
    }
    if (method_.server_streaming()) {
      add_all(Place::kAnswer,
              {Change::kFirstDropped, Change::kLastDropped, Change::kDoubled, Change::kReversed});
    }
    fields(Place::kAnswer, *method_.output_type());
    add_all(Place::kCall, {Change::kNoAnswer, Change::kNoEffect, Change::kTwice});
    if (method_.input_type()->FindFieldByName("execution_id") != nullptr ||
        method_.input_type()->FindFieldByName("task_id") != nullptr) {
      add(Place::kCall, Change::kOnAnother);
    }
    add_all(Place::kCall,
            {Change::kErrorAfter, Change::kLate, Change::kOtherCode, Change::kRefusalAnswered});
  }

 private:
  void fields(Place place, const Descriptor& message) {
    if (path_.size() == kMaxDepth) return;
    for (int i = 0; i < message.field_count(); ++i) {
      path_.push_back(message.field(i));
      field(place, *message.field(i));
      path_.pop_back();
    }
  }

  void field(Place place, const FieldDescriptor& field) {
    add_all(place, {Change::kCleared, Change::kPrevious});
    if (place == Place::kAnswer) {
      // An entry of a list has neighbours, any other field has its values in other answers.
      const bool in_list = std::any_of(path_.begin(), path_.end() - 1,
                                       [](const auto* outer) { return outer->is_repeated(); });
      if (in_list || names_its_subject(method_)) add(place, Change::kOther);
    }
    if (field.is_map()) {
      return add_all(place, {Change::kAnother, Change::kFirstDropped, Change::kDoubled});
    }
    if (field.is_repeated()) {
      add_all(place,
              {Change::kFirstDropped, Change::kLastDropped, Change::kDoubled, Change::kReversed});
    } else if (field.has_presence()) {
      add(place, Change::kDefault);
    }
    if (!field.is_repeated() && is_value(field)) add(place, Change::kInvented);
    if (is_time(field)) return add_all(place, {Change::kAnother, Change::kSecondLater});
    if (is_number(field)) return add_all(place, {Change::kAnother, Change::kLarger});
    // A flag has no other value than the ones that it has when it is cleared or invented.
    if (is_value(field) && field.cpp_type() != FieldDescriptor::CPPTYPE_BOOL) {
      add(place, Change::kAnother);
    }
    if (field.message_type() != nullptr) fields(place, *field.message_type());
  }

  void add_all(Place place, std::initializer_list<Change> changes) {
    for (const Change change : changes) add(place, change);
  }

  void add(Place place, Change change) {
    std::string name;
    if (place == Place::kCall) {
      name = method_.name();
    } else {
      const bool is_request = place == Place::kRequest;
      if (is_request && request_is_shared_) name = method_.name() + "/";
      name += (is_request ? method_.input_type() : method_.output_type())->name();
    }
    for (const FieldDescriptor* field : path_) name += "." + field->name();
    name += fmt::format("/{}", word_for(change, place));
    all_.push_back({.name = std::move(name),
                    .method = &method_,
                    .place = place,
                    .change = change,
                    .path = path_});
  }

  const MethodDescriptor& method_;
  bool request_is_shared_;
  std::vector<Mutation>& all_;
  std::vector<const FieldDescriptor*> path_;
};

std::vector<Mutation> generate() {
  const auto& service =
      *spearlet::InvokeFunctionRequest::descriptor()->file()->FindServiceByName("FunctionService");
  std::vector<Mutation> all;
  absl::flat_hash_set<const Descriptor*> requests;
  for (int i = 0; i < service.method_count(); ++i) {
    const MethodDescriptor& method = *service.method(i);
    const bool is_new = requests.insert(method.input_type()).second;
    Generator(method, !is_new, all).generate();
  }
  return all;
}

// Whether the text matches the pattern, in which '*' is any text.
bool matches(std::string_view text, std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return text == pattern;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  for (std::size_t i = star; i <= text.size(); ++i) {
    if (matches(text.substr(i), pattern.substr(star + 1))) return true;
  }
  return false;
}

std::string what_happens(const Mutation& mutation) {
  switch (mutation.change) {
    case Change::kCleared:
      return mutation.place == Place::kRequest ? "is ignored" : "is not set";
    case Change::kDefault:
      return "has its default value";
    case Change::kAnother:
      return "has another valid value";
    case Change::kLarger:
      return "is twice the right number and 1000 more";
    case Change::kInvented:
      return "is set where it should not be";
    case Change::kSecondLater:
      return "is one second late";
    case Change::kPrevious:
      return "has its value in the previous message";
    case Change::kOther:
      return "has its value for another execution or task";
    case Change::kFirstDropped:
      return "lacks the first entry";
    case Change::kLastDropped:
      return "lacks the last entry";
    case Change::kDoubled:
      return "has one entry too many";
    case Change::kReversed:
      return "is in the wrong order";
    case Change::kNoAnswer:
      return "takes effect and is never answered";
    case Change::kNoEffect:
      return "is answered and takes no effect; a query is answered from a cache";
    case Change::kTwice:
      return "takes effect twice";
    case Change::kOnAnother:
      return "takes effect on another execution or task";
    case Change::kErrorAfter:
      return "takes effect and is answered with an error";
    case Change::kLate:
      return "is answered 5 s late";
    case Change::kOtherCode:
      return "is refused with another status code";
    case Change::kRefusalAnswered:
      return "is answered with OK and an empty message where it is refused";
  }
  return {};
}

}  // namespace

std::span<const Mutation> all_mutations() {
  static const std::vector<Mutation> all = generate();
  return all;
}

const Mutation* find_mutation(std::string_view name) {
  const auto all = all_mutations();
  const auto found = std::ranges::find(all, name, &Mutation::name);
  return found == all.end() ? nullptr : &*found;
}

std::string about(const Mutation& mutation) {
  const std::string& method = mutation.method->name();
  std::string what = fmt::format("A {} call", method);
  if (mutation.place != Place::kCall) {
    std::string path;
    for (const FieldDescriptor* field : mutation.path) {
      path += (path.empty() ? "" : ".") + field->name();
    }
    const std::string_view message = mutation.place == Place::kRequest ? "request" : "answer";
    what = path.empty() ? fmt::format("The {} of {}", message, method)
                        : fmt::format("{} in the {} of {}", path, message, method);
  }
  return fmt::format("{} {}.", what, what_happens(mutation));
}

std::string_view subject_of(const Mutation& mutation) {
  const std::string_view name = mutation.name;
  return name.substr(0, std::min(name.find('.'), name.rfind('/')));
}

const FreeMutations* find_free(const Mutation& mutation) {
  for (const FreeMutations& free : free_mutations()) {
    if (matches(mutation.name, free.pattern)) return &free;
  }
  return nullptr;
}

}  // namespace quintain::conformance
