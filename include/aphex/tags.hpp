#pragma once
// Tags on everything below a construct: resources whose type can carry tags, and stacks.
//
//   Tags::of(app).add("Project", "archon-agent");
//
// Which types can carry tags, and under which property, is what AWS's resource schemas say
// (src/cdk/taggable_types.txt).

#include <string>
#include <vector>

#include "aphex/construct.hpp"

namespace aphex {

struct TagOptions {
  // Of two rules for one key on a resource, the higher priority wins; of equal ones, the one on the
  // construct nearer to the resource, then the later one. Tags in a resource's own properties have
  // priority 50.
  int priority = 100;
  // Only these resource types ("AWS::S3::Bucket"; "aws:cdk:stack" is the stack); all where empty.
  std::vector<std::string> include_types = {};
  std::vector<std::string> exclude_types = {};
};

struct TagRule {
  enum class Action { add, remove };
  Action action = Action::add;
  std::string key = {};
  std::string value = {};  // of an added tag
  TagOptions options = {};
};

// One tag as it ends up somewhere.
struct Tag {
  std::string key = {};
  std::string value = {};
  friend bool operator==(const Tag&, const Tag&) = default;
};

class Tags {
 public:
  static Tags of(Construct& scope) { return Tags(scope); }

  // Key 1 to 128 characters and not beginning with "aws:"; value up to 256.
  Tags& add(std::string key, std::string value, TagOptions options = {});
  // Takes away what a construct further up (or the resource itself) gave. Its default priority is
  // that of the CDK's.
  Tags& remove(std::string key,
               TagOptions options = {.priority = 200, .include_types = {}, .exclude_types = {}});

 private:
  explicit Tags(Construct& scope) : scope_(scope) {}
  Construct& scope_;
};

}  // namespace aphex
