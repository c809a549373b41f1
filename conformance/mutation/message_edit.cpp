// Edits messages by reflection. A path may lead through repeated fields; then the field of every
// entry is changed.
#include "conformance/mutation/message_edit.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace quintain::conformance {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

using Path = std::span<const FieldDescriptor* const>;

constexpr std::string_view kAddition = "x";
constexpr std::int64_t kHourSeconds = 3600;
constexpr int kMuchMore = 1000;
constexpr std::int64_t kInventedTime = 1'700'000'000;

// Copies the field from one message to another of the same type.
void copy_field(const Message& from, const FieldDescriptor& field, Message& to) {
  const Reflection& reflection = *to.GetReflection();
  // Swapping works for every type of field, so copy the whole message first.
  const std::unique_ptr<Message> copy(from.New());
  copy->CopyFrom(from);
  reflection.SwapFields(&to, copy.get(), {&field});
}

template <class Number>
Number larger(Number number) {
  if (number > std::numeric_limits<Number>::max() / 2 - kMuchMore) return number / 2;
  if (number < std::numeric_limits<Number>::lowest() / 2) return number / 2;
  return number * 2 + kMuchMore;
}

// One more, or one less than the maximum.
template <class Number>
Number next(Number number) {
  return number == std::numeric_limits<Number>::max() ? number - 1 : number + 1;
}

// Another declared value, never the zero value.
int another_enum(const FieldDescriptor& field, int number) {
  const auto& type = *field.enum_type();
  const auto* const value = type.FindValueByNumber(number);
  const int next = value == nullptr ? 1 : (value->index() + 1) % type.value_count();
  return type.value(next == 0 ? 1 : next)->number();
}

void change_any(google::protobuf::Any& any) {
  const auto edit = [&any]<class Wrapper>(Wrapper wrapper, auto change) {
    if (!any.UnpackTo(&wrapper)) return false;
    change(wrapper);
    any.PackFrom(wrapper);
    return true;
  };
  const auto add = [](auto& wrapper) { wrapper.set_value(wrapper.value() + "x"); };
  if (edit(google::protobuf::StringValue(), add) || edit(google::protobuf::BytesValue(), add) ||
      edit(google::protobuf::Int64Value(),
           [](auto& wrapper) { wrapper.set_value(next(wrapper.value())); })) {
    return;
  }
  any.mutable_value()->append(kAddition);
}

void change_submessage(Message& message, Change change) {
  const std::string& type = message.GetDescriptor()->full_name();
  if (type == "google.protobuf.Timestamp") {
    auto& time = static_cast<google::protobuf::Timestamp&>(message);
    if (change == Change::kInvented) time.set_seconds(kInventedTime);
    time.set_seconds(time.seconds() + (change == Change::kAnother ? kHourSeconds : 1));
  } else if (type == "google.protobuf.Any") {
    auto& any = static_cast<google::protobuf::Any&>(message);
    if (change == Change::kInvented) any.PackFrom(google::protobuf::StringValue());
    change_any(any);
  }
}

// Gives a value of the field another value: the one of a singular field, or the one at `index`.
void change_value(Message& message, const FieldDescriptor& field, int index, Change change) {
  const Reflection& reflection = *message.GetReflection();
  const bool repeated = field.is_repeated();
  const auto edited = [change](auto number) {
    return change == Change::kLarger ? larger(number) : next(number);
  };
  switch (field.cpp_type()) {
#define QUINTAIN_CASE(TYPE, NAME, VALUE)                                               \
  case FieldDescriptor::TYPE: {                                                        \
    const auto value = repeated ? reflection.GetRepeated##NAME(message, &field, index) \
                                : reflection.Get##NAME(message, &field);               \
    if (repeated) {                                                                    \
      reflection.SetRepeated##NAME(&message, &field, index, VALUE);                    \
    } else {                                                                           \
      reflection.Set##NAME(&message, &field, VALUE);                                   \
    }                                                                                  \
    return;                                                                            \
  }
    QUINTAIN_CASE(CPPTYPE_INT32, Int32, edited(value))
    QUINTAIN_CASE(CPPTYPE_INT64, Int64, edited(value))
    QUINTAIN_CASE(CPPTYPE_UINT32, UInt32, edited(value))
    QUINTAIN_CASE(CPPTYPE_UINT64, UInt64, edited(value))
    QUINTAIN_CASE(CPPTYPE_DOUBLE, Double, edited(value))
    QUINTAIN_CASE(CPPTYPE_FLOAT, Float, edited(value))
    QUINTAIN_CASE(CPPTYPE_BOOL, Bool, !value)
    QUINTAIN_CASE(CPPTYPE_STRING, String, value + std::string(kAddition))
    QUINTAIN_CASE(CPPTYPE_ENUM, EnumValue, another_enum(field, value))
#undef QUINTAIN_CASE
    case FieldDescriptor::CPPTYPE_MESSAGE:
      change_submessage(repeated ? *reflection.MutableRepeatedMessage(&message, &field, index)
                                 : *reflection.MutableMessage(&message, &field),
                        change);
  }
}

// The entries of a map in the order of their keys: the order of the hash map differs between runs.
std::vector<Message*> sorted_entries(Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<Message*> entries;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    entries.push_back(reflection.MutableRepeatedMessage(&message, &field, i));
  }
  std::ranges::sort(entries, {}, [](const Message* entry) {
    return entry->GetReflection()->GetString(*entry, entry->GetDescriptor()->map_key());
  });
  return entries;
}

