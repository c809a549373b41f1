// JSON from one description of each struct, which serves both writing and reading. Includes the
// whole of nlohmann's header: for .cpp files only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "reports/json_parts.h"

namespace quintain::study {

// A struct is described by a function template in its namespace or this one,
//
//   template <class Archive>
//   void describe(Archive& archive, Part& part) { archive("key", part.member); ... }
//
// which names every member in the document's order. It takes a mutable struct, because one function
// serves both directions; JsonWriter does not change it. Members are described structs, doubles
// (not finite: null), integers, bools, strings, vectors of these, and optionals, which are omitted
// when empty.

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

/// Writes one struct as an object, or as an array if its description uses element().
class JsonWriter {
 public:
  template <class T>
  static reports::Json write(const T& value) {
    if constexpr (kIsVector<T>) {
      reports::Json list = reports::Json::array();
      for (const auto& element : value) list.push_back(write(element));
      return list;
    } else if constexpr (std::is_same_v<T, double>) {
      return reports::number(value);
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      return value;
    } else {
      JsonWriter writer;
      describe(writer, const_cast<T&>(value));
      return std::move(writer.json_);
    }
  }

  template <class T>
  void operator()(const char* key, const T& value) {
    custom(key, value, [](const auto& held) { return write(held); }, nullptr);
  }

  /// The next element of an array.
  void element(double value) { json_.push_back(write(value)); }

  /// An object within the object, whose members belong to the same struct.
  template <class Describe>
  void object(const char* key, Describe describe_members) {
    JsonWriter inner;
    describe_members(inner);
    json_[key] = std::move(inner.json_);
  }

  /// A value that follows from the rest: written, and not read.
  void derived(const char* key, reports::Json value) { json_[key] = std::move(value); }

  /// A member of another form, written and read by these functions.
  template <class T, class Write, class Read>
  void custom(const char* key, const T& value, Write write_value, Read) {
    if constexpr (kIsOptional<T>) {
      if (value) json_[key] = write_value(*value);
    } else {
      json_[key] = write_value(value);
    }
  }

 private:
  reports::Json json_;
};

/// Reads one struct. Throws nlohmann::json::exception on a missing key or a wrong type; what it
/// accepts nevertheless, reports::check_same() finds.
class JsonReader {
 public:
  explicit JsonReader(const reports::Json& json) : json_(json) {}

  template <class T>
  static T read(const reports::Json& json) {
    if constexpr (std::is_same_v<T, double>) {
      return reports::read_number(json);
    } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      return reports::read_integer<T>(json);
    } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string>) {
      return json.get<T>();
    } else {
      T value{};
      if constexpr (kIsVector<T>) {
        for (const auto& element : json) value.push_back(read<typename T::value_type>(element));
      } else {
        JsonReader reader(json);
        describe(reader, value);
      }
      return value;
    }
  }

  template <class T>
  void operator()(const char* key, T& value) {
    custom(key, value, nullptr, [](const reports::Json& json) {
      if constexpr (kIsOptional<T>) {
        return read<typename T::value_type>(json);
      } else {
        return read<T>(json);
      }
    });
  }

  void element(double& value) { value = read<double>(json_.at(next_++)); }

  template <class Describe>
  void object(const char* key, Describe describe_members) {
    JsonReader inner(json_.at(key));
    describe_members(inner);
  }

  template <class T>
  void derived(const char*, const T&) {}

  template <class T, class Write, class Read>
  void custom(const char* key, T& value, Write, Read read_value) {
    if (kIsOptional<T> && !json_.contains(key)) return;
    value = read_value(json_.at(key));
  }

 private:
  const reports::Json& json_;
  std::size_t next_ = 0;
};

}  // namespace quintain::study
