#include "server/server_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <span>

#include <fmt/format.h>
#include <fnmatch.h>

#include "aws/uri.hpp"
#include "base/text.hpp"
#include "config/json_schema.hpp"
#include "config/rules.hpp"
#include "config/schema.hpp"
#include "config/schema_check.hpp"
#include "doc/document.hpp"
#include "os/files.hpp"
#include "server/http/address.hpp"
#include "server/server_schema.hpp"

namespace aphex::server {
namespace {

using config::Field;
using config::Presence;
using config::Shape;
using config::ShapeKind;
using config::TextRule;
using doc::Node;

constexpr std::size_t kMaxFileBytes = 1U << 20U;
constexpr std::size_t kMaxSecretBytes = 4096;
constexpr std::int64_t kMostRuns = 64;
// GitHub's own advice; a shorter one is found by trying.
constexpr std::size_t kShortSecret = 16;

bool is_slug(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos &&
         config::accepts(config::rules::github_owner, text.substr(0, slash)) &&
         config::accepts(config::rules::github_repo, text.substr(slash + 1));
}

// What git would take for an option, or for a program to start, is no address.
bool is_clone_url(std::string_view text) {
  if (text.empty() || text.front() == '-' || text.find("::") != std::string_view::npos)
    return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return false;
  }
  return true;
}

struct Endpoint {
  std::string address;
  std::uint16_t port = 0;
};

std::optional<Endpoint> endpoint_of(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view address = text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  Endpoint endpoint{std::string(address), 0};
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return endpoint;
}

bool is_listen(std::string_view text) {
  const auto endpoint = endpoint_of(text);
  return endpoint && (endpoint->address == "localhost" || canonical_address(endpoint->address));
}

bool is_address(std::string_view text) {
  return canonical_address(text).has_value();
}

// A page's address begins with it, and a browser's Origin is compared with it.
bool is_public_url(std::string_view text) {
  const auto url = aws::parse_url(text);
  return url && !host_of(url->authority).empty() && url->query.empty() &&
         text.find('#') == std::string_view::npos &&
         (text.size() == url->origin().size() || text.size() == url->origin().size() + 1) &&
         url->path == "/";
}

bool is_pattern(std::string_view text) {
  return !text.empty() && text.front() != '/' && text.back() != '/' && is_clone_url(text);
}

constexpr std::array<std::string_view, 2> kSupersede{"queued", "never"};
constexpr std::array<std::string_view, 2> kPullRequests{"none", "validate"};
constexpr std::array<std::string_view, 2> kForks{"ignore", "accept"};
constexpr std::array<std::string_view, 3> kRunsAtEnd{"leave", "finish", "park"};
constexpr std::array<std::string_view, 2> kLogFormats{"text", "json"};
constexpr std::int64_t kMostBranches = 1000;
constexpr std::int64_t kMostEndSeconds = 86'400;
constexpr std::int64_t kMostDays = 36'500;
constexpr std::int64_t kMostKept = 100'000;
constexpr std::int64_t kMostFreeBytes = std::int64_t{1} << 50;
constexpr std::size_t kLongestPattern = 255;

constexpr std::string_view kFreeText = "^[^\\u0000-\\u001f\\u007f]+$";
const TextRule kSlugRule{config::RuleId::other, "owner/name, as GitHub writes it",
                         "^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]+$", is_slug, 141};
const TextRule kUrlRule{config::RuleId::other, "an address that git can clone from", kFreeText,
                        is_clone_url, 2048};
const TextRule kListenRule{config::RuleId::other, "an address and a port such as 127.0.0.1:8737",
                           kFreeText, is_listen, 100};
const TextRule kAddressRule{config::RuleId::other, "an IP address such as 127.0.0.1 or ::1",
                            kFreeText, is_address, 45};
const TextRule kPublicUrlRule{config::RuleId::other,
                              "scheme and host such as https://aphex.example.com, without a path",
                              kFreeText, is_public_url, 300};
const TextRule kSupersedeRule{.id = config::RuleId::choice,
                              .expectation = "queued or never",
                              .pattern = {},
                              .choices = kSupersede};

TextRule one_of(std::string_view words, std::span<const std::string_view> choices) {
  return {.id = config::RuleId::choice, .expectation = words, .pattern = {}, .choices = choices};
}
const TextRule kPullRequestsRule = one_of("none or validate", kPullRequests);
const TextRule kForksRule = one_of("ignore or accept", kForks);
const TextRule kRunsAtEndRule = one_of("leave, finish or park", kRunsAtEnd);
const TextRule kLogFormatRule = one_of("text or json", kLogFormats);
const TextRule kPatternRule{config::RuleId::other, "a branch, or a pattern such as feature/*",
                            kFreeText, is_pattern, kLongestPattern};

const Shape kVersion{.kind = ShapeKind::text, .what = "a string", .text = &config::rules::version};
const Shape kName{
    .kind = ShapeKind::text, .what = "a string", .text = &config::rules::pipeline_name};
const Shape kSlug{.kind = ShapeKind::text, .what = "a string", .text = &kSlugRule};
const Shape kUrl{.kind = ShapeKind::text, .what = "a string", .text = &kUrlRule};
const Shape kBranch{
    .kind = ShapeKind::text, .what = "a string", .text = &config::rules::github_branch};
const Shape kPath{
    .kind = ShapeKind::text, .what = "a string", .text = &config::rules::repository_path};
const Shape kAddress{.kind = ShapeKind::text, .what = "a string", .text = &kAddressRule};
const Shape kAddresses{
    .kind = ShapeKind::list, .what = "a list of strings", .item = &kAddress, .needs = "address"};
const Shape kPublicUrl{.kind = ShapeKind::text, .what = "a string", .text = &kPublicUrlRule};
const Shape kListen{.kind = ShapeKind::text, .what = "a string", .text = &kListenRule};
const Shape kChoice{.kind = ShapeKind::text, .what = "a string", .text = &kSupersedeRule};
const Shape kRuns{.kind = ShapeKind::integer, .what = "an integer", .least = 1, .most = kMostRuns};
const Shape kBoolean{.kind = ShapeKind::boolean, .what = "a boolean"};
const Shape kFile{.kind = ShapeKind::text, .what = "a string", .text = &kUrlRule};
const Shape kFiles{
    .kind = ShapeKind::list, .what = "a list of strings", .item = &kFile, .needs = "file"};

const Shape kPullRequestsShape{
    .kind = ShapeKind::text, .what = "a string", .text = &kPullRequestsRule};
const Shape kForksShape{.kind = ShapeKind::text, .what = "a string", .text = &kForksRule};
const Shape kRunsAtEndShape{.kind = ShapeKind::text, .what = "a string", .text = &kRunsAtEndRule};
const Shape kLogFormatShape{.kind = ShapeKind::text, .what = "a string", .text = &kLogFormatRule};
const Shape kPattern{.kind = ShapeKind::text, .what = "a string", .text = &kPatternRule};
const Shape kPatterns{
    .kind = ShapeKind::list, .what = "a list of strings", .item = &kPattern, .needs = "pattern"};
const Shape kEnvironmentName{
    .kind = ShapeKind::text, .what = "a string", .text = &config::rules::environment_name};
const Shape kEnvironmentNames{.kind = ShapeKind::list,
                              .what = "a list of strings",
                              .item = &kEnvironmentName,
                              .needs = "environment"};
Shape number(std::int64_t least, std::int64_t most) {
  return {.kind = ShapeKind::integer, .what = "an integer", .least = least, .most = most};
}
const Shape kBranchCount = number(1, kMostBranches);
const Shape kSeconds = number(1, kMostEndSeconds);
const Shape kDays = number(1, kMostDays);
const Shape kKeep = number(1, kMostKept);
const Shape kBytes = number(0, kMostFreeBytes);

const std::array kBranchesFields{
    Field{"patterns", Presence::required, &kPatterns,
          "Which branches. * and ? stop at a slash: feature/* is not feature/a/b."},
    Field{"environments", Presence::optional, &kEnvironmentNames,
          "Where they are deployed. Default: the first environment of aphex-config.yaml."},
    Field{"most", Presence::optional, &kBranchCount,
          "How many have stacks or a run at a time; others wait.", "5"},
    Field{"sandbox", Presence::optional, &kBoolean,
          "Against the local AWS. Default: as the pipeline."},
};
const Shape kBranches{
    .kind = ShapeKind::record, .what = "a mapping", .title = "Branches", .fields = kBranchesFields};
const std::array kShutdownFields{
    Field{"runs", Presence::optional, &kRunsAtEndShape,
          "What becomes of runs that execute when the server ends: they go on, it waits for them, "
          "or they are ended and gone on with by the next server.",
          "\"leave\""},
    Field{"seconds", Presence::optional, &kSeconds,
          "How long finish waits; what takes longer is parked.", "300"},
};
const Shape kShutdown{
    .kind = ShapeKind::record, .what = "a mapping", .title = "Shutdown", .fields = kShutdownFields};
const std::array kRetentionFields{
    Field{"days", Presence::optional, &kDays,
          "How many days runs with their logs, deliveries and entries of the queue are kept.",
          "90"},
    Field{"keep", Presence::optional, &kKeep,
          "The newest runs of each pipeline, which stay however old they are.", "20"},
    Field{"auditDays", Presence::optional, &kDays, "How many days the audit log is kept.", "365"},
};
const Shape kRetention{.kind = ShapeKind::record,
                       .what = "a mapping",
                       .title = "Retention",
                       .fields = kRetentionFields};

const std::array kPipelineFields{
    Field{"name", Presence::required, &kName,
          "What the pipeline is called here. Each has a name of its own."},
    Field{"repository", Presence::required, &kSlug,
          "The repository whose pushes are run: owner/name, in whatever case."},
    Field{"url", Presence::optional, &kUrl,
          "What is cloned. Default: https://github.com/<repository>.git."},
    Field{"branch", Presence::optional, &kBranch,
          "The branch whose pushes are run, and no other's.", "\"main\""},
    Field{"configPath", Presence::optional, &kPath, "The configuration in the repository.",
          "\"aphex-config.yaml\""},
    Field{"webhookSecretFiles", Presence::required, &kFiles,
          "Files with the webhook's secret, of at least 16 characters; two while one replaces the "
          "other. Paths are relative to this file."},
    Field{"supersede", Presence::optional, &kChoice,
          "Which older runs a push makes pointless: those that wait (queued), or none (never).",
          "\"queued\""},
    Field{"sandbox", Presence::optional, &kBoolean, "Whether runs are against the local AWS.",
          "false"},
    Field{"pullRequests", Presence::optional, &kPullRequestsShape,
          "What a pull request starts: nothing, or the validation of its commit.", "\"validate\""},
    Field{"forks", Presence::optional, &kForksShape,
          "Whether pull requests from forks are taken too.", "\"ignore\""},
    Field{"branches", Presence::optional, &kBranches, "Branches with pipelines of their own."},
};
const Shape kPipeline{
    .kind = ShapeKind::record, .what = "a mapping", .title = "Pipeline", .fields = kPipelineFields};
const Shape kNotifications{.kind = ShapeKind::list, .what = "a list of mappings"};
const Shape kPipelines{
    .kind = ShapeKind::list, .what = "a list of mappings", .item = &kPipeline, .needs = "pipeline"};
const std::array kTlsFields{
    Field{"certificateFile", Presence::required, &kFile,
          "The certificate with its chain, in PEM. Relative to this file."},
    Field{"keyFile", Presence::required, &kFile, "Its private key, in PEM. Relative to this file."},
};
const Shape kTls{
    .kind = ShapeKind::record, .what = "a mapping", .title = "Tls", .fields = kTlsFields};
const std::array kServerFields{
    Field{"version", Presence::required, &kVersion, "The version of this format."},
    Field{
        "listen", Presence::optional, &kListen,
        "Address and port; port 0 takes a free one. What other machines reach needs a token. IPv6 "
        "needs quotes: `\"[::]:8737\"`.",
        "\"127.0.0.1:8737\""},
    Field{"publicUrl", Presence::optional, &kPublicUrl,
          "How browsers reach it, behind a reverse proxy. Messages link to it."},
    Field{"trustedProxies", Presence::optional, &kAddresses,
          "Addresses of reverse proxies whose X-Forwarded-For, -Proto and -Host are believed."},
    Field{"tls", Presence::optional, &kTls, "Serves HTTPS itself."},
    Field{"maxRuns", Presence::optional, &kRuns, "Runs that execute at a time, of all pipelines.",
          "2"},
    Field{"pipelines", Presence::required, &kPipelines,
          "What is run. Several may be of one repository."},
    Field{"notifications", Presence::optional, &kNotifications,
          "Who is told of what, by which channel."},
    Field{"shutdown", Presence::optional, &kShutdown, "How the server ends."},
    Field{"retention", Presence::optional, &kRetention,
          "What is removed, and when. Without it everything stays."},
    Field{"minimumFreeBytes", Presence::optional, &kBytes,
          "With less room on the disk no run is started.", "536870912"},
    Field{"logFile", Presence::optional, &kFile,
          "Where the server's own log goes. Default: standard error."},
    Field{"logFormat", Presence::optional, &kLogFormatShape, "The form of the log's lines.",
          "\"text\""},
    Field{"accessLog", Presence::optional, &kBoolean,
          "Whether the log has a line for each request.", "false"},
};
const Shape kServer{
    .kind = ShapeKind::record, .what = "a mapping", .title = "Server", .fields = kServerFields};

class Reader {
 public:
  Reader(const std::filesystem::path& directory, notify::Files notification_files,
         std::vector<Diagnostic>& diagnostics)
      : directory_(directory), notification_files_(notification_files), diagnostics_(diagnostics) {}

