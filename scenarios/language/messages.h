// Protobuf messages written as JSON: requests to send, and patterns that answers must match.
//
// A pattern contains only the fields that matter:
//
//   {"success": true, "result": {"status": "RUNNING", "error_code": null,
//                                "metrics": {"eta_p50_ms": {"$at_least": 1}}}}
//
// - An object matches a message or map if each of its members matches; other fields may have any
//   value. The message must be set.
// - An array matches a repeated field of the same length, element by element.
// - null matches a field that is not set: one with presence that is absent, or any other that has
//   its default.
// - An enum is given by its full name, by its name without the enum's prefix, or by its number.
// - Numbers are compared as numbers, whatever their type.
// - A Timestamp is given as RFC 3339 text, bytes in base64. An Any is given by the fields of the
//   message in it and, optionally, by that message's name as "@type"; a well-known type in an Any
//   is given as "value". All this is as in protobuf's own JSON.
// - An object with the keys below is a condition; with several, each must hold:
//     {"$at_least": n}, {"$at_most": n}   a number, or a string that contains one
//     {"$contains": x}   a string contains the string x; an array has an element that matches x
//     {"$length": n}     the bytes of a string, the elements of an array, the entries of a map
//     {"$not": x}        x does not match
//     {"$set": true}     the opposite of null
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "reports/json_input/reader.h"

namespace quintain::scenarios {

/// Writes the members of an object into the fields of `message`. Each replaces the field's value;
/// null clears the field. The form is protobuf's JSON with the proto file's field names; in
/// addition an enum's value may omit the enum's prefix or be any number. An absent value changes
/// nothing.
void read_message(const json_input::Reader& object, google::protobuf::Message& message);

/// One place where a message does not match.
struct Mismatch {
  std::string pointer;  // RFC 6901, from the message: "/result/status"
  std::string expected;
  std::string observed;

  friend bool operator==(const Mismatch&, const Mismatch&) = default;
};

/// The places where a message does not match, in the order of the pattern; empty if it matches. A
/// pattern that check_pattern() rejects does not match.
std::vector<Mismatch> match(const google::protobuf::Message& message,
                            const nlohmann::ordered_json& pattern);

/// Reports everything in a pattern that no message of this type could match: a field that the type
/// does not have, a name that its enum does not have, a value of the wrong type, an unknown
/// condition.
void check_pattern(const google::protobuf::Descriptor& type, const json_input::Reader& pattern);

}  // namespace quintain::scenarios
