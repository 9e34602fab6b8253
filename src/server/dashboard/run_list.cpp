#include "server/dashboard/run_list.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.hpp"
#include "server/dashboard/ansi.hpp"
#include "server/dashboard/approval_list.hpp"
#include "server/dashboard/query.hpp"
#include "server/pages.hpp"
#include "store/run_text.hpp"

namespace aphex::server {
namespace {

constexpr std::size_t kMostSearched = 200;
constexpr std::string_view kStates[] = {"queued",    "running",     "succeeded",  "failed",
                                        "cancelled", "interrupted", "handed-over"};

std::optional<std::string> given(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

// The stages as a row of small marks, told in words to those who cannot see them.
std::string strip(const std::vector<store::StageOfRun>& stages) {
  if (stages.empty()) return "";
  std::string words;
  std::string marks;
  int x = 0;
  for (const store::StageOfRun& stage : stages) {
    const std::string_view state = store::to_string(stage.state);
    words += (words.empty() ? "" : ", ") + stage.id + " " + std::string(word_of(state));
    marks += fmt::format(
        "<rect class=\"mark {}\" x=\"{}\" y=\"0\" width=\"14\" height=\"6\" rx=\"2\"><title>{}"
        "</title></rect>",
        state, x, escaped(stage.id + " " + std::string(word_of(state))));
    x += 17;
  }
  return fmt::format(
      "<svg class=\"strip\" role=\"img\" aria-label=\"{}\" width=\"{}\" height=\"6\">{}</svg>",
      escaped(words), x - 3, marks);
}

// "Ada Lovelace" of "Ada Lovelace <ada@example.com>".
std::string name_of(const std::string& author) {
  const std::string name(trim(std::string_view(author).substr(0, author.find('<'))));
  return name.empty() ? author : name;
}

View row_of(const store::RunSummary& run, std::string_view state,
            const std::vector<store::StageOfRun>& stages) {
  View row;
  row.set("id", std::to_string(run.id));
  row.set("sign", sign(state));
  const std::string subject = store::first_line(run.message, kSubjectCharacters);
  row.set("message", subject.empty() ? "(no message)" : subject);
  row.set("pipeline", run.served);
  row.set("pipeline_link", "/pipelines/" + percent_encode(run.served));
  row.set("commit", run.commit_sha.substr(0, kShortCommit));
  row.set("branch", run.branch);
  row.set("author", name_of(run.author));
  row.set("started", time_html(run.started_at.value_or(run.created_at)));
  row.set("lasted", lasted_html(run.started_at, run.ended_at));
  row.set("strip", strip(stages));
  return row;
}

View choices(const std::string& chosen) {
  View options = list();
  for (const std::string_view state : kStates) {
    View option;
    option.set("value", std::string(state));
    option.set("word", std::string(word_of(state)));
    option.set("selected", truth(state == chosen));
    options.push_back(option);
  }
  return options;
}

Result<View> pipeline_choices(const Exchange& exchange, const std::string& chosen) {
  APHEX_TRY(std::vector<std::string> names, exchange.site.reports.served());
  for (const ServedPipeline& pipeline : exchange.site.config.pipelines) {
    if (std::find(names.begin(), names.end(), pipeline.name) == names.end())
      names.push_back(pipeline.name);
  }
  std::sort(names.begin(), names.end());
  View options = list();
  for (const std::string& name : names) {
    View option;
    option.set("value", name);
    option.set("selected", truth(name == chosen));
    options.push_back(option);
  }
  return options;
}

}  // namespace

store::RunSearch search_of(const HttpRequest& request) {
  const Query query(request.query);
  store::RunSearch search;
  search.served = given(query.get("pipeline"));
  search.branch = given(query.get("branch"));
  search.state = store::run_state_from(query.get("state"));
  search.text = utf8_substr(query.get("q"), 0, kMostSearched);
  search.before = query.number("before");
  search.after = query.number("after");
  search.limit = kListedRuns + 1;  // whether there are more
  return search;
}

Result<View> run_list(const Exchange& exchange, const std::string& served) {
  const Query query(exchange.request.query);
  store::RunSearch search = search_of(exchange.request);
  if (!served.empty()) search.served = served;
  APHEX_TRY(std::vector<store::RunSummary> runs, exchange.site.reports.runs(search));
  const bool upwards = search.after && !search.before;
  const bool more = runs.size() > kListedRuns;
  if (more) runs.erase(upwards ? runs.begin() : runs.end() - 1);
  std::vector<std::int64_t> ids;
  for (const store::RunSummary& run : runs)
    ids.push_back(run.id);
  APHEX_TRY(const std::vector<store::StageOfRun> all, exchange.site.reports.stages(ids));
  std::map<std::int64_t, std::vector<store::StageOfRun>> stages;
  for (const store::StageOfRun& stage : all)
    stages[stage.run].push_back(stage);
  View rows = list();
  APHEX_TRY(const std::set<std::int64_t> asking, runs_that_ask(exchange));
  for (const store::RunSummary& run : runs) {
    rows.push_back(row_of(run, asking.count(run.id) > 0 ? "asking" : store::to_string(run.state),
                          stages[run.id]));
  }
  View values;
  values.set("runs", rows);
  values.set("has_runs", truth(!runs.empty()));
  const Query plain = query.with("before", "").with("after", "");
  if (!runs.empty() && (upwards || more)) {
    values.set("older",
               exchange.request.path + plain.with("before", std::to_string(runs.back().id)).text());
  }
  if (!runs.empty() && (search.before || (upwards && more))) {
    values.set("newer",
               exchange.request.path + plain.with("after", std::to_string(runs.front().id)).text());
  }
  const bool filtered =
      !search.text.empty() || search.branch || search.state || (served.empty() && search.served);
  values.set("filtered", truth(filtered));
  values.set("action", exchange.request.path);
  values.set("q", search.text);
  values.set("branch", search.branch.value_or(""));
  values.set("states", choices(query.get("state")));
  values.set("any_pipeline", truth(served.empty()));
  if (const std::string days = query.get("days"); !days.empty()) values.set("period", days);
  if (served.empty()) {
    APHEX_TRY(const View pipelines, pipeline_choices(exchange, search.served.value_or("")));
    values.set("pipelines", pipelines);
  }
  View shown;
  shown.set("list", render(pages::kRunList, values));
  shown.set("filtered", truth(filtered || search.before || search.after));
  return shown;
}

}  // namespace aphex::server