  ServerConfig read(const Node& root) {
    ServerConfig config;
    if (const auto* listen = root.find("listen")) {
      const Endpoint endpoint = *endpoint_of(listen->value.text);
      config.address = endpoint.address == "localhost" ? "127.0.0.1" : endpoint.address;
      config.port = endpoint.port;
    }
    config.public_url = text(root, "publicUrl");
    if (config.public_url.ends_with('/')) config.public_url.pop_back();
    if (const auto* proxies = root.find("trustedProxies")) {
      for (const Node& proxy : proxies->value.items)
        config.trusted_proxies.push_back(*canonical_address(proxy.text));
    }
    if (const auto* tls = root.find("tls")) {
      config.tls = TlsFiles{directory_ / text(tls->value, "certificateFile"),
                            directory_ / text(tls->value, "keyFile")};
    }
    if (const auto* runs = root.find("maxRuns"))
      config.max_runs = static_cast<std::uint32_t>(*doc::to_value(runs->value).as_int());
    for (const Node& node : root.find("pipelines")->value.items)
      config.pipelines.push_back(pipeline(node));
    operation(root, config);
    if (const auto* list = root.find("notifications")) {
      notify::KnownNames known;
      for (const ServedPipeline& each : config.pipelines)
        known.pipelines.push_back(each.name);
      notify::SettingReader reader(directory_, notification_files_, diagnostics_);
      config.notifications = notify::read_channels(list->value, known, reader, diagnostics_);
    }
    return config;
  }

