#include "k8s/refusal.hpp"

#include <gtest/gtest.h>

namespace aphex::k8s {
namespace {

const Operation kApply{.verb = "apply",
                       .subject = "WorkflowTemplate argo/build",
                       .cluster = "dev",
                       .identity = "the IAM role arn:aws:iam::1:role/r",
                       .identity_remedy = "give it an access entry"};

Error of(int status, const std::string& body) {
  return refusal(kApply, aws::HttpResponse{.status = status, .headers = {}, .body = body});
}

// The bodies are kube-apiserver 1.34's.
TEST(Refusals, NameTheOtherManagersAndTheirFields) {
  const Error error = of(409, R"({"kind":"Status","status":"Failure","reason":"Conflict",
    "message":"Apply failed with 3 conflicts: …","code":409,"details":{"causes":[
    {"reason":"FieldManagerConflict","message":"conflict with \"argo-cd\"","field":".spec.a"},
    {"reason":"FieldManagerConflict","message":"conflict with \"argo-cd\"","field":".spec.b"},
    {"reason":"FieldManagerConflict","message":"conflict with \"kubectl\" using v1","field":".c"}
    ]}})");
  EXPECT_EQ(error.code, ErrorCode::already_exists);
  EXPECT_EQ(error.message,
            "cannot apply WorkflowTemplate argo/build in cluster dev: HTTP 409 Conflict: "
            "'argo-cd' manages .spec.a, .spec.b; 'kubectl' manages .c");
  EXPECT_EQ(error.hint,
            "take these fields out of what argo-cd and kubectl applies, or out of this object; or "
            "apply by force, which takes them over");
}

TEST(Refusals, ShortenAListOfFields) {
  std::string causes;
  for (int i = 0; i < 7; ++i) {
    causes += std::string(i > 0 ? "," : "") + R"({"reason":"FieldManagerConflict","message":)" +
              R"("conflict with \"helm\"","field":".f)" + std::to_string(i) + R"("})";
  }
  EXPECT_EQ(of(409, R"({"kind":"Status","details":{"causes":[)" + causes + "]}}").message,
            "cannot apply WorkflowTemplate argo/build in cluster dev: HTTP 409: 'helm' manages "
            ".f0, .f1, .f2, .f3, .f4 and 2 more");
}

TEST(Refusals, OfARaceAreWorthAnotherTry) {
  const Error error = of(409, R"({"kind":"Status","reason":"Conflict",
    "message":"Operation cannot be fulfilled on a: the object has been modified; …"})");
  EXPECT_EQ(error.retry, Retry::retryable);
  const Error uid = of(409, R"({"kind":"Status","reason":"Conflict",
    "message":"Operation cannot be fulfilled on secrets \"a\": uid mismatch: …"})");
  EXPECT_EQ(uid.retry, Retry::terminal);
  EXPECT_EQ(uid.code, ErrorCode::already_exists);
}

TEST(Refusals, TellAnotherObjectOfTheNameFromAWrongOne) {
  const Error uid = of(422, R"({"kind":"Status","reason":"Invalid","message":"…","details":)"
                            R"({"causes":[{"field":"metadata.uid"}]}})");
  EXPECT_EQ(uid.code, ErrorCode::already_exists);
  const Error rule = of(422, R"({"kind":"Status","reason":"Invalid","message":"spec.a: must not",)"
                             R"("details":{"causes":[{"field":"spec.a"}]}})");
  EXPECT_EQ(rule.code, ErrorCode::usage);
  EXPECT_EQ(rule.message,
            "cannot apply WorkflowTemplate argo/build in cluster dev: HTTP 422 Invalid: spec.a: "
            "must not");
}

TEST(Refusals, TellAPolicyOfTheClusterFromAMistake) {
  const Error rule =
      of(422, R"({"kind":"Status","reason":"Invalid","message":"a is forbidden: )"
              R"(ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"})");
  const Error webhook = of(403, R"({"kind":"Status","reason":"Forbidden","message":"admission )"
                                R"(webhook \"k.example.com\" denied the request: no team label"})");
  for (const Error& error : {rule, webhook}) {
    EXPECT_EQ(error.code, ErrorCode::permission);
    EXPECT_EQ(error.hint,
              "a policy of the cluster refuses the object: change what it objects to, or ask who "
              "keeps the policy");
  }
}

TEST(Refusals, NameTheMissingRight) {
  const Error error =
      of(403, R"({"kind":"Status","reason":"Forbidden","message":")"
              R"(workflowtemplates.argoproj.io \"build\" is forbidden: User \"ada\")"
              R"( cannot patch resource \"workflowtemplates\" in API group )"
              R"(\"argoproj.io\" in the namespace \"argo\"","details":)"
              R"({"name":"build","group":"argoproj.io","kind":"workflowtemplates"}})");
  EXPECT_EQ(error.code, ErrorCode::permission);
  EXPECT_EQ(error.message,
            "cannot apply WorkflowTemplate argo/build in cluster dev: HTTP 403 Forbidden: "
            "workflowtemplates.argoproj.io \"build\" is forbidden: User \"ada\" cannot patch "
            "resource \"workflowtemplates\" in API group \"argoproj.io\" in the namespace "
            "\"argo\"");
  EXPECT_EQ(error.hint,
            "grant user ada the verb patch on workflowtemplates.argoproj.io in namespace argo by "
            "a Role or ClusterRole");
}

