#include "reports/json_input/document_builder.h"

#include <cassert>
#include <utility>

namespace quintain::json_input {

using nlohmann::ordered_json;

DocumentBuilder::DocumentBuilder(std::string file_name)
    : tree_(std::make_shared<Document::Tree>()) {
  tree_->file_name = std::move(file_name);
}

std::optional<int> DocumentBuilder::key(std::string name, int line) {
  assert(!open_.empty() && in_object());
  Open& object = open_.back();
  const auto [entry, is_new] = object.lines_by_key.try_emplace(name, line);
  object.key = std::move(name);
  object.key_line = line;
  return is_new ? std::nullopt : std::optional<int>(entry->second);
}

ordered_json& DocumentBuilder::add(ordered_json value, int line) {
  const auto place = static_cast<std::uint32_t>(tree_->places.size());
  if (open_.empty()) {
    assert(place == 0);
    tree_->places.push_back({line, 0, 1});
    return tree_->root = std::move(value);
  }
  Open& parent = open_.back();
  const bool is_member = parent.json->is_object();
  tree_->places.push_back({is_member ? parent.key_line : line, parent.place, place + 1});
  if (!is_member)
    return parent.json->get_ref<ordered_json::array_t&>().emplace_back(std::move(value));
  // Not by operator[], which would search all members for a name that is known to be new.
  auto& members = parent.json->get_ref<ordered_json::object_t&>();
  return members.emplace_back(parent.key, std::move(value)).second;
}

void DocumentBuilder::open(ordered_json container, int line) {
  ordered_json& json = add(std::move(container), line);
  open_.push_back({&json, static_cast<std::uint32_t>(tree_->places.size() - 1), {}, 0, {}});
}

void DocumentBuilder::close() {
  assert(!open_.empty());
  tree_->places[open_.back().place].end = static_cast<std::uint32_t>(tree_->places.size());
  open_.pop_back();
}

std::string DocumentBuilder::pointer() const {
  std::string pointer;
  for (std::size_t i = 0; i + 1 < open_.size(); ++i) {
    const Open& open = open_[i];
    pointer +=
        pointer_token(open.json->is_object() ? open.key : std::to_string(open.json->size() - 1));
  }
  return pointer;
}

Document DocumentBuilder::finish() && {
  assert(open_.empty() && !tree_->places.empty());
  return Document(std::move(tree_));
}

}  // namespace quintain::json_input