 private:
  static std::optional<std::int64_t> integer(const Node& node, std::string_view key) {
    const auto* member = node.find(key);
    if (member == nullptr) return std::nullopt;
    return *doc::to_value(member->value).as_int();
  }

  static bool flag(const Node& node, std::string_view key, bool otherwise) {
    const auto* member = node.find(key);
    return member == nullptr ? otherwise : *doc::to_value(member->value).as_bool();
  }

  void operation(const Node& root, ServerConfig& config) const {
    if (const auto* shutdown = root.find("shutdown")) {
      const std::string runs = text(shutdown->value, "runs", "leave");
      if (runs == "finish") config.runs_at_end = RunsAtEnd::finish;
      if (runs == "park") config.runs_at_end = RunsAtEnd::park;
      if (const auto seconds = integer(shutdown->value, "seconds"))
        config.end_time = std::chrono::seconds(*seconds);
    }
    if (const auto* retention = root.find("retention")) {
      config.retention.emplace();
      if (const auto days = integer(retention->value, "days"))
        config.retention->days = static_cast<std::uint32_t>(*days);
      if (const auto keep = integer(retention->value, "keep"))
        config.retention->keep = static_cast<std::uint32_t>(*keep);
      if (const auto days = integer(retention->value, "auditDays"))
        config.retention->audit_days = static_cast<std::uint32_t>(*days);
    }
    if (const auto bytes = integer(root, "minimumFreeBytes"))
      config.minimum_free_bytes = static_cast<std::uint64_t>(*bytes);
    if (const std::string file = text(root, "logFile"); !file.empty())
      config.log_file = directory_ / file;
    if (text(root, "logFormat") == "json") config.log_format = LogFormat::json;
    config.access_log = flag(root, "accessLog", false);
  }

