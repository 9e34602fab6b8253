#include "changes/compare.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "changes/permissions.hpp"
#include "changes/replacement.hpp"
#include "changes/value_text.hpp"

namespace aphex::changes {
namespace {

using doc::Value;

const Value kNothing = Value::object();

// AWS CloudFormation User Guide, "Template anatomy"; whatever else stands there comes last.
constexpr std::array<std::string_view, 9> kSections{"Transform", "Parameters", "Rules",
                                                    "Mappings",  "Conditions", "Resources",
                                                    "Outputs",   "Hooks",      "Globals"};

// What the CDK writes for itself: it says nothing of what is deployed.
bool is_bookkeeping(std::string_view key) {
  return key.starts_with("aws:cdk:") || key.starts_with("aws:asset:");
}

bool is_bookkeeping(std::string_view key, const Value& value) {
  if (is_bookkeeping(key)) return true;
  const Value::Object* members = value.as_object();
  return key == "Metadata" && members != nullptr &&
         std::all_of(members->begin(), members->end(),
                     [](const Member& member) { return is_bookkeeping(member.first); });
}

const Value& member(const Value& value, std::string_view key) {
  const Value* found = value.find(key);
  return found == nullptr ? kNothing : *found;
}

std::string below(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "/" + std::string(key);
}

// Every place in which two values differ; objects member by member, lists of one length item by
// item, everything else as a whole.
class Differences {
 public:
  explicit Differences(std::vector<ValueChange>& found) : found_(found) {}

  void compare(const std::string& path, const Value* before, const Value* after) {
    if (before != nullptr && after != nullptr) {
      if (*before == *after) return;
      if (plain_object(*before) && plain_object(*after)) return members(path, *before, *after);
      const Value::Array* old_items = before->as_array();
      const Value::Array* new_items = after->as_array();
      if (old_items != nullptr && new_items != nullptr && old_items->size() == new_items->size()) {
        for (std::size_t i = 0; i < old_items->size(); ++i)
          compare(below(path, std::to_string(i)), &(*old_items)[i], &(*new_items)[i]);
        return;
      }
      // The order of an object's members means nothing.
      if (template_digest(*before) == template_digest(*after)) return;
    }
    ValueChange change;
    change.path = path;
    if (before != nullptr) change.before = short_text_of(*before);
    if (after != nullptr) change.after = short_text_of(*after);
    found_.push_back(std::move(change));
  }

 private:
  // An intrinsic function is one value.
  static bool plain_object(const Value& value) {
    const Value::Object* members = value.as_object();
    if (members == nullptr) return false;
    return members->size() != 1 ||
           (members->front().first != "Ref" && !members->front().first.starts_with("Fn::"));
  }

  void members(const std::string& path, const Value& before, const Value& after) {
    for (const auto& [key, value] : *before.as_object()) {
      const Value* other = after.find(key);
      if (other == nullptr && is_bookkeeping(key, value)) continue;
      if (!is_bookkeeping(key)) compare(below(path, key), &value, other);
    }
    for (const auto& [key, value] : *after.as_object()) {
      if (!is_bookkeeping(key, value) && before.find(key) == nullptr)
        compare(below(path, key), nullptr, &value);
    }
  }

  std::vector<ValueChange>& found_;
};

bool is_kept(const Value& resource) {
  return resource.string_or("DeletionPolicy", "").starts_with("Retain");
}

class Comparison {
 public:
  Comparison(const Value& before, const Value& after) : before_(before), after_(after) {}

  std::vector<EntryChange> entries() {
    std::set<std::string> known;
    for (const std::string_view section : kSections) {
      known.emplace(section);
      compare_section(std::string(section));
    }
    for (const Value* side : {&before_, &after_}) {
      if (!side->is_object()) continue;
      for (const auto& [section, value] : *side->as_object()) {
        const bool said = section == "Description" || section == "Metadata" ||
                          section == "AWSTemplateFormatVersion";
        if (!said && known.insert(section).second) compare_section(section);
      }
    }
    spread_replacements();
    return std::move(entries_);
  }

 private:
  void compare_section(const std::string& section) {
    const Value* old_section = before_.find(section);
    const Value* new_section = after_.find(section);
    const bool lists = (old_section != nullptr && !old_section->is_object()) ||
                       (new_section != nullptr && !new_section->is_object());
    if (lists) return compare_entry(section, "", old_section, new_section);
    const Value& olds = old_section == nullptr ? kNothing : *old_section;
    const Value& news = new_section == nullptr ? kNothing : *new_section;
    for (const auto& [id, value] : *news.as_object())
      compare_entry(section, id, olds.find(id), &value);
    for (const auto& [id, value] : *olds.as_object()) {
      if (news.find(id) == nullptr) compare_entry(section, id, &value, nullptr);
    }
  }

