// The overview: pipelines, what waits and why, the newest runs.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "server/dashboard/ansi.hpp"
#include "server/dashboard/approval_list.hpp"
#include "server/dashboard/page.hpp"
#include "server/dashboard/query.hpp"
#include "server/dashboard/run_list.hpp"
#include "server/dashboard/waiting.hpp"
#include "server/pages.hpp"
#include "store/run_text.hpp"

namespace aphex::server {
namespace {

constexpr int kBars = 24;
// More pipelines than a page shows are found by the filter of the list.
constexpr std::size_t kMostCards = 60;
// The newest of the queue, in which one is looked for that has no run.
constexpr int kEntries = 100;

// The last runs as bars: how long each took, in the colour of how it ended.
std::string bars_svg(const std::vector<store::RunBar>& bars) {
  constexpr int kHeight = 28;
  constexpr int kLeast = 5;
  constexpr int kStep = 9;
  store::Millis longest = 1;
  const auto took = [](const store::RunBar& bar) {
    return bar.started_at ? bar.ended_at.value_or(now_millis()) - *bar.started_at : 0;
  };
  int succeeded = 0;
  for (const store::RunBar& bar : bars) {
    longest = std::max(longest, took(bar));
    if (bar.state == store::RunState::succeeded) ++succeeded;
  }
  std::string marks;
  int x = (kBars - static_cast<int>(bars.size())) * kStep;
  for (const store::RunBar& bar : bars) {
    const int height = kLeast + static_cast<int>((kHeight - kLeast) *
                                                 std::max<store::Millis>(took(bar), 0) / longest);
    marks += fmt::format(
        "<rect class=\"mark {}\" x=\"{}\" y=\"{}\" width=\"6\" height=\"{}\" rx=\"1.5\"><title>run "
        "{} {}, {}</title></rect>",
        store::to_string(bar.state), x, kHeight - height, height, bar.id,
        word_of(store::to_string(bar.state)),
        store::lasted(bar.started_at, bar.ended_at, now_millis()));
    x += kStep;
  }
  return fmt::format(
      "<svg class=\"bars\" role=\"img\" aria-label=\"{} of the last {} runs succeeded\" "
      "viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\">{}</svg>",
      succeeded, bars.size(), kBars * kStep - 3, kHeight, marks);
}

// What ended before it had a run is in no list of runs: of each pipeline its newest entry, where
// that is so.
Result<std::map<std::string, QueueEntry>> ended_without_a_run(const Exchange& exchange) {
  APHEX_TRY(const std::vector<QueueEntry> entries, exchange.site.deliveries.entries(kEntries));
  std::set<std::string> seen;
  std::map<std::string, QueueEntry> found;
  for (const QueueEntry& entry : entries) {
    if (entry.state == QueueState::superseded || !seen.insert(entry.lane()).second) continue;
    // One that was cancelled while it waited has not failed.
    const bool failed = entry.state == QueueState::ended && entry.started_at.has_value() &&
                        entry.exit_code.value_or(0) != 0;
    if (failed && !entry.run) found.emplace(entry.lane(), entry);
  }
  return found;
}

void tell_ended(View& card, const QueueEntry& entry) {
  View told;
  told.set("badge", badge("failed"));
  told.set("when", entry.ended_at ? time_html(*entry.ended_at) : "");
  told.set("commit", entry.commit.substr(0, kShortCommit));
  told.set("note", store::first_line(entry.note, kSubjectCharacters));
  card.set("without_run", told);
}

Result<View> card_of(const Exchange& exchange, const std::string& name,
                     const std::set<std::int64_t>& asking) {
  View card;
  card.set("name", name);
  card.set("link", "/pipelines/" + percent_encode(name));
  if (const ServedPipeline* pipeline = exchange.site.config.find(name)) {
    card.set("repository", pipeline->repository);
    card.set("branch", pipeline->branch);
  }
  APHEX_TRY(const std::vector<store::RunBar> bars, exchange.site.reports.bars(name, kBars));
  if (bars.empty()) return card;
  const store::RunBar& last = bars.back();
  card.set("bars", bars_svg(bars));
  View newest;
  newest.set("id", std::to_string(last.id));
  newest.set("badge", badge(asking.count(last.id) > 0 ? "asking" : store::to_string(last.state)));
  newest.set("when", last.ended_at     ? time_html(*last.ended_at)
                     : last.started_at ? lasted_html(last.started_at, last.ended_at)
                                       : "");
  card.set("last", newest);
  return card;
}

Result<View> cards_of(const Exchange& exchange) {
  std::vector<std::string> names;
  for (const ServedPipeline& pipeline : exchange.site.config.pipelines)
    names.push_back(pipeline.name);
  // Pipelines that ran on this machine without being the server's.
  APHEX_TRY(const std::vector<std::string> others, exchange.site.reports.served());
  for (const std::string& name : others) {
    if (exchange.site.config.find(name) == nullptr) names.push_back(name);
  }
  if (names.size() > kMostCards) names.resize(kMostCards);
  APHEX_TRY(const std::set<std::int64_t> asking, runs_that_ask(exchange));
  APHEX_TRY(const auto ended, ended_without_a_run(exchange));
  View cards = list();
  for (const std::string& name : names) {
    APHEX_TRY(View card, card_of(exchange, name, asking));
    if (const auto at = ended.find(name); at != ended.end()) tell_ended(card, at->second);
    cards.push_back(card);
  }
  return cards;
}

Result<HttpResponse> overview(const Exchange& exchange) {
  APHEX_TRY(const View list, run_list(exchange, ""));
  APHEX_TRY(const View cards, cards_of(exchange));
  View values;
  values.set("list", *list.get("list"));
  values.set("cards", cards);
  APHEX_TRY(const View approvals, pending_approvals(exchange));
  values.set("approvals", approvals);
  values.set("has_approvals", truth(!approvals.is_empty_list()));
  values.set("has_cards", truth(!cards.is_empty_list()));
  APHEX_TRY(const View waiting, waiting_rows(exchange));
  values.set("has_waiting", truth(!waiting.is_empty_list()));
  values.set("waiting", waiting);
  // Who looks for something has no use for what else happens.
  const bool filtered = list.get("filtered")->is_true();
  values.set("calm", truth(filtered));
  return page(exchange, {"Overview", "overview", filtered ? "" : "overview"}, pages::kOverview,
              values);
}

HttpResponse show_overview(const Exchange& exchange) {
  return or_problem(overview(exchange));
}

constexpr Route kRoutes[] = {
    {"GET", "/", Access::read, show_overview},
};

}  // namespace

std::span<const Route> overview_routes() {
  return kRoutes;
}

}  // namespace aphex::server
