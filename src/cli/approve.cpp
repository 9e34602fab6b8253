#include <iostream>

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "base/text.hpp"
#include "changes/render.hpp"
#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "cli/workflow_approval.hpp"
#include "engine/run_queue.hpp"
#include "store/approval_json.hpp"

namespace aphex::cli {
namespace {

// The name that the machine knows the person by.
std::string local_user() {
  const passwd* user = ::getpwuid(::geteuid());
  return user == nullptr ? std::string() : std::string(user->pw_name);
}

class Approve final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("RUN", run_, "its number (default: the one run that waits)");
    arguments.option("--environment", "NAME", environment_, "the approval of this environment");
    arguments.flag("--reject", reject_, "reject it; one person is enough");
    arguments.option("--comment", "TEXT", comment_, "why, for whoever reads it later");
    arguments.flag("--show", show_, "show what would change, and decide nothing");
    arguments.flag("--yes", yes_, "decide without asking");
    arguments.option("--as", "NAME", as_, "who decides (default: the user of this machine)");
    arguments.option("--workflow", "NAME", workflow_,
                     "the gate of this workflow on a cluster, instead of a run of this machine");
    arguments.option("--namespace", "NAME", name_space_,
                     "of the workflow (default: the namespace of the kubeconfig's context)");
    arguments.option("--context", "NAME", context_, "of the kubeconfig (default: the current one)");
    arguments.choice("--format", {"text", "json"}, format_, "how to print it (default: text)");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_CHECK(check_arguments());
    if (!workflow_.empty()) return decide_in_workflow(terminal);
    APHEX_TRY(const std::unique_ptr<Session> session, Session::open(state_));
    APHEX_CHECK(engine::mark_interrupted(session->database(), session->paths()));
    APHEX_TRY(const std::unique_ptr<store::ApprovalStore> store,
              store::ApprovalStore::open(session->paths().database(), os::make_system_clock()));
    APHEX_TRY(store::ApprovalRecord record, chosen(*store));
    APHEX_TRY(const std::string changes_json, store->changes(record.id));
    APHEX_TRY(const changes::ChangeSet changes, changes::from_json(changes_json));
    if (format_ == "text") print(record, changes, terminal);
    if (!show_) {
      APHEX_CHECK(confirm(record.environment, terminal));
      const std::string who = as_.empty() ? local_user() : as_;
      APHEX_TRY(record, store->decide(record.id, who, decision(), comment_));
    }
    if (format_ == "json") {
      terminal.print(doc::to_json(doc::Value::object({{"approval", store::to_value(record)},
                                                      {"changes", changes::to_value(changes)}}),
                                  2) +
                     "\n");
    } else if (!show_) {
      terminal.print(
          fmt::format("run {}, {}: {}\n", record.run, record.environment, store::describe(record)));
    }
    return ExitCode::ok;
  }

 private:
  store::Decision decision() const {
    return reject_ ? store::Decision::reject : store::Decision::approve;
  }

  Status check_arguments() const {
    if (show_ && (reject_ || yes_ || !comment_.empty() || !as_.empty())) {
      return fail(ErrorCode::usage,
                  "--show decides nothing, so it does not go with --reject, --comment, --yes or "
                  "--as");
    }
    if (!workflow_.empty() && !run_.empty()) {
      return fail(ErrorCode::usage,
                  "name a run of this machine or --workflow of a cluster, not both");
    }
    if (workflow_.empty() && !(name_space_.empty() && context_.empty())) {
      return fail(ErrorCode::usage, "--namespace and --context belong to --workflow");
    }
    return {};
  }

