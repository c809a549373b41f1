// Expected answers, written as JSON, against real messages.
//
// An expectation names only what it cares about:
//
//   {"success": true, "result": {"status": "RUNNING", "error_code": null,
//                                "metrics": {"eta_p50_ms": {"$at_least": 1}}}}
//
// - An object matches a message or map if each of its members does; other fields are free. The
//   message must be set.
// - An array matches a repeated field of the same length, element by element.
// - null matches what is not set: a field with presence that is absent, any other with its default.
// - An enum is given by its full name, by its name without the enum's prefix, or by its number.
// - Numbers are compared as numbers, whatever their type.
// - A Timestamp is given as RFC 3339 text, bytes in base64. An Any is given by the fields of the
//   message inside of it and, if wanted, by that message's name as "@type"; a well-known type in an
//   Any stands under "value". All this is as in protobuf's own JSON.
// - An object with the keys below is a condition; with several, each must hold:
//     {"$at_least": n}, {"$at_most": n}   a number, or a text that is one
//     {"$contains": x}   a text contains the text x; an array has an element that matches x
//     {"$length": n}     the bytes of a text, the elements of an array, the entries of a map
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

/// One place where a message is not as expected.
struct Mismatch {
  std::string pointer;  // RFC 6901, from the message: "/result/status"
  std::string expected;
  std::string observed;

  friend bool operator==(const Mismatch&, const Mismatch&) = default;
};

/// Where a message is not as expected, in the order of the expectation; empty if it matches. An
/// expectation that validate_expected() would refuse does not match.
std::vector<Mismatch> match(const google::protobuf::Message& message,
                            const nlohmann::ordered_json& expected);

/// Reports what no message of this type could ever match: a field that the type does not have, a
/// name that its enum does not have, a value of the wrong type, an unknown condition.
void validate_expected(const google::protobuf::Descriptor& type,
                       const json_input::Reader& expected);

}  // namespace quintain::scenarios
