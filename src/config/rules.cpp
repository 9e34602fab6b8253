#include "config/rules.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace aphex::config {
namespace {

using View = std::string_view;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_alpha(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_alnum(char c) {
  return is_alpha(c) || is_digit(c);
}
bool is_lower_alnum(char c) {
  return is_lower(c) || is_digit(c);
}
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// Takes characters of `set` besides letters and digits.
bool all_alnum_or(View text, View set) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alnum(c) || set.find(c) != View::npos;
  });
}

bool has_control(View text) {
  return std::any_of(text.begin(), text.end(), is_control);
}

// Takes leading characters while `predicate` holds; says how many.
template <typename Predicate>
std::size_t take(View& text, Predicate predicate) {
  const auto end = std::find_if_not(text.begin(), text.end(), predicate);
  const auto count = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(count);
  return count;
}

bool is_version(View text) {
  return text == "1.0";
}

// Tabs and line breaks may stand in a command, other control characters not.
bool is_command(View text) {
  const auto refused = [](char c) { return is_control(c) && c != '\t' && c != '\n'; };
  const auto visible = [](char c) { return c != ' ' && c != '\t' && c != '\n'; };
  return std::none_of(text.begin(), text.end(), refused) &&
         std::any_of(text.begin(), text.end(), visible);
}

bool is_environment_name(View text) {
  return all_alnum_or(text, "-") && is_alnum(text.front());
}

