#include "k8s/kubeconfig.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "aws/uri.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "doc/document.hpp"

namespace aphex::k8s {
namespace {

constexpr std::size_t kMaxBytes = 4U << 20U;
constexpr std::size_t kMaxEntries = 1'000;

struct NotDone {
  std::string_view key;
  std::string_view instead;
};
// Each would make a connection that is another than the file asks for.
constexpr std::array<NotDone, 2> kNotDoneOfClusters = {
    {{"proxy-url", "set HTTPS_PROXY instead"},
     {"tls-server-name", "use a server address that its certificate names"}}};
constexpr std::array<NotDone, 4> kNotDoneOfUsers = {
    {{"auth-provider", "use exec, which has replaced it since Kubernetes 1.26"},
     {"username", "use a token, a certificate or exec"},
     {"as", "sign in as that user itself"},
     {"as-groups", "sign in as a member of those groups"}}};

std::string text_of(const doc::Value& map, std::string_view key) {
  return map.string_or(key, "");
}

// A file that the kubeconfig names is relative to the kubeconfig.
std::filesystem::path file_of(const doc::Value& map, std::string_view key,
                              const std::filesystem::path& config) {
  const std::string name = text_of(map, key);
  return name.empty() ? std::filesystem::path() : config.parent_path() / name;
}

class Reader {
 public:
  Reader(const doc::Value& root, std::filesystem::path path)
      : root_(root), path_(std::move(path)) {}

  Kubeconfig read() {
    out_.current_context = text_of(root_, "current-context");
    each("clusters", "cluster", [this](const std::string& name, const doc::Value& body) {
      out_.clusters.push_back(cluster(name, body));
    });
    each("users", "user", [this](const std::string& name, const doc::Value& body) {
      out_.users.push_back(user(name, body));
    });
    each("contexts", "context", [this](const std::string& name, const doc::Value& body) {
      out_.contexts.push_back(KubeconfigContext{.name = name,
                                                .cluster = text_of(body, "cluster"),
                                                .user = text_of(body, "user"),
                                                .name_space = text_of(body, "namespace")});
    });
    return std::move(out_);
  }

 private:
  // [{name: …, <key>: {…}}, …]
  template <typename Take>
  void each(std::string_view list, std::string_view key, Take take) {
    const doc::Value* entries = root_.find(list);
    const doc::Value::Array* items = entries != nullptr ? entries->as_array() : nullptr;
    if (items == nullptr) return;
    const std::size_t count = std::min(items->size(), kMaxEntries);
    for (std::size_t i = 0; i < count; ++i) {
      const doc::Value* body = (*items)[i].find(key);
      if (body != nullptr) take(text_of((*items)[i], "name"), *body);
    }
  }

  void refuse(const std::string& subject, ErrorCode code, std::string message, std::string hint) {
    out_.refusals.emplace_back(
        subject,
        fail(code, fmt::format("{}: {} {}", path_.string(), subject, message), std::move(hint))
            .value());
  }

  template <std::size_t N>
  void refuse_what_is_not_done(const std::string& subject, const doc::Value& body,
                               const std::array<NotDone, N>& list) {
    for (const NotDone& entry : list) {
      const doc::Value* found = body.find(entry.key);
      if (found == nullptr || found->is_null()) continue;
      refuse(subject, ErrorCode::unsupported,
             fmt::format("has {}, which aphex does not do", entry.key), std::string(entry.instead));
    }
  }

  PemSource pem(const std::string& subject, const doc::Value& body, const std::string& key) {
    PemSource source;
    const std::string data = text_of(body, key + "-data");
    if (data.empty()) {
      source.file = file_of(body, key, path_);
      return source;
    }
    const auto text = from_base64(data);
    if (!text || text->empty()) {
      refuse(subject, ErrorCode::corrupt, fmt::format("has a {}-data that is no base64", key), {});
    } else {
      source.text = *text;
    }
    return source;
  }

  KubeconfigCluster cluster(const std::string& name, const doc::Value& body) {
    const std::string subject = "cluster " + name;
    refuse_what_is_not_done(subject, body, kNotDoneOfClusters);
    const doc::Value* insecure = body.find("insecure-skip-tls-verify");
    if (insecure != nullptr && insecure->as_bool() != nullptr && *insecure->as_bool()) {
      refuse(subject, ErrorCode::unsupported,
             "has insecure-skip-tls-verify, which aphex does not do",
             "name its certificate-authority instead");
    }
    return KubeconfigCluster{.name = name,
                             .server = text_of(body, "server"),
                             .authority = pem(subject, body, "certificate-authority")};
  }

  KubeconfigUser user(const std::string& name, const doc::Value& body) {
    const std::string subject = "user " + name;
    refuse_what_is_not_done(subject, body, kNotDoneOfUsers);
    KubeconfigUser user;
    user.name = name;
    user.token = text_of(body, "token");
    user.token_file = file_of(body, "tokenFile", path_);
    user.certificate = pem(subject, body, "client-certificate");
    user.key = pem(subject, body, "client-key");
    if (const doc::Value* exec = body.find("exec"); exec != nullptr && exec->is_object()) {
      user.exec = plugin(*exec);
    }
    return user;
  }