  static ServedBranches branches(const Node& node, bool sandbox) {
    ServedBranches made;
    for (const Node& pattern : node.find("patterns")->value.items)
      made.patterns.push_back(pattern.text);
    if (const auto* environments = node.find("environments")) {
      for (const Node& name : environments->value.items)
        made.environments.push_back(name.text);
    }
    if (const auto most = integer(node, "most")) made.most = static_cast<std::uint32_t>(*most);
    made.sandbox = flag(node, "sandbox", sandbox);
    return made;
  }

  static std::string text(const Node& node, std::string_view key, std::string fallback = {}) {
    const auto* member = node.find(key);
    return member == nullptr ? fallback : member->value.text;
  }

  ServedPipeline pipeline(const Node& node) {
    ServedPipeline made;
    made.name = text(node, "name");
    const auto [first, is_new] = names_.emplace(made.name, node.find("name")->value.span);
    if (!is_new) {
      say("server/duplicate-pipeline", node.find("name")->value.span,
          fmt::format("Duplicate pipeline name: {}, first on line {}", made.name,
                      first->second.begin.line),
          "give each pipeline a name of its own");
    }
    made.repository = text(node, "repository");
    made.url = text(node, "url", "https://github.com/" + made.repository + ".git");
    if (const auto* url = node.find("url")) look_at_source(url->value);
    made.branch = text(node, "branch", made.branch);
    made.config_path = text(node, "configPath", made.config_path);
    if (text(node, "supersede") == "never") made.supersede = Supersede::never;
    made.sandbox = flag(node, "sandbox", false);
    if (text(node, "pullRequests") == "none") made.pull_requests = PullRequests::none;
    if (text(node, "forks") == "accept") made.forks = Forks::accept;
    if (const auto* own = node.find("branches")) made.branches = branches(own->value, made.sandbox);
    for (const Node& file : node.find("webhookSecretFiles")->value.items)
      secret(file, made.webhook_secrets);
    return made;
  }