  void compare_entry(const std::string& section, const std::string& id, const Value* before,
                     const Value* after) {
    if (before == nullptr && after == nullptr) return;
    EntryChange entry;
    entry.section = section;
    entry.id = id;
    entry.change = before == nullptr  ? Change::added
                   : after == nullptr ? Change::removed
                                      : Change::modified;
    const Value& shown = after == nullptr ? *before : *after;
    if (section == "Resources") {
      entry.type = shown.string_or("Type", "");
      entry.path = member(shown, "Metadata").string_or("aws:cdk:path", "");
    }
    if (entry.change == Change::modified) {
      Differences(entry.values).compare("", before, after);
      if (entry.values.empty()) return;
    } else if (section != "Resources") {
      ValueChange whole;
      (after == nullptr ? whole.before : whole.after) = short_text_of(shown);
      entry.values.push_back(std::move(whole));
    }
    entry.retained = entry.change == Change::removed && is_kept(*before);
    if (section == "Resources" && entry.change == Change::modified) judge(entry);
    entries_.push_back(std::move(entry));
  }

  static void judge(EntryChange& entry) {
    constexpr std::string_view kProperties = "Properties/";
    for (ValueChange& change : entry.values) {
      if (change.path == "Type") change.replacement = Replacement::will;
      if (change.path.starts_with(kProperties)) {
        change.replacement = replacement_of(entry.type, change.path.substr(kProperties.size()));
      }
      entry.replacement = std::max(entry.replacement, change.replacement);
    }
  }

  // A replaced resource has another physical id, and who names it in a property that replaces may
  // be replaced with it.
  void spread_replacements() {
    std::set<std::string> replaced;
    for (const EntryChange& entry : entries_) {
      if (entry.replacement != Replacement::never) replaced.insert(entry.id);
    }
    const Value* resources = after_.find("Resources");
    if (resources == nullptr || !resources->is_object()) return;
    for (bool more = !replaced.empty(); more;) {
      more = false;
      for (const auto& [id, resource] : *resources->as_object()) {
        if (replaced.contains(id) || !existed(id)) continue;
        if (spread_to(id, resource, replaced)) more = replaced.insert(id).second;
      }
    }
  }

  bool existed(const std::string& id) const {
    return member(before_, "Resources").find(id) != nullptr;
  }

  bool spread_to(const std::string& id, const Value& resource,
                 const std::set<std::string>& replaced) {
    const Value* properties = resource.find("Properties");
    if (properties == nullptr || !properties->is_object()) return false;
    const std::string type = resource.string_or("Type", "");
    for (const auto& [key, value] : *properties->as_object()) {
      if (replacement_of(type, key) == Replacement::never) continue;
      std::string because;
      each_reference(value, [&](const std::string& target) {
        if (replaced.contains(target)) because = target;
      });
      if (because.empty()) continue;
      ValueChange change{"Properties/" + key, short_text_of(value), short_text_of(value),
                         Replacement::may};
      EntryChange& entry = entry_of(id, resource);
      entry.values.push_back(std::move(change));
      entry.replacement = Replacement::may;
      return true;
    }
    return false;
  }

  EntryChange& entry_of(const std::string& id, const Value& resource) {
    for (EntryChange& entry : entries_) {
      if (entry.section == "Resources" && entry.id == id) return entry;
    }
    EntryChange entry;
    entry.section = "Resources";
    entry.id = id;
    entry.type = resource.string_or("Type", "");
    entry.path = member(resource, "Metadata").string_or("aws:cdk:path", "");
    entries_.push_back(std::move(entry));
    return entries_.back();
  }

  const Value& before_;
  const Value& after_;
  std::vector<EntryChange> entries_;
};

// What a comparison of the two templates cannot see.
std::vector<std::string> blind_spots(const Value& wanted, const std::vector<EntryChange>& entries) {
  std::vector<std::string> warnings;
  if (wanted.find("Transform") != nullptr) {
    warnings.emplace_back("the template has a Transform: what a macro makes of it is not compared");
  }
  for (const EntryChange& entry : entries) {
    if (entry.type != "AWS::CloudFormation::Stack" || entry.change == Change::removed) continue;
    warnings.push_back(fmt::format(
        "{} is a nested stack: what its own template changes is not compared, and it may grant "
        "more",
        entry.id));
  }
  return warnings;
}

}  // namespace

StackChanges compare(const StackTemplates& templates) {
  StackChanges changes;
  changes.name = templates.name;
  changes.physical_name = templates.physical_name;
  changes.after = template_digest(templates.wanted);
  const Value& before = templates.deployed ? *templates.deployed : kNothing;
  if (templates.deployed) changes.before = template_digest(before);
  changes.entries = Comparison(before, templates.wanted).entries();
  changes.permissions = compare_permissions(before, templates.wanted);
  changes.warnings = blind_spots(templates.wanted, changes.entries);
  if (!templates.unreadable.empty()) {
    changes.state = StackState::unknown;
    changes.warnings.push_back("the deployed template cannot be compared: " + templates.unreadable);
  } else if (!templates.deployed) {
    changes.state = StackState::created;
  } else if (!changes.entries.empty()) {
    changes.state = StackState::changed;
  }
  return changes;
}

}  // namespace aphex::changes