  ExecPlugin plugin(const doc::Value& body) const {
    ExecPlugin plugin;
    plugin.api_version = text_of(body, "apiVersion");
    plugin.command = text_of(body, "command");
    // With a '/' it is a path, from the kubeconfig's folder.
    if (plugin.command.find('/') != std::string::npos) {
      plugin.command = (path_.parent_path() / plugin.command).string();
    }
    const doc::Value* arguments = body.find("args");
    if (arguments != nullptr && arguments->is_array()) {
      for (const doc::Value& argument : *arguments->as_array()) {
        if (argument.is_string()) plugin.arguments.push_back(*argument.as_string());
      }
    }
    const doc::Value* variables = body.find("env");
    if (variables != nullptr && variables->is_array()) {
      for (const doc::Value& variable : *variables->as_array())
        plugin.environment.emplace_back(text_of(variable, "name"), text_of(variable, "value"));
    }
    return plugin;
  }

  const doc::Value& root_;
  const std::filesystem::path path_;
  Kubeconfig out_;
};

template <typename Entry>
void append_new(std::vector<Entry>& to, std::vector<Entry>& from) {
  for (Entry& entry : from) {
    const bool known = std::any_of(to.begin(), to.end(),
                                   [&](const Entry& other) { return other.name == entry.name; });
    if (!known) to.push_back(std::move(entry));
  }
}

template <typename Entry>
Result<Entry> find_entry(const std::vector<Entry>& entries, std::string_view what,
                         const std::string& name) {
  std::vector<std::string> names;
  for (const Entry& entry : entries) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  std::string hint;
  if (const auto meant = closest_match(name, names)) {
    hint = fmt::format("did you mean {}?", *meant);
  } else if (!names.empty()) {
    hint = fmt::format("it has {}", join(names, ", "));
  }
  return fail(ErrorCode::not_found, fmt::format("the kubeconfig has no {} '{}'", what, name),
              std::move(hint));
}

Status check_server(const KubeconfigCluster& cluster) {
  const auto url = aws::parse_url(cluster.server);
  const bool safe = url && (url->scheme == "https" || aws::is_loopback(url->host));
  if (safe && url->query.empty()) return {};
  return fail(ErrorCode::usage,
              fmt::format("the kubeconfig's cluster '{}' has no https:// address as its server",
                          cluster.name));
}

}  // namespace

Result<Kubeconfig> parse_kubeconfig(const std::filesystem::path& path, std::string text) {
  if (text.size() > kMaxBytes) {
    return fail(ErrorCode::corrupt,
                fmt::format("{} is larger than {}", path.string(), human_bytes(kMaxBytes)));
  }
  const Source source(path.string(), std::move(text));
  const doc::YamlResult read = doc::parse_yaml(source);
  if (!read.root || has_errors(read.diagnostics)) {
    const auto wrong =
        std::find_if(read.diagnostics.begin(), read.diagnostics.end(),
                     [](const Diagnostic& one) { return one.severity == Severity::error; });
    const bool known = wrong != read.diagnostics.end();
    // The text is not quoted: it holds tokens and keys.
    return fail(ErrorCode::corrupt,
                fmt::format("{}:{}: {}", path.string(), known ? wrong->span.begin.line : 1,
                            known ? wrong->message : "it is empty"));
  }
  const doc::Value root = doc::to_value(*read.root);
  return Reader(root, path).read();
}

Kubeconfig merge(std::vector<Kubeconfig> files) {
  Kubeconfig out;
  for (Kubeconfig& file : files) {
    if (out.current_context.empty()) out.current_context = std::move(file.current_context);
    for (auto& refusal : file.refusals) {
      const bool is_cluster = refusal.first.starts_with("cluster ");
      const std::string name = refusal.first.substr(refusal.first.find(' ') + 1);
      const auto named = [&](const auto& entry) { return entry.name == name; };
      const bool hidden = is_cluster ? std::any_of(out.clusters.begin(), out.clusters.end(), named)
                                     : std::any_of(out.users.begin(), out.users.end(), named);
      if (!hidden) out.refusals.push_back(std::move(refusal));
    }
    append_new(out.clusters, file.clusters);
    append_new(out.users, file.users);
    append_new(out.contexts, file.contexts);
  }
  return out;
}

Result<KubeconfigChoice> choose(const Kubeconfig& config, const std::string& context) {
  const std::string& name = context.empty() ? config.current_context : context;
  if (name.empty()) {
    return fail(ErrorCode::usage, "the kubeconfig has no current-context",
                "choose one: kubectl config use-context NAME");
  }
  KubeconfigChoice choice;
  APHEX_TRY(choice.context, find_entry(config.contexts, "context", name));
  APHEX_TRY(choice.cluster, find_entry(config.clusters, "cluster", choice.context.cluster));
  APHEX_TRY(choice.user, find_entry(config.users, "user", choice.context.user));
  for (const auto& [subject, error] : config.refusals) {
    if (subject == "cluster " + choice.cluster.name || subject == "user " + choice.user.name)
      return fail(error);
  }
  APHEX_CHECK(check_server(choice.cluster));
  return choice;
}

}  // namespace aphex::k8s
