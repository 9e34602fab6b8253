#include "server/server_config.hpp"

#include <array>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "aws/uri.hpp"
#include "base/text.hpp"
#include "config/rules.hpp"
#include "config/schema.hpp"
#include "config/schema_check.hpp"
#include "doc/document.hpp"
#include "os/files.hpp"
#include "server/address.hpp"

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

constexpr std::array<std::string_view, 2> kSupersede{"queued", "never"};

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

const std::array kPipelineFields{
    Field{"name", Presence::required, &kName, "What the pipeline is called here."},
    Field{"repository", Presence::required, &kSlug, "The repository whose pushes are run."},
    Field{"url", Presence::optional, &kUrl, "What is cloned, instead of GitHub's HTTPS address."},
    Field{"branch", Presence::optional, &kBranch, "The branch.", "\"main\""},
    Field{"configPath", Presence::optional, &kPath, "The configuration in the repository.",
          "\"aphex-config.yaml\""},
    Field{"webhookSecretFiles", Presence::required, &kFiles,
          "Files with the webhook's secret; two while one replaces the other."},
    Field{"supersede", Presence::optional, &kChoice,
          "Which older runs a push makes pointless: those that wait, or none.", "\"queued\""},
    Field{"sandbox", Presence::optional, &kBoolean, "Against the local AWS.", "false"},
};
const Shape kPipeline{
    .kind = ShapeKind::record, .what = "a mapping", .title = "Pipeline", .fields = kPipelineFields};
const Shape kPipelines{
    .kind = ShapeKind::list, .what = "a list of mappings", .item = &kPipeline, .needs = "pipeline"};
const std::array kTlsFields{
    Field{"certificateFile", Presence::required, &kFile, "The certificate with its chain, PEM."},
    Field{"keyFile", Presence::required, &kFile, "Its private key, PEM."},
};
const Shape kTls{
    .kind = ShapeKind::record, .what = "a mapping", .title = "Tls", .fields = kTlsFields};
const std::array kServerFields{
    Field{"version", Presence::required, &kVersion, "\"1.0\"."},
    Field{"listen", Presence::optional, &kListen, "Address and port.", "\"127.0.0.1:8737\""},
    Field{"publicUrl", Presence::optional, &kPublicUrl, "How browsers reach it."},
    Field{"trustedProxies", Presence::optional, &kAddresses,
          "Reverse proxies whose X-Forwarded-For, -Proto and -Host are believed."},
    Field{"tls", Presence::optional, &kTls, "Serves HTTPS itself."},
    Field{"maxRuns", Presence::optional, &kRuns, "Runs that execute at a time, of all pipelines.",
          "2"},
    Field{"pipelines", Presence::required, &kPipelines, "What is run."},
};
const Shape kServer{
    .kind = ShapeKind::record, .what = "a mapping", .title = "Server", .fields = kServerFields};

class Reader {
 public:
  Reader(const std::filesystem::path& directory, std::vector<Diagnostic>& diagnostics)
      : directory_(directory), diagnostics_(diagnostics) {}

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
    return config;
  }

 private:
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
    made.branch = text(node, "branch", made.branch);
    made.config_path = text(node, "configPath", made.config_path);
    if (text(node, "supersede") == "never") made.supersede = Supersede::never;
    if (const auto* sandbox = node.find("sandbox"))
      made.sandbox = *doc::to_value(sandbox->value).as_bool();
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
    secrets.emplace_back(value);
  }

  void say(std::string_view id, Span span, std::string message, std::string hint) {
    diagnostics_.push_back({id, Severity::error, span, std::move(message), std::move(hint)});
  }

  const std::filesystem::path& directory_;
  std::vector<Diagnostic>& diagnostics_;
  std::map<std::string, Span> names_;
};

}  // namespace

const ServedPipeline* ServerConfig::find(std::string_view name) const {
  for (const ServedPipeline& pipeline : pipelines) {
    if (pipeline.name == name) return &pipeline;
  }
  return nullptr;
}

Result<LoadedServerConfig> load_server_config(const std::filesystem::path& file) {
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
    ServerConfig config = Reader(directory, loaded.diagnostics).read(*document.root);
    if (!has_errors(loaded.diagnostics)) loaded.config = std::move(config);
  }
  sort_by_place(loaded.diagnostics);
  return loaded;
}

}  // namespace aphex::server