  void secret(const Node& node, std::vector<std::string>& secrets) {
    const std::filesystem::path path = directory_ / node.text;
    const auto read = os::read_file(path, kMaxSecretBytes);
    if (!read) {
      say("server/secret-file", node.span,
          fmt::format("The secret cannot be read: {}", describe(read.error())),
          "the path is relative to this file; 'openssl rand -hex 32' makes a secret");
      return;
    }
    const std::string_view value = trim(*read);
    if (value.size() < kShortSecret) {
      say("server/secret-file", node.span,
          fmt::format("The secret in {} has {} characters, {} are the least", path.string(),
                      value.size(), kShortSecret),
          "'openssl rand -hex 32' makes one; give GitHub the same");
      return;
    }
    look_at_mode(path, node.span);
    secrets.emplace_back(value);
  }

  void look_at_mode(const std::filesystem::path& path, Span span) {
    std::error_code ignored;
    const auto mode = std::filesystem::status(path, ignored).permissions();
    if (ignored || (mode & std::filesystem::perms::others_read) == std::filesystem::perms::none)
      return;
    say("server/secret-readable", span,
        fmt::format("Everybody on this machine can read the secret in {}", path.string()),
        fmt::format("'chmod 600 {}'", path.string()), Severity::warning);
  }

  // Of an absolute path alone: all else is the matter of whoever answers there. It may come later,
  // with a disk for instance.
  void look_at_source(const Node& node) {
    constexpr std::string_view kScheme = "file://";
    std::string_view path = node.text;
    if (path.starts_with(kScheme)) path.remove_prefix(kScheme.size());
    std::error_code ignored;
    if (!path.starts_with('/') || std::filesystem::exists(path, ignored)) return;
    say("server/no-repository", node.span, fmt::format("There is nothing to clone at {}", path),
        "pushes will be taken, and what they start will fail; name a repository's directory or "
        "address",
        Severity::warning);
  }