TEST(Refusals, KnowOtherReasonsToForbid) {
  EXPECT_EQ(
      of(403,
         R"({"kind":"Status","message":"… unable to create new content in namespace a because it is being terminated"})")
          .hint,
      "wait until the namespace is gone and made anew, or choose another one");
  EXPECT_EQ(
      of(403,
         R"({"kind":"Status","message":"roles.rbac.authorization.k8s.io \"r\" is forbidden: user \"ada\" (groups=[]) is attempting to grant RBAC permissions not currently held"})")
          .hint,
      "the IAM role arn:aws:iam::1:role/r may only grant rights that it has itself: bind it "
      "to a role that holds them, or grant it the verb escalate on roles");
}

TEST(Refusals, OfStrangersSayWhoTheyAre) {
  const Error error =
      of(401, R"({"kind":"Status","reason":"Unauthorized","message":"Unauthorized"})");
  EXPECT_EQ(error.code, ErrorCode::permission);
  EXPECT_EQ(error.message,
            "cannot apply WorkflowTemplate argo/build in cluster dev: HTTP 401 Unauthorized: the "
            "cluster does not accept the token of the IAM role arn:aws:iam::1:role/r");
  EXPECT_EQ(error.hint, "give it an access entry");
}

TEST(Refusals, TellAMissingObjectFromAMissingNamespaceAndAnUnknownPath) {
  const Error object = of(404, R"({"kind":"Status","reason":"NotFound","message":
    "workflowtemplates \"build\" not found","details":{"name":"build"}})");
  EXPECT_EQ(object.code, ErrorCode::not_found);
  EXPECT_EQ(object.hint, "");
  const Error name_space = of(404, R"({"kind":"Status","reason":"NotFound","message":
    "namespaces \"argo\" not found","details":{"name":"argo","kind":"namespaces"}})");
  EXPECT_EQ(name_space.code, ErrorCode::not_found);
  EXPECT_EQ(name_space.hint, "create the namespace argo first");
  EXPECT_EQ(of(404, "404 page not found\n").code, ErrorCode::unsupported);
}

TEST(Refusals, OfTheSchemaAreFinalThoughTheServerSays500) {
  const Error error = of(
      500,
      R"({"kind":"Status","message":"failed to create typed patch object (argo/build; argoproj.io/v1alpha1, Kind=WorkflowTemplate): .spec.x: field not declared in schema","code":500})");
  EXPECT_EQ(error.code, ErrorCode::usage);
  EXPECT_EQ(error.retry, Retry::terminal);
  EXPECT_EQ(error.message,
            "cannot apply WorkflowTemplate argo/build in cluster dev: HTTP 500: it does not fit "
            "the schema of its kind: .spec.x: field not declared in schema");
  EXPECT_EQ(error.hint, "'kubectl explain workflowtemplate --recursive' shows the fields");
  EXPECT_EQ(of(500, R"({"kind":"Status","message":"etcdserver: request is too large"})").code,
            ErrorCode::usage);
  EXPECT_EQ(of(413, R"({"kind":"Status","message":"Request entity too large"})").code,
            ErrorCode::usage);
}

TEST(Refusals, OfAFailingServerAreWorthAnotherTry) {
  for (const int status : {429, 500, 502, 503, 504}) {
    const Error error = of(status, "<html>\n  no\n</html>");
    EXPECT_EQ(error.code, ErrorCode::unavailable) << status;
    EXPECT_EQ(error.retry, Retry::retryable) << status;
    EXPECT_NE(error.hint.find("kubectl get --raw /readyz"), std::string::npos) << status;
    EXPECT_NE(error.message.find(": <html> no </html>"), std::string::npos) << error.message;
  }
}

TEST(Refusals, AreBounded) {
  EXPECT_LT(of(500, std::string(1 << 20, 'x')).message.size(), 1'200U);
  EXPECT_LT(
      of(422, R"({"kind":"Status","message":")" + std::string(100'000, 'y') + "\"}").message.size(),
      1'200U);
}

TEST(Unreachable, SaysWhatToCheck) {
  const Error error =
      unreachable(kApply, fail(ErrorCode::unavailable, "no whole answer from https://a").value());
  EXPECT_EQ(describe(error),
            "cannot apply WorkflowTemplate argo/build in cluster dev: no whole answer from "
            "https://a");
  EXPECT_EQ(error.hint,
            "check that the cluster's endpoint can be reached from here: its public access, or "
            "the network that this runs in");
}

}  // namespace
}  // namespace aphex::k8s
