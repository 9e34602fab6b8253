// The comparison of templates as a program, for tests that hold it against another one.
//
// Reads {"before": template or null, "after": template} from standard input, one line of JSON each,
// and answers each with one line: {"stack": the record of changes' stack} or {"error": "…"}.

#include <iostream>
#include <string>

#include "changes/compare.hpp"

int main() {
  using aphex::Value;
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto request = aphex::doc::parse_json(line);
    const Value* after = request ? request->find("after") : nullptr;
    if (after == nullptr) {
      std::cout << R"({"error":"no request"})" << std::endl;
      continue;
    }
    const Value* before = request->find("before");
    aphex::changes::StackTemplates templates{"Stack", "Stack", std::nullopt, "", *after};
    if (before != nullptr && before->is_object()) templates.deployed = *before;
    aphex::changes::ChangeSet set{"dev", "111122223333", "us-east-1", "", {}};
    set.stacks.push_back(aphex::changes::compare(templates));
    const Value value = aphex::changes::to_value(set);
    std::cout << aphex::doc::to_json(
                     Value::object({{"stack", value.find("stacks")->as_array()->front()}}))
              << std::endl;
  }
  return 0;
}