  void say(std::string_view id, Span span, std::string message, std::string hint,
           Severity severity = Severity::error) {
    diagnostics_.push_back({id, severity, span, std::move(message), std::move(hint)});
  }

  const std::filesystem::path& directory_;
  const notify::Files notification_files_;
  std::vector<Diagnostic>& diagnostics_;
  std::map<std::string, Span> names_;
};

}  // namespace

bool ServedBranches::match(const std::string& branch) const {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), branch.c_str(), FNM_PATHNAME | FNM_NOESCAPE) == 0;
  });
}

const ServedPipeline* ServerConfig::find(std::string_view name) const {
  for (const ServedPipeline& pipeline : pipelines) {
    if (pipeline.name == name) return &pipeline;
  }
  return nullptr;
}

doc::Value server_schema() {
  doc::Value schema =
      doc::Value::object({{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                          {"$id", "urn:aphex:server:1.0"}});
  const doc::Value root = config::to_schema(kServer);
  for (const doc::Member& member : *root.as_object())
    schema.set(member.first, member.second);
  schema.set("description", "aphex-server.yaml: what a server runs, and for whom.");
  schema.find({"properties", "notifications"})->set("items", notify::channel_schema());
  return schema;
}

Result<LoadedServerConfig> load_server_config(const std::filesystem::path& file,
                                              notify::Files notification_files) {
  auto text = os::read_file(file, kMaxFileBytes);
  if (!text) {
    Error error = std::move(text.error());
    error.hint = "docs/server.md shows one; --config names another file";
    return fail_because("the server's configuration cannot be read", std::move(error));
  }
  LoadedServerConfig loaded{Source(file.string(), std::move(*text)), {}, std::nullopt};
  doc::YamlResult document = doc::parse_yaml(loaded.source);
  loaded.diagnostics = std::move(document.diagnostics);
  if (document.root && document.root->kind != doc::NodeKind::mapping) {
    loaded.diagnostics.push_back({"server/wrong-type", Severity::error, document.root->span,
                                  "Expected a mapping with the keys version and pipelines", ""});
  } else if (document.root) {
    config::check_structure(*document.root, kServer, config::UnknownKeys::reject,
                            loaded.diagnostics);
  }
  if (document.root && !has_errors(loaded.diagnostics)) {
    std::error_code ignored;
    const std::filesystem::path directory = std::filesystem::absolute(file, ignored).parent_path();
    ServerConfig config =
        Reader(directory, notification_files, loaded.diagnostics).read(*document.root);
    if (!has_errors(loaded.diagnostics)) loaded.config = std::move(config);
  }
  sort_by_place(loaded.diagnostics);
  return loaded;
}

}  // namespace aphex::server
