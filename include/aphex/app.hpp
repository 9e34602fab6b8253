#pragma once
// The root of an application, and its synthesis into a cloud assembly: the directory that the cdk
// command line lists, diffs, deploys and destroys.
//
//   int main() {
//     aphex::App app;                              // context and output directory of the cdk CLI
//     ArchonPipelineStack stack(app, "ArchonAgentPipelineStack", {});
//     return aphex::finish(app.synth());
//   }

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "aphex/assembly.hpp"
#include "aphex/construct.hpp"
#include "aphex/result.hpp"

namespace aphex {

// Where a stack goes. What is unknown is found out by CloudFormation, at deployment.
struct Environment {
  std::string account = {};  // 12 digits; empty is unknown
  std::string region = {};   // "eu-central-1"; empty is unknown
  friend bool operator==(const Environment&, const Environment&) = default;
};

// The account and region of the credentials that the cdk command line runs with
// ($CDK_DEFAULT_ACCOUNT, $CDK_DEFAULT_REGION); empty without it.
Environment cli_environment();

struct StageProps {
  // For stacks within that say nothing else.
  Environment env = {};
  // "prod"; by default the id. Begins the names of its stacks.
  std::string stage_name = {};
  // For stacks within that say nothing else; see StackProps.
  std::string permissions_boundary = {};
};

// Stacks that are deployed together, in an assembly of their own within the application's. Stacks
// of different stages cannot refer to one another.
class Stage : public Construct {
 public:
  Stage(Construct& scope, std::string id, StageProps props = {});

  const Environment& env() const { return env_; }
  // "" for the application; "prod-blue" for a stage within a stage.
  const std::string& stage_name() const { return stage_name_; }
  // "assembly-prod"; "" for the application.
  std::string artifact_id() const;
  const std::string& permissions_boundary() const { return permissions_boundary_; }

  std::string_view type_name() const override { return "aphex.Stage"; }
  ConstructKind kind() const override { return ConstructKind::stage; }

 protected:
  Stage();  // an application

 private:
  Environment env_;
  std::string stage_name_;
  std::string permissions_boundary_;
};

struct AppProps {
  // What node().context() sees everywhere.
  std::vector<Member> context = {};
  // Where synth() writes; empty is $CDK_OUTDIR, else "cdk.out".
  std::filesystem::path outdir = {};
  // Known already, and reported with the others.
  std::vector<std::string> problems = {};
};

class App : public Stage {
 public:
  // As the cdk command line starts an application: context from $CDK_CONTEXT_JSON (and from the
  // file $CONTEXT_OVERFLOW_LOCATION, where it does not fit into a variable).
  App();
  // With nothing of the environment but what `props` says.
  explicit App(AppProps props);

  // Everything that is wrong, or the assembly in memory. Pure: reads no file, no clock, no
  // environment; the same tree gives the same bytes. The tree may change and be assembled again.
  Synthesis assemble() const;

  // assemble(), then writes the directory: beside its place, then renamed into it, so that it is
  // whole or as it was before, and nothing of a former synthesis stays. Nothing is written where
  // there is a problem; the error's message then names every one. Gives the directory.
  [[nodiscard]] Result<std::filesystem::path> synth() const;

  std::string_view type_name() const override { return "aphex.App"; }

 private:
  std::filesystem::path outdir_;
};

// The exit code for main(): 0, or 1 after saying on standard error what went wrong.
int finish(const Result<std::filesystem::path>& synthesized);
// The same of an error that came before.
int finish(const Error& error);

}  // namespace aphex