// The keys of all maps of the contract are strings.
void edit_map(Message& message, const FieldDescriptor& field, Change change) {
  const Reflection& reflection = *message.GetReflection();
  const std::unique_ptr<Message> copy(message.New());
  copy->CopyFrom(message);
  std::vector<Message*> entries = sorted_entries(*copy, field);
  reflection.ClearField(&message, &field);
  if (change == Change::kFirstDropped && !entries.empty()) entries.erase(entries.begin());
  for (const Message* entry : entries) {
    Message* const added = reflection.AddMessage(&message, &field);
    added->CopyFrom(*entry);
    if (change == Change::kAnother) {
      change_value(*added, *added->GetDescriptor()->map_value(), 0, change);
    }
  }
  if (change != Change::kDoubled) return;
  Message* const added = reflection.AddMessage(&message, &field);
  if (!entries.empty()) added->CopyFrom(*entries.back());
  change_value(*added, *added->GetDescriptor()->map_key(), 0, Change::kAnother);
}

void edit_list(Message& message, const FieldDescriptor& field, Change change) {
  const Reflection& reflection = *message.GetReflection();
  const int size = reflection.FieldSize(message, &field);
  if (size == 0) return;
  switch (change) {
    case Change::kFirstDropped:
      for (int i = 0; i + 1 < size; ++i) reflection.SwapElements(&message, &field, i, i + 1);
      [[fallthrough]];
    case Change::kLastDropped:
      return reflection.RemoveLast(&message, &field);
    case Change::kReversed:
      for (int i = 0; i < size / 2; ++i) {
        reflection.SwapElements(&message, &field, i, size - 1 - i);
      }
      return;
    case Change::kDoubled:
      if (field.message_type() != nullptr) {
        reflection.AddMessage(&message, &field)
            ->CopyFrom(reflection.GetRepeatedMessage(message, &field, size - 1));
      } else {
        reflection.AddString(&message, &field,
                             reflection.GetRepeatedString(message, &field, size - 1));
      }
      return;
    default:
      for (int i = 0; i < size; ++i) change_value(message, field, i, change);
  }
}

// Changes the field of `message`. `source` has the value for kPrevious and kOther; nullptr: there
// is none.
void edit_field(Message& message, const FieldDescriptor& field, Change change,
                const Message* source) {
  const Reflection& reflection = *message.GetReflection();
  switch (change) {
    case Change::kCleared:
      return reflection.ClearField(&message, &field);
    case Change::kDefault:
      reflection.ClearField(&message, &field);
      if (field.message_type() != nullptr) {
        reflection.MutableMessage(&message, &field);
      } else {
        reflection.SetString(&message, &field, "");
      }
      return;
    case Change::kPrevious:
    case Change::kOther:
      if (source != nullptr) copy_field(*source, field, message);
      return;
    default:
      if (field.is_map()) return edit_map(message, field, change);
      if (field.is_repeated()) return edit_list(message, field, change);
      // Without presence a field is set if it does not have its default value.
      if (reflection.HasField(message, &field) == (change == Change::kInvented)) return;
      change_value(message, field, 0, change);
  }
}

// Follows the path in `message` and, in parallel, in the message that other values are taken from.
void edit_path(Message& message, Path path, Change change, const Message* source) {
  const FieldDescriptor& field = *path.front();
  if (path.size() == 1) return edit_field(message, field, change, source);
  const Reflection& reflection = *message.GetReflection();
  if (!field.is_repeated()) {
    if (!reflection.HasField(message, &field)) return;
    const Message* const inner =
        source == nullptr ? nullptr : &source->GetReflection()->GetMessage(*source, &field);
    return edit_path(*reflection.MutableMessage(&message, &field), path.subspan(1), change, inner);
  }
  const std::unique_ptr<Message> original(message.New());
  original->CopyFrom(message);
  const int size = reflection.FieldSize(message, &field);
  // In a list, the neighbours are the others.
  if (change == Change::kOther && size > 1) source = original.get();
  const int sources = source == nullptr ? 0 : source->GetReflection()->FieldSize(*source, &field);
  for (int i = 0; i < size; ++i) {
    const int at = change == Change::kOther ? i + 1 : i;
    const Message* const entry =
        sources == 0 ? nullptr
                     : &source->GetReflection()->GetRepeatedMessage(*source, &field, at % sources);
    edit_path(*reflection.MutableRepeatedMessage(&message, &field, i), path.subspan(1), change,
              entry);
  }
}

}  // namespace

bool edit_message(const Mutation& mutation, const Message* previous, const Message* other,
                  Message& message) {
  const std::unique_ptr<Message> original(message.New());
  original->CopyFrom(message);
  const Message* source = mutation.change == Change::kPrevious ? previous : other;
  // A list has no other; its entries have other neighbours in the previous list.
  if (source == nullptr && mutation.change == Change::kOther && mutation.path.size() > 1) {
    source = previous;
  }
  if (!mutation.path.empty()) {
    edit_path(message, mutation.path, mutation.change, source);
  } else if (mutation.change == Change::kCleared) {
    message.Clear();
  } else if (source != nullptr) {
    message.CopyFrom(*source);
  }
  return !google::protobuf::util::MessageDifferencer::Equals(*original, message);
}

}  // namespace quintain::conformance
