// A step's log: a window of it, what is searched in it, and the whole as it is.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "server/dashboard/live_hub.hpp"
#include "server/dashboard/log_file.hpp"
#include "server/dashboard/page.hpp"
#include "server/dashboard/query.hpp"
#include "server/http/file_answer.hpp"
#include "server/pages.hpp"

namespace aphex::server {
namespace {

constexpr std::uint64_t kWindow = 1'000;
// Lines that are seen above one that a link names.
constexpr std::uint64_t kAbove = 20;
constexpr std::size_t kMostSearched = 200;

struct StepLog {
  store::RunRecord run;
  store::StepRecord step;
  std::filesystem::path file;
};

Result<StepLog> log_of(const Exchange& exchange) {
  const std::optional<std::int64_t> id = number_of(exchange.parts.front());
  if (!id)
    return fail(ErrorCode::not_found, fmt::format("there is no run {}", exchange.parts.front()));
  APHEX_TRY(store::RunRecord run, exchange.site.runs.run(*id));
  APHEX_TRY(const std::vector<store::StepRecord> steps, exchange.site.runs.steps(*id));
  const std::string path = "logs/" + percent_decode(exchange.parts.back());
  for (const store::StepRecord& step : steps) {
    if (step.log == path) return StepLog{std::move(run), step, exchange.site.paths.run(*id) / path};
  }
  return fail(ErrorCode::not_found, fmt::format("run {} has no log {}", *id, path));
}

struct LineRange {
  std::uint64_t first = 0;  // 0: none
  std::uint64_t last = 0;
  bool has(std::uint64_t line) const { return first != 0 && line >= first && line <= last; }
};

// "120" or "120-135".
LineRange range_of(const std::string& text) {
  const std::size_t dash = std::min(text.find('-'), text.size());
  const std::optional<std::int64_t> first = number_of(text.substr(0, dash));
  if (!first || *first < 1) return {};
  const std::optional<std::int64_t> last =
      dash < text.size() ? number_of(text.substr(dash + 1)) : first;
  const auto begin = static_cast<std::uint64_t>(*first);
  return {begin, std::max(begin, static_cast<std::uint64_t>(last.value_or(*first)))};
}

void set_windows(View& values, const LogWindow& window, const Query& query,
                 const std::string& address) {
  if (window.lines.empty()) return;
  const std::uint64_t first = window.lines.front().number;
  const std::uint64_t last = window.lines.back().number;
  values.set("first", std::to_string(first));
  values.set("last", std::to_string(last));
  const Query plain = query.with("line", "").with("from", "");
  const auto link = [&](std::uint64_t from) {
    return address + plain.with("from", std::to_string(from)).text();
  };
  if (first > 1) {
    values.set("to_start", link(1));
    values.set("to_earlier", link(first > kWindow ? first - kWindow : 1));
  }
  if (last < window.total) {
    values.set("to_later", link(last + 1));
    values.set("to_end", link(window.total >= kWindow ? window.total - kWindow + 1 : 1));
  }
  values.set("windowed", truth(first > 1 || last < window.total));
}

Status set_matches(View& values, const StepLog& log, const std::string& wanted) {
  APHEX_TRY(const LogMatches matches, search_log(log.file, wanted));
  std::string lines;
  for (const ShownLine& line : matches.lines)
    lines += line_html(line) + "\n";
  values.set("matches", lines);
  values.set("has_matches", truth(!matches.lines.empty()));
  values.set("found", fmt::format("{} line{}", matches.total, matches.total == 1 ? "" : "s"));
  if (matches.total > matches.lines.size())
    values.set("shown_matches", std::to_string(matches.lines.size()));
  return {};
}

void set_head(View& values, const StepLog& log) {
  values.set("run", std::to_string(log.run.id));
  values.set("stage", log.step.stage_id);
  values.set("anchor", fmt::format("{}-{}", log.step.stage_id, log.step.attempt));
  if (log.step.attempt > 1) values.set("attempt", std::to_string(log.step.attempt));
  values.set("title", log.step.title);
  values.set("badge", badge(store::to_string(log.step.state)));
  values.set("lasted", lasted_html(log.step.started_at, log.step.ended_at));
  if (log.step.error) values.set("error", *log.step.error);
}

Result<HttpResponse> show(const Exchange& exchange) {
  APHEX_TRY(const StepLog log, log_of(exchange));
  const Query query(exchange.request.query);
  const std::string& address = exchange.request.path;
  const bool growing = log.step.state == store::WorkState::running;
  View values;
  set_head(values, log);
  const std::string wanted = utf8_substr(query.get("q"), 0, kMostSearched);
  values.set("q", wanted);
  values.set("address", address);
  values.set("raw", fmt::format("/runs/{}/raw/{}", log.run.id, exchange.parts.back()));
  std::error_code error;
  if (!std::filesystem::exists(log.file, error)) {
    values.set("gone", truth(true));
    return page(exchange, {log.step.title, "overview"}, pages::kLog, values);
  }
  if (!wanted.empty()) {
    APHEX_CHECK(set_matches(values, log, wanted));
    values.set("searched", truth(true));
    return page(exchange, {log.step.title, "overview"}, pages::kLog, values);
  }
  const LineRange chosen = range_of(query.get("line"));
  WindowWish wish;
  wish.count = kWindow;
  wish.growing = growing;
  if (const std::optional<std::int64_t> from = query.number("from")) {
    wish.first = static_cast<std::uint64_t>(std::max<std::int64_t>(*from, 1));
  } else if (chosen.first > 0) {
    wish.first = chosen.first > kAbove ? chosen.first - kAbove : 1;
  } else {
    wish.from_end = true;
  }
  APHEX_TRY(const LogWindow window, read_window(log.file, wish));
  std::string lines;
  for (const ShownLine& line : window.lines)
    lines += line_html(line, chosen.has(line.number) ? "chosen" : "") + "\n";
  values.set("lines", lines);
  values.set("has_lines", truth(!window.lines.empty()));
  values.set("total", std::to_string(window.total));
  values.set("size", human_bytes(window.bytes));
  set_windows(values, window, query, address);
  const std::uint64_t last = window.lines.empty() ? 0 : window.lines.back().number;
  if (growing && last == window.total) {
    values.set("follow", fmt::format("/events/runs/{}/logs/{}?line={}", log.run.id,
                                     exchange.parts.back(), last + 1));
  }
  values.set("growing", truth(growing));
  return page(exchange, {log.step.title, "overview"}, pages::kLog, values);
}

Result<HttpResponse> raw(const Exchange& exchange) {
  APHEX_TRY(const StepLog log, log_of(exchange));
  const bool download = !Query(exchange.request.query).get("download").empty();
  return file_answer(exchange.request,
                     {log.file, "text/plain; charset=utf-8",
                      download ? fmt::format("run-{}-{}-{}", log.run.id, log.step.stage_id,
                                             log.file.filename().string())
                               : ""});
}

HttpResponse show_log(const Exchange& exchange) {
  return or_problem(show(exchange));
}

HttpResponse send_raw(const Exchange& exchange) {
  return or_problem(raw(exchange));
}

constexpr Route kRoutes[] = {
    {"GET", "/runs/{}/logs/*", Access::read, show_log},
    {"GET", "/runs/{}/raw/*", Access::read, send_raw},
};

}  // namespace

std::span<const Route> log_routes() {
  return kRoutes;
}

}  // namespace aphex::server
