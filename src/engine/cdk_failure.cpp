#include "engine/cdk_failure.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/environment_access.hpp"

namespace aphex::engine {
namespace {

// The table of runs shows one line; the log has the rest.
constexpr std::size_t kMaxTellingLines = 4;

struct Pattern {
  std::string_view text;
  CliTrouble trouble;
};

// Words of the CLI 2.1148, the AWS SDK for JavaScript 3 and Node's network errors.
constexpr std::array<Pattern, 25> kPatterns{{
    {"Has the environment been bootstrapped", CliTrouble::not_bootstrapped},
    {"Please run 'cdk bootstrap'", CliTrouble::not_bootstrapped},
    {"Could not assume role in target account", CliTrouble::not_bootstrapped},
    {"please re-run cdk bootstrap", CliTrouble::not_bootstrapped},
    {"CLI is not compatible with the CDK library", CliTrouble::too_old},
    {"_IN_PROGRESS state and can not be updated", CliTrouble::in_progress},
    {"_IN_PROGRESS state and cannot be updated", CliTrouble::in_progress},
    {"OperationInProgressException", CliTrouble::in_progress},
    {"Throttling", CliTrouble::transient},
    {"Rate exceeded", CliTrouble::transient},
    {"TooManyRequestsException", CliTrouble::transient},
    {"RequestLimitExceeded", CliTrouble::transient},
    {"SlowDown", CliTrouble::transient},
    {"ServiceUnavailable", CliTrouble::transient},
    {"InternalFailure", CliTrouble::transient},
    {"ECONNRESET", CliTrouble::transient},
    {"ECONNREFUSED", CliTrouble::transient},
    {"ETIMEDOUT", CliTrouble::transient},
    {"EAI_AGAIN", CliTrouble::transient},
    {"ENOTFOUND", CliTrouble::transient},
    {"EPIPE", CliTrouble::transient},
    {"socket hang up", CliTrouble::transient},
    {"RequestTimeout", CliTrouble::transient},
    {"NetworkingError", CliTrouble::transient},
    // A gateway's page of HTML where the service's answer should be.
    {"Deserialization error", CliTrouble::transient},
}};

void keep_last(std::deque<std::string>& lines, std::string_view line) {
  lines.emplace_back(line);
  if (lines.size() > CliTail::kMaxLines) lines.pop_front();
}

bool is_noise(std::string_view line) {
  const std::string_view text = trim(line);
  return text.empty() || text.starts_with("at ") || text.starts_with("Source Location:") ||
         text.starts_with("node:internal") || text.starts_with("Node.js v") || text == "^" ||
         text.starts_with("❌") || text.starts_with("Deserialization error:") ||
         text.starts_with("NOTICES") || text.starts_with("Subprocess exited with error") ||
         text.find("feature flags are not configured") != std::string_view::npos;
}

// A line as it reads inside a sentence.
std::string without_bullet(std::string_view line) {
  constexpr std::string_view kBullet = "‣ ";
  line = trim(line);
  if (line.starts_with(kBullet)) line.remove_prefix(kBullet.size());
  return std::string(line);
}

// Where an exception of the app begins: what stands before it is quoted source.
bool starts_complaint(std::string_view line) {
  const std::string_view text = trim(line);
  return text.starts_with("‣") || text.find("Error:") < 40 ||
         text.find("error TS") != std::string_view::npos;
}

}  // namespace

void CliTail::add(os::Stream stream, std::string_view line) {
  keep_last(stream == os::Stream::err ? err_ : out_, line);
}

bool CliChatter::shows(std::string_view line) {
  const std::string_view text = trim(line);
  if (text == "Outputs:") block_ = Block::outputs;
  if (text == "Stack ARN:") {
    block_ = Block::arn;
    return false;
  }
  if (block_ == Block::arn) {
    block_ = Block::none;
    return false;
  }
  return block_ == Block::none && !text.empty() && !text.starts_with("✨") &&
         !text.starts_with("Supply a stack id") && !text.starts_with("Successfully synthesized") &&
         text.find("feature flags are not configured") == std::string_view::npos;
}

std::vector<std::string> telling_lines(const CliTail& tail) {
  const bool silent = std::all_of(tail.err().begin(), tail.err().end(), is_noise);
  const std::deque<std::string>& lines = silent ? tail.out() : tail.err();
  const auto first = std::find_if(lines.begin(), lines.end(), starts_complaint);
  std::vector<std::string> result;
  if (first != lines.end()) {
    for (auto line = first; line != lines.end() && result.size() < kMaxTellingLines; ++line) {
      if (!is_noise(*line)) result.push_back(without_bullet(*line));
    }
    return result;
  }
  for (auto line = lines.rbegin(); line != lines.rend() && result.size() < kMaxTellingLines;
       ++line) {
    if (!is_noise(*line)) result.push_back(without_bullet(*line));
  }
  std::reverse(result.begin(), result.end());
  return result;
}

CliTrouble recognize(const CliTail& tail) {
  for (const std::deque<std::string>* lines : {&tail.err(), &tail.out()}) {
    for (const std::string& line : *lines) {
      if (says_expired(line)) return CliTrouble::expired;
      for (const Pattern& pattern : kPatterns) {
        if (line.find(pattern.text) != std::string::npos) return pattern.trouble;
      }
    }
  }
  return CliTrouble::none;
}

Error cli_error(std::string what, const CliTail& tail) {
  Error error;
  error.code = ErrorCode::deploy_failed;
  const std::vector<std::string> lines = telling_lines(tail);
  error.message = lines.empty() ? what : fmt::format("{}: {}", what, join(lines, " · "));
  switch (recognize(tail)) {
    case CliTrouble::none:
      break;
    case CliTrouble::transient:
      error.code = ErrorCode::unavailable;
      error.retry = Retry::retryable;
      break;
    case CliTrouble::expired:
      error.code = ErrorCode::permission;
      error.hint = "the AWS credentials expired; renew them and resume the run";
      break;
    case CliTrouble::not_bootstrapped:
      error.code = ErrorCode::permission;
      error.hint = "bootstrap the account and region: cdk bootstrap aws://ACCOUNT/REGION";
      break;
    case CliTrouble::too_old:
      error.code = ErrorCode::unsupported;
      error.hint = "npm install --save-dev aws-cdk@2 takes the newest CLI";
      break;
    case CliTrouble::in_progress:
      error.hint =
          "somebody else's operation on the stack is under way: wait for its end, or cancel it "
          "(aws cloudformation cancel-update-stack), then resume the run";
      break;
  }
  return error;
}

}  // namespace aphex::engine