bool is_stack_name(View text) {
  if (text.find('/') == View::npos) return all_alnum_or(text, "-") && is_alpha(text.front());
  while (true) {
    const std::size_t slash = text.find('/');
    const View segment = text.substr(0, slash);
    if (!all_alnum_or(segment, "_.-") || !is_alnum(segment.front())) return false;
    if (slash == View::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool is_region(View text) {
  if (take(text, is_lower) < 2) return false;
  std::size_t words = 0;
  while (text.starts_with('-')) {
    text.remove_prefix(1);
    if (take(text, is_lower) > 0) {
      ++words;
      continue;
    }
    const std::size_t digits = take(text, is_digit);
    return words > 0 && digits >= 1 && digits <= 2 && text.empty();
  }
  return false;
}

bool is_account(View text) {
  return text.size() == 12 && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_repository_path(View text) {
  return !text.empty() && text.front() != '/' && !has_control(text) &&
         text.find('\\') == View::npos && !has_parent_segment(text);
}

bool is_stack_path(View text) {
  return is_repository_path(text) && is_typescript_file(text) && !is_declaration_file(text);
}

bool is_duration(View text) {
  return parse_duration(text).has_value();
}

// RFC 1123 label.
bool is_label(View text) {
  const auto allowed = [](char c) { return is_lower_alnum(c) || c == '-'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed) && text.front() != '-' &&
         text.back() != '-';
}

bool is_bucket(View text) {
  const auto allowed = [](char c) { return is_lower_alnum(c) || c == '-' || c == '.'; };
  return text.size() >= 3 && text.size() <= 63 && std::all_of(text.begin(), text.end(), allowed) &&
         is_lower_alnum(text.front()) && is_lower_alnum(text.back());
}

bool is_artifact_store(View text) {
  if (text.empty() || has_control(text)) return false;
  constexpr View kS3 = "s3://";
  if (text.starts_with(kS3)) {
    const View rest = text.substr(kS3.size());
    return is_bucket(rest.substr(0, rest.find('/')));
  }
  const std::size_t scheme = text.find("://");
  if (text.starts_with("s3:")) return false;  // a slash is missing, no directory is meant
  const bool is_url =
      scheme != View::npos && is_alpha(text.front()) && all_alnum_or(text.substr(0, scheme), "+.-");
  return !is_url;
}

bool is_qualifier(View text) {
  return text.size() <= 10 && all_alnum_or(text, "_-");
}
bool is_cluster(View text) {
  return all_alnum_or(text, "_-") && is_alnum(text.front());
}
bool is_owner(View text) {
  return all_alnum_or(text, "-") && is_alnum(text.front());
}
bool is_repo(View text) {
  return all_alnum_or(text, "_.-");
}

// git-check-ref-format(1), --branch.
bool is_branch(View text) {
  constexpr View kRefused = " ~^:?*[\\";
  if (text.empty() || has_control(text) || text.find_first_of(kRefused) != View::npos ||
      text.front() == '-' || text.back() == '.' || text == "@" || text.find("..") != View::npos ||
      text.find("@{") != View::npos) {
    return false;
  }
  while (true) {
    const std::size_t slash = text.find('/');
    const View component = text.substr(0, slash);
    if (component.empty() || component.front() == '.' || component.ends_with(".lock")) return false;
    if (slash == View::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool is_person(View text) {
  return all_alnum_or(text, "_.@:/+=,-") && is_alnum(text.front());
}
bool is_secret(View text) {
  return all_alnum_or(text, "/_+=.@-");
}
bool is_export_prefix(View text) {
  return all_alnum_or(text, ":-");
}
bool is_image(View text) {
  return all_alnum_or(text, "_./:@-") && is_alnum(text.front());
}
bool is_image_key(View text) {
  return all_alnum_or(text, "_-") && is_alpha(text.front());
}

bool is_host(View text) {
  while (true) {
    const std::size_t dot = text.find('.');
    const View label = text.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == View::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_argo_version(View text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  std::size_t parts = 0;
  while (true) {
    const std::size_t digits = take(text, is_digit);
    if (digits == 0 || digits > 3) return false;
    ++parts;
    if (text.empty()) return parts == 2 || parts == 3;
    if (!text.starts_with('.')) return false;
    text.remove_prefix(1);
  }
}

constexpr std::array<View, 2> kOnChange{"restart", "continue"};
constexpr std::array<View, 3> kWebhookTypes{"none", "ingress", "loadbalancer"};

constexpr std::array<View, 1> kVersionExamples{"1.0"};
constexpr std::array<View, 2> kCommandExamples{"npm ci", "npm run build"};
constexpr std::array<View, 3> kEnvironmentExamples{"dev", "staging", "prod"};
constexpr std::array<View, 2> kStackExamples{"ArchonAgentStack", "Prod/ApiStack"};
constexpr std::array<View, 2> kRegionExamples{"us-east-1", "eu-west-1"};
constexpr std::array<View, 1> kAccountExamples{"123456789012"};
constexpr std::array<View, 1> kStackPathExamples{"lib/archon-agent-stack.ts"};
constexpr std::array<View, 2> kPathExamples{"dist", "node_modules"};
constexpr std::array<View, 2> kConfigPathExamples{"aphex-config.yaml", "services/api/aphex.yaml"};
constexpr std::array<View, 2> kPersonExamples{"ada", "grace@example.org"};
constexpr std::array<View, 2> kWaitExamples{"24h", "90m"};
constexpr std::array<View, 3> kDurationExamples{"90s", "30m", "1h30m"};
constexpr std::array<View, 2> kStoreExamples{"s3://archon-agent-artifacts/runs",
                                             ".aphex/artifacts"};
constexpr std::array<View, 2> kArgoExamples{"3.6", "4.1.2"};

}  // namespace

bool accepts(const TextRule& rule, std::string_view text) {
  if (!rule.choices.empty()) {
    return std::find(rule.choices.begin(), rule.choices.end(), text) != rule.choices.end();
  }
  if (rule.max_length > 0 && text.size() > rule.max_length && utf8_length(text) > rule.max_length) {
    return false;
  }
  return rule.accepts(text);
}

bool has_parent_segment(std::string_view path) {
  while (true) {
    const std::size_t slash = path.find('/');
    if (path.substr(0, slash) == "..") return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
}

bool is_typescript_file(std::string_view path) {
  return path.ends_with(".ts") || path.ends_with(".mts") || path.ends_with(".cts");
}

bool is_declaration_file(std::string_view path) {
  return path.ends_with(".d.ts") || path.ends_with(".d.mts") || path.ends_with(".d.cts");
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  struct Unit {
    char letter;
    std::int64_t seconds;
  };
  constexpr std::array<Unit, 3> kUnits{Unit{'h', 3600}, Unit{'m', 60}, Unit{'s', 1}};
  constexpr std::size_t kMaxDigits = 5;  // 99999 s is beyond a day already
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  for (const Unit& unit : kUnits) {
    const View before = text;
    const std::size_t digits = take(text, is_digit);
    if (digits == 0) continue;
    if (digits > kMaxDigits || text.empty()) return std::nullopt;
    if (text.front() != unit.letter) {
      text = before;
      continue;
    }
    std::int64_t number = 0;
    for (char c : before.substr(0, digits))
      number = number * 10 + (c - '0');
    total += number * unit.seconds;
    text.remove_prefix(1);
  }
  if (!text.empty()) return std::nullopt;
  return std::chrono::seconds(total);
}

namespace rules {

const TextRule version{RuleId::version, "the string \"1.0\"", "^1\\.0$", is_version, 3, {},
                       kVersionExamples};
const TextRule command{RuleId::command,
                       "a command of a shell, not blank",
                       "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f]*[^\\u0000-\\u0020\\u007f]"
                       "[^\\u0000-\\u0008\\u000b-\\u001f\\u007f]*$",
                       is_command,
                       32768,
                       {},
                       kCommandExamples};
const TextRule environment_name{RuleId::environment_name,
                                "at most 40 letters, digits and '-', the first a letter or digit",
                                "^[A-Za-z0-9][A-Za-z0-9-]*$",
                                is_environment_name,
                                40,
                                {},
                                kEnvironmentExamples};
const TextRule stack_name{
    RuleId::stack_name,
    "at most 128 letters, digits and '-', the first a letter; or CDK's path with '/'",
    "^([A-Za-z][A-Za-z0-9-]*|[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)+)$",
    is_stack_name,
    128,
    {},
    kStackExamples};
const TextRule region{
    RuleId::region, "an AWS region", "^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$", is_region, 32, {},
    kRegionExamples};
const TextRule account{RuleId::account, "12 digits, quoted", "^[0-9]{12}$", is_account, 12, {},
                       kAccountExamples};
const TextRule stack_path{RuleId::stack_path,
                          "a TypeScript file, relative to the repository",
                          "^(?!/)(?!(?:[^\\u0000]*/)?\\.\\.(?:/|$))(?![^\\u0000]*\\.d\\.[cm]?ts$)"
                          "[^\\u0000-\\u001f\\u007f\\\\]*\\.[cm]?ts$",
                          is_stack_path,
                          1024,
                          {},
                          kStackPathExamples};
const TextRule repository_path{
    RuleId::repository_path,
    "a path relative to the repository, without '..'",
    "^(?!/)(?!(?:[^\\u0000]*/)?\\.\\.(?:/|$))[^\\u0000-\\u001f\\u007f\\\\]+$",
    is_repository_path,
    1024,
    {},
    kPathExamples};
const TextRule config_path{RuleId::repository_path,
                           "a path relative to the repository, without '..'",
                           repository_path.pattern,
                           is_repository_path,
                           1024,
                           {},
                           kConfigPathExamples};
const TextRule duration{RuleId::duration,
                        "a duration such as 90s, 30m or 1h30m",
                        "^(?=[0-9])([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$",
                        is_duration,
                        18,
                        {},
                        kDurationExamples};
const TextRule approval_wait{
    RuleId::duration, duration.expectation, duration.pattern, is_duration, 18, {},
    kWaitExamples,    kMaxApprovalWait};
const TextRule person{RuleId::other,
                      "a person's name: at most 128 letters, digits and _.@:/+=,-, the first a "
                      "letter or digit",
                      "^[A-Za-z0-9][A-Za-z0-9_.@:/+=,-]*$",
                      is_person,
                      128,
                      {},
                      kPersonExamples};
const TextRule pipeline_name{RuleId::other,
                             "at most 40 lower-case letters, digits and '-', the ends no '-'",
                             "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", is_label, 40};
const TextRule on_change{RuleId::choice, "restart or continue", {}, nullptr, 0, kOnChange};
const TextRule bootstrap_qualifier{RuleId::other, "1 to 10 letters, digits, '_' and '-'",
                                   "^[A-Za-z0-9_-]{1,10}$", is_qualifier, 10};
const TextRule artifact_store{
    RuleId::other,
    "s3://bucket, s3://bucket/prefix or a directory",
    "^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\\u0000-\\u001f\\u007f]*)?"
    "|(?!s3:|[A-Za-z][A-Za-z0-9+.-]*://)[^\\u0000-\\u001f\\u007f]+)$",
    is_artifact_store,
    1024,
    {},
    kStoreExamples};
const TextRule cluster_name{RuleId::other, "at most 100 letters, digits, '_' and '-'",
                            "^[A-Za-z0-9][A-Za-z0-9_-]*$", is_cluster, 100};
const TextRule github_owner{RuleId::other, "a GitHub user or organization",
                            "^[A-Za-z0-9][A-Za-z0-9-]*$", is_owner, 39};
const TextRule github_repo{RuleId::other, "a GitHub repository's name without its owner",
                           "^[A-Za-z0-9_.-]+$", is_repo, 100};
const TextRule github_branch{
    RuleId::other, "a branch name as git allows it",
    "^(?![-/.])(?!@$)(?![^\\u0000]*(\\.\\.|//|@\\{|/\\.|\\.lock(/|$)|[/.]$))"
    "[^\\u0000-\\u0020\\u007f~^:?*\\[\\\\]+$",
    is_branch, 244};
const TextRule secret_name{RuleId::other, "the name of a secret in Secrets Manager",
                           "^[A-Za-z0-9/_+=.@-]+$", is_secret, 512};
const TextRule kubernetes_name{RuleId::other,
                               "at most 63 lower-case letters, digits and '-', the ends no '-'",
                               "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", is_label, 63};
// Its Service is called <name>-eventsource-svc, which is bounded to 63.
const TextRule event_source_name{RuleId::other,
                                 "at most 47 lower-case letters, digits and '-', the ends no '-'",
                                 "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", is_label, 47};
const TextRule bucket_name{RuleId::other,
                           "3 to 63 lower-case letters, digits, '-' and '.' (an S3 bucket name)",
                           "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", is_bucket, 63};
const TextRule export_prefix{RuleId::other, "letters, digits, ':' and '-'", "^[A-Za-z0-9:-]+$",
                             is_export_prefix, 200};
const TextRule image{RuleId::other, "a container image's reference",
                     "^[A-Za-z0-9][A-Za-z0-9_./:@-]*$", is_image, 512};
const TextRule image_key{RuleId::other, "a stage or 'default'", "^[A-Za-z][A-Za-z0-9_-]*$",
                         is_image_key, 63};
const TextRule host_name{RuleId::other, "a host name in lower case, without scheme and port",
                         "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
                         is_host, 253};
const TextRule webhook_type{RuleId::choice, "none, ingress or loadbalancer", {}, nullptr, 0,
                            kWebhookTypes};
const TextRule argo_version{RuleId::other,
                            "a version such as \"3.6\" or \"4.1.2\", quoted",
                            "^v?[0-9]{1,3}(\\.[0-9]{1,3}){1,2}$",
                            is_argo_version,
                            12,
                            {},
                            kArgoExamples};

std::span<const TextRule* const> all() {
  static constexpr std::array kAll{&version,
                                   &command,
                                   &environment_name,
                                   &stack_name,
                                   &region,
                                   &account,
                                   &stack_path,
                                   &repository_path,
                                   &config_path,
                                   &duration,
                                   &approval_wait,
                                   &person,
                                   &pipeline_name,
                                   &on_change,
                                   &bootstrap_qualifier,
                                   &artifact_store,
                                   &cluster_name,
                                   &github_owner,
                                   &github_repo,
                                   &github_branch,
                                   &secret_name,
                                   &kubernetes_name,
                                   &event_source_name,
                                   &bucket_name,
                                   &export_prefix,
                                   &image,
                                   &image_key,
                                   &host_name,
                                   &arn,
                                   &role_arn,
                                   &policy_arn,
                                   &oidc_provider_arn,
                                   &oidc_issuer,
                                   &key_arn,
                                   &topic_arn,
                                   &certificate_arn,
                                   &cloudformation_stack,
                                   &role_name,
                                   &tag_value,
                                   &annotation_key,
                                   &annotation_value,
                                   &server_url,
                                   &url_path,
                                   &quantity,
                                   &pull_requests,
                                   &forks,
                                   &webhook_type,
                                   &argo_version};
  return kAll;
}

}  // namespace rules
}  // namespace aphex::config
