// Rules for the settings of the pipeline's own stack that name things of AWS and Kubernetes.
#include <algorithm>
#include <array>

#include "config/rules.hpp"

namespace aphex::config {
namespace {

using View = std::string_view;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower_alnum(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z');
}
bool is_alnum(char c) {
  return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

bool all_alnum_or(View text, View set) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alnum(c) || set.find(c) != View::npos;
  });
}

// Takes what stands before the next `separator`, and the separator; the whole rest without one.
View take_until(View& text, char separator) {
  const std::size_t at = text.find(separator);
  const View taken = text.substr(0, at);
  text.remove_prefix(at == View::npos ? text.size() : at + 1);
  return taken;
}

// Partitions and regions: lower-case letters, digits and '-'.
bool is_word(View text) {
  const auto allowed = [](char c) { return is_lower_alnum(c) || c == '-'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

bool is_account(View text) {
  return text.size() == 12 && std::all_of(text.begin(), text.end(), is_digit);
}

// arn:partition:service:region:account:resource, cut at its colons.
struct Arn {
  View region, account, resource;
};

// Of this service; the resource's characters are those of IAM paths and KMS ids.
std::optional<Arn> arn_of(View text, View service) {
  if (take_until(text, ':') != "arn" || !is_word(take_until(text, ':')) ||
      take_until(text, ':') != service) {
    return std::nullopt;
  }
  Arn arn;
  arn.region = take_until(text, ':');
  arn.account = take_until(text, ':');
  arn.resource = text;
  if (!all_alnum_or(arn.resource, "/_+=,.@:-")) return std::nullopt;
  return arn;
}

bool names(View resource, View kind) {
  return resource.size() > kind.size() && resource.starts_with(kind);
}

bool is_annotation_value(View text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// Of any service; nothing is asked of the resource but that it is there.
bool is_arn(View text) {
  const bool begins = take_until(text, ':') == "arn" && is_word(take_until(text, ':')) &&
                      is_word(take_until(text, ':'));
  const View region = take_until(text, ':');
  const View account = take_until(text, ':');
  return begins && (region.empty() || is_word(region)) && account.size() <= 12 &&
         std::all_of(account.begin(), account.end(), is_digit) && !text.empty() &&
         is_annotation_value(text);
}

bool is_role_arn(View text) {
  const auto arn = arn_of(text, "iam");
  return arn && arn->region.empty() && is_account(arn->account) && names(arn->resource, "role/");
}

bool is_policy_arn(View text) {
  const auto arn = arn_of(text, "iam");
  return arn && arn->region.empty() && (is_account(arn->account) || arn->account == "aws") &&
         names(arn->resource, "policy/");
}

bool is_oidc_provider_arn(View text) {
  const auto arn = arn_of(text, "iam");
  return arn && arn->region.empty() && is_account(arn->account) &&
         names(arn->resource, "oidc-provider/");
}

bool is_regional(View text, View service, View kind) {
  const auto arn = arn_of(text, service);
  return arn && is_word(arn->region) && is_account(arn->account) && names(arn->resource, kind);
}

bool is_key_arn(View text) {
  return is_regional(text, "kms", "key/");
}
bool is_certificate_arn(View text) {
  return is_regional(text, "acm", "certificate/");
}
bool is_topic_arn(View text) {
  const auto arn = arn_of(text, "sns");
  return arn && is_word(arn->region) && is_account(arn->account) &&
         all_alnum_or(arn->resource, "_-");
}

// With or without https://; a host, then a path of plain segments.
bool is_issuer(View text) {
  constexpr View kScheme = "https://";
  if (text.starts_with(kScheme)) text.remove_prefix(kScheme.size());
  const View host = take_until(text, '/');
  const auto allowed = [](char c) { return is_lower_alnum(c) || c == '.' || c == '-'; };
  return host.find('.') != View::npos && std::all_of(host.begin(), host.end(), allowed) &&
         is_lower_alnum(host.front()) && is_lower_alnum(host.back()) &&
         (text.empty() || (all_alnum_or(text, "/_.-") && is_alnum(text.back())));
}

bool is_stack_name(View text) {
  return all_alnum_or(text, "-") && !is_digit(text.front()) && text.front() != '-';
}
bool is_role_name(View text) {
  return all_alnum_or(text, "_+=,.@-");
}
bool is_tag_value(View text) {
  return all_alnum_or(text, " _.:/=+@-") && text.front() != ' ' && text.back() != ' ';
}

// A key of a label or an annotation: a name, before it perhaps a host name and '/'.
bool is_annotation_key(View text) {
  if (text.find('/') != View::npos) {
    const View prefix = take_until(text, '/');
    const auto allowed = [](char c) { return is_lower_alnum(c) || c == '.' || c == '-'; };
    if (prefix.empty() || !std::all_of(prefix.begin(), prefix.end(), allowed) ||
        !is_lower_alnum(prefix.front()) || !is_lower_alnum(prefix.back())) {
      return false;
    }
  }
  return text.size() <= 63 && all_alnum_or(text, "_.-") && is_alnum(text.front()) &&
         is_alnum(text.back());
}

// https://host[:port], without a path.
bool is_server_url(View text) {
  for (const View scheme : {View("https://"), View("http://")}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    const View host = take_until(text, ':');
    const auto allowed = [](char c) { return is_lower_alnum(c) || c == '.' || c == '-'; };
    const bool host_ok = !host.empty() && std::all_of(host.begin(), host.end(), allowed) &&
                         is_lower_alnum(host.front()) && is_lower_alnum(host.back());
    const bool colon = host.data() + host.size() != text.data() + text.size();
    return host_ok && (!colon || (!text.empty() && text.size() <= 5 &&
                                  std::all_of(text.begin(), text.end(), is_digit)));
  }
  return false;
}

bool is_url_path(View text) {
  return text.starts_with('/') && (text.size() == 1 || all_alnum_or(text, "/_.~-"));
}

// A Kubernetes quantity: digits, perhaps a fraction, perhaps a suffix.
bool is_quantity(View text) {
  const auto digits = [&] {
    std::size_t count = 0;
    while (!text.empty() && is_digit(text.front())) {
      text.remove_prefix(1);
      ++count;
    }
    return count;
  };
  if (digits() == 0) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  constexpr std::array<View, 13> kSuffixes{"",   "m",  "k",  "M",  "G",  "T", "P",
                                           "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  return std::find(kSuffixes.begin(), kSuffixes.end(), text) != kSuffixes.end();
}

constexpr std::array<View, 3> kPullRequests{"ignore", "validate", "build"};
constexpr std::array<View, 2> kForks{"ignore", "accept"};
constexpr std::array<View, 1> kServerExamples{"https://hooks.example.com"};
constexpr std::array<View, 1> kUrlPathExamples{"/archon-agent"};
constexpr std::array<View, 3> kQuantityExamples{"500m", "2", "4Gi"};
constexpr std::array<View, 1> kRoleExamples{"arn:aws:iam::123456789012:role/deployer"};
constexpr std::array<View, 1> kPolicyExamples{"arn:aws:iam::123456789012:policy/boundary"};
constexpr std::array<View, 1> kProviderExamples{
    "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/0123ABCD"};
constexpr std::array<View, 1> kIssuerExamples{"oidc.eks.us-east-1.amazonaws.com/id/0123ABCD"};
constexpr std::array<View, 1> kKeyExamples{
    "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"};
constexpr std::array<View, 1> kTopicExamples{"arn:aws:sns:us-east-1:123456789012:alarms"};
constexpr std::array<View, 1> kCertificateExamples{
    "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"};
constexpr std::array<View, 1> kAnnotationExamples{"alb.ingress.kubernetes.io/scheme"};

}  // namespace

namespace rules {

const TextRule arn{RuleId::other, "an ARN",
                   "^arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]{0,12}:[^\\u0000-\\u001f\\u007f]+$",
                   is_arn, 2048};
const TextRule role_arn{RuleId::other,
                        "the ARN of an IAM role",
                        "^arn:[a-z0-9-]+:iam::[0-9]{12}:role/[A-Za-z0-9/_+=,.@:-]+$",
                        is_role_arn,
                        2048,
                        {},
                        kRoleExamples};
const TextRule policy_arn{RuleId::other,
                          "the ARN of an IAM policy",
                          "^arn:[a-z0-9-]+:iam::([0-9]{12}|aws):policy/[A-Za-z0-9/_+=,.@:-]+$",
                          is_policy_arn,
                          2048,
                          {},
                          kPolicyExamples};
const TextRule oidc_provider_arn{
    RuleId::other,
    "the ARN of an OIDC provider of IAM",
    "^arn:[a-z0-9-]+:iam::[0-9]{12}:oidc-provider/[A-Za-z0-9/_+=,.@:-]+$",
    is_oidc_provider_arn,
    2048,
    {},
    kProviderExamples};
const TextRule oidc_issuer{RuleId::other,
                           "the issuer of a cluster's tokens: a host name with a path",
                           "^(https://)?(?=[a-z0-9-]*\\.)[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
                           "(/([A-Za-z0-9/_.-]*[A-Za-z0-9])?)?$",
                           is_issuer,
                           255,
                           {},
                           kIssuerExamples};
const TextRule key_arn{RuleId::other,
                       "the ARN of a KMS key",
                       "^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9/_+=,.@:-]+$",
                       is_key_arn,
                       2048,
                       {},
                       kKeyExamples};
const TextRule topic_arn{RuleId::other,
                         "the ARN of an SNS topic",
                         "^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$",
                         is_topic_arn,
                         2048,
                         {},
                         kTopicExamples};
const TextRule certificate_arn{
    RuleId::other,
    "the ARN of a certificate in ACM",
    "^arn:[a-z0-9-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9/_+=,.@:-]+$",
    is_certificate_arn,
    2048,
    {},
    kCertificateExamples};
const TextRule cloudformation_stack{RuleId::other,
                                    "at most 128 letters, digits and '-', the first a letter",
                                    "^[A-Za-z][A-Za-z0-9-]*$", is_stack_name, 128};
const TextRule role_name{RuleId::other,
                         "at most 64 letters, digits and '_', '+', '=', ',', '.', "
                         "'@', '-'",
                         "^[A-Za-z0-9_+=,.@-]+$", is_role_name, 64};
const TextRule tag_value{RuleId::other,
                         "at most 256 letters, digits, spaces and '_', '.', ':', '/', '=', '+', "
                         "'@', '-', the ends no space",
                         "^(?! )[A-Za-z0-9 _.:/=+@-]*[A-Za-z0-9_.:/=+@-]$", is_tag_value, 256};
const TextRule annotation_key{
    RuleId::other,
    "a key of a Kubernetes annotation",
    "^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$",
    is_annotation_key,
    253,
    {},
    kAnnotationExamples};
const TextRule annotation_value{RuleId::other, "a text without control characters",
                                "^[^\\u0000-\\u001f\\u007f]*$", is_annotation_value, 4096};

const TextRule server_url{RuleId::other,
                          "http:// or https://, a host name and perhaps a port",
                          "^https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$",
                          is_server_url,
                          512,
                          {},
                          kServerExamples};
const TextRule url_path{
    RuleId::other,   "the path of a URL, '/' first", "^/[A-Za-z0-9/_.~-]*$", is_url_path, 255, {},
    kUrlPathExamples};
const TextRule quantity{RuleId::other,
                        "a Kubernetes quantity",
                        "^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi|Ei)?$",
                        is_quantity,
                        32,
                        {},
                        kQuantityExamples};
const TextRule pull_requests{RuleId::choice, "ignore, validate or build", {}, nullptr, 0,
                             kPullRequests};
const TextRule forks{RuleId::choice, "ignore or accept", {}, nullptr, 0, kForks};

}  // namespace rules
}  // namespace aphex::config