  // Of those that wait; with --show the last one of the run, however it ended.
  Result<store::ApprovalRecord> chosen(store::ApprovalStore& store) const {
    APHEX_TRY(std::vector<store::ApprovalRecord> found, store.pending());
    std::optional<std::int64_t> run;
    if (!run_.empty()) {
      APHEX_TRY(run, parse_run_number(run_));
    }
    std::erase_if(found, [&](const store::ApprovalRecord& record) {
      return (run && record.run != *run) ||
             (!environment_.empty() && record.environment != environment_);
    });
    if (found.size() == 1) return std::move(found.front());
    if (!found.empty()) return several(found);
    if (!run) {
      return fail(ErrorCode::not_found, "no run waits for an approval",
                  "'aphex runs' lists the runs; 'aphex approve RUN --show' shows an earlier one");
    }
    APHEX_TRY(std::vector<store::ApprovalRecord> ended, store.of_run(*run));
    std::erase_if(ended, [&](const store::ApprovalRecord& record) {
      return !environment_.empty() && record.environment != environment_;
    });
    if (ended.empty()) {
      return fail(ErrorCode::not_found,
                  fmt::format("run {} has asked for no approval{}", *run,
                              environment_.empty() ? "" : " of " + environment_),
                  fmt::format("'aphex runs {}' shows how far it is", *run));
    }
    // Whoever decides is told by the rules how it ended.
    return std::move(ended.back());
  }

  static tl::unexpected<Error> several(const std::vector<store::ApprovalRecord>& found) {
    std::vector<std::string> names;
    for (const store::ApprovalRecord& record : found)
      names.push_back(
          fmt::format("run {} ({}, {})", record.run, record.pipeline, record.environment));
    return fail(ErrorCode::usage, "several wait for an approval: " + join(names, ", "),
                "name the run: aphex approve " + std::to_string(found.front().run));
  }

  static void print(const store::ApprovalRecord& record, const changes::ChangeSet& changes,
                    const Terminal& terminal) {
    const std::string subject(
        trim(std::string_view(record.message).substr(0, record.message.find('\n'))));
    terminal.print(fmt::format("run {} of {}: \"{}\" by {}\n\n", record.run, record.pipeline,
                               printable(subject), printable(record.author)));
    terminal.print(changes::render_text(changes, terminal.out_colour()));
    terminal.print(fmt::format("\n{}\n", printable(store::describe(record))));
    for (const store::DecisionRecord& made : record.decisions) {
      if (!made.comment.empty())
        terminal.print(fmt::format("  {}: {}\n", printable(made.who), printable(made.comment)));
    }
  }

  Status confirm(const std::string& environment, const Terminal& terminal) const {
    if (yes_) return {};
    const std::string_view verb = reject_ ? "reject" : "approve";
    if (::isatty(STDIN_FILENO) != 1 || format_ == "json") {
      return fail(ErrorCode::usage, fmt::format("nobody is there to ask whether to {} it", verb),
                  fmt::format("--yes decides without asking; --show only shows it"));
    }
    terminal.progress(fmt::format("\n{} the deployment to {}? [y/N] ", verb, environment));
    std::string answer;
    std::getline(std::cin, answer);
    const std::string said = to_lower(trim(answer));
    if (said == "y" || said == "yes") return {};
    return fail(ErrorCode::cancelled, "nothing was decided", "the run still waits");
  }

  Result<ExitCode> decide_in_workflow(const Terminal& terminal) {
    WorkflowGate gate({.workflow = workflow_,
                       .name_space = name_space_,
                       .context = context_,
                       .environment = environment_});
    APHEX_CHECK(gate.open());
    if (format_ == "text") terminal.print(gate.text());
    if (!show_) {
      APHEX_CHECK(confirm(gate.environment(), terminal));
      APHEX_CHECK(gate.decide(as_, decision(), comment_));
    }
    if (format_ == "json") {
      terminal.print(doc::to_json(gate.value(), 2) + "\n");
    } else if (!show_) {
      terminal.print(gate.outcome() + "\n");
    }
    return ExitCode::ok;
  }

  std::string run_, environment_, comment_, as_, workflow_, name_space_, context_;
  std::string format_ = "text";
  bool reject_ = false;
  bool show_ = false;
  bool yes_ = false;
  StateOption state_;
};

}  // namespace

std::unique_ptr<Subcommand> make_approve() {
  return std::make_unique<Approve>();
}

}  // namespace aphex::cli
