#include "provider/handler.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "provider/fake_world.hpp"

namespace aphex::provider {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kStack = "arn:aws:cloudformation:us-east-1:111122223333:stack/S/uuid-1";
constexpr const char* kOwner = "cloudformation/111122223333/us-east-1/S";
constexpr const char* kId = "dev/v1/Secret/argo/token";

Error error_of(ErrorCode code, std::string message) {
  return fail(code, std::move(message)).value();
}

class Handling : public testing::Test {
 protected:
  static doc::Value manifest(const std::string& name = "token",
                             const std::string& kind = "Secret") {
    return doc::Value::object(
        {{"apiVersion", "v1"},
         {"kind", kind},
         {"metadata", doc::Value::object({{"name", name}, {"namespace", "argo"}})}});
  }

  static doc::Value properties(const doc::Value& object = manifest()) {
    return doc::Value::object({{"ServiceToken", "arn"},
                               {"ClusterName", "dev"},
                               {"Pipeline", "archon"},
                               {"Manifest", doc::to_json(object)}});
  }

  static Event event(RequestType type, doc::Value with = properties(),
                     const std::string& id = kId) {
    Event out;
    out.envelope = Envelope{.type = type,
                            .response_url = "http://localhost/a",
                            .stack_id = kStack,
                            .request_id = "request-1",
                            .logical_id = "Token",
                            .resource_type = "Custom::AphexKubernetesObject",
                            .physical_id = type == RequestType::create ? "" : id};
    out.properties = std::move(with);
    out.old_properties = properties();
    return out;
  }

  Answer run(const Event& what, const os::CancelToken& cancel = {}) {
    EventLog log(clock);
    Progress progress(id_before_work(what.envelope));
    testing::internal::CaptureStdout();
    const Answer answer =
        handle(HandlerContext{.world = world,
                              .log = log,
                              .clock = clock,
                              .wait_until = clock.steady() + std::chrono::minutes(1)},
               what, progress, cancel);
    printed = testing::internal::GetCapturedStdout();
    return answer;
  }

  // An object that somebody else has made.
  void there_is(const std::string& id, doc::Value annotations) {
    doc::Value object = manifest();
    object.set("metadata", doc::Value::object({{"name", "token"},
                                               {"namespace", "argo"},
                                               {"uid", "theirs"},
                                               {"resourceVersion", "7"},
                                               {"annotations", std::move(annotations)}}));
    world.cluster.objects[id] = std::move(object);
  }

  os::FakeClock clock;
  FakeWorld world;
  std::string printed;
};

TEST_F(Handling, CreateAppliesTheObjectWithTheMarksOfItsOwner) {
  const Answer answer = run(event(RequestType::create));
  EXPECT_EQ(answer.verdict, Verdict::success) << answer.reason;
  EXPECT_EQ(answer.physical_id, kId);
  const doc::Value& live = world.cluster.objects.at(kId);
  EXPECT_EQ(*live.find({"metadata", "annotations", "aphex.dev/owner"}), doc::Value(kOwner));
  EXPECT_EQ(*live.find({"metadata", "annotations", "aphex.dev/resource"}), doc::Value("Token"));
  EXPECT_EQ(*live.find({"metadata", "labels", "aphex.dev/pipeline"}), doc::Value("archon"));
  EXPECT_EQ(*live.find({"metadata", "labels", "app.kubernetes.io/managed-by"}),
            doc::Value("aphex"));
}

TEST_F(Handling, ASecondCreateFindsItsWorkDone) {
  run(event(RequestType::create));
  const Answer again = run(event(RequestType::create));
  EXPECT_EQ(again.verdict, Verdict::success);
  EXPECT_THAT(printed, HasSubstr("\"event\":\"unchanged\""));
}

TEST_F(Handling, CreateTakesNothingOver) {
  there_is(kId, doc::Value::object());
  const Answer answer = run(event(RequestType::create));
  EXPECT_EQ(answer.verdict, Verdict::failed);
  EXPECT_EQ(answer.physical_id, "aphex:nothing-created:request-1");
  EXPECT_EQ(answer.reason,
            "Secret argo/token in cluster dev exists and bears no owner's mark; "
            "cloudformation/111122223333/us-east-1/S does not take it over; delete it, choose "
            "another name, or annotate it with "
            "aphex.dev/owner=cloudformation/111122223333/us-east-1/S");
  EXPECT_THAT(world.cluster.calls, ElementsAre(std::string("get ") + kId));
}

TEST_F(Handling, TwoResourcesOfAStackCannotDescribeOneObject) {
  there_is(kId, doc::Value::object({{"aphex.dev/owner", kOwner}, {"aphex.dev/resource", "Other"}}));
  const Answer answer = run(event(RequestType::create));
  EXPECT_EQ(answer.verdict, Verdict::failed);
  EXPECT_THAT(answer.reason, HasSubstr("(resource Other) of the same stack; two resources cannot"));
  EXPECT_EQ(run(event(RequestType::remove)).verdict, Verdict::success);
  EXPECT_TRUE(world.cluster.objects.contains(kId));
}

TEST_F(Handling, ACreateThatWasRefusedLeavesNothingForItsRollback) {
  world.cluster.apply_error = error_of(ErrorCode::permission, "forbidden");
  const Answer created = run(event(RequestType::create));
  EXPECT_EQ(created.physical_id, "aphex:nothing-created:request-1");
  world.cluster.calls.clear();
  const Answer removed = run(event(RequestType::remove, properties(), created.physical_id));
  EXPECT_EQ(removed.verdict, Verdict::success);
  EXPECT_THAT(world.cluster.calls, ElementsAre());
}

TEST_F(Handling, WaitsForRightsThatAreNew) {
  world.connect_error = error_of(ErrorCode::permission, "AccessDenied");
  const auto begin = clock.steady();
  EXPECT_EQ(run(event(RequestType::create)).reason, "AccessDenied");
  EXPECT_GT(world.connected.size(), 3U);
  EXPECT_LE(clock.steady() - begin, std::chrono::seconds(20));

  world.connect_error.reset();
  world.cluster.apply_error = error_of(ErrorCode::permission, "forbidden");
  world.cluster.on_call = [&](const std::string& call) {
    if (call.starts_with("apply") && world.cluster.calls.size() > 4)
      world.cluster.apply_error.reset();
  };
  EXPECT_EQ(run(event(RequestType::create)).verdict, Verdict::success);
}

TEST_F(Handling, BelievesEveryOtherErrorAndEveryRefusalOfADeleteAtOnce) {
  world.connect_error = error_of(ErrorCode::usage, "wrong");
  EXPECT_EQ(run(event(RequestType::update)).reason, "wrong");
  world.connect_error = error_of(ErrorCode::permission, "AccessDenied");
  EXPECT_EQ(run(event(RequestType::remove)).verdict, Verdict::failed);
  EXPECT_EQ(world.connected.size(), 2U);
}

TEST_F(Handling, UpdateHoldsForTheObjectThatWasLookedAt) {
  run(event(RequestType::create));
  world.cluster.on_call = [&](const std::string& call) {
    if (call.starts_with("apply")) world.cluster.objects.clear();
  };
  EXPECT_EQ(run(event(RequestType::update)).reason,
            "Secret argo/token in cluster dev has another uid");
}

TEST_F(Handling, TheRollbackOfARefusedUpdateFindsTheObjectAsItWas) {
  const doc::Value before = properties(manifest("token", "ConfigMap"));
  doc::Value changed = manifest("token", "ConfigMap");
  changed.set("data", doc::Value::object({{"a", "1"}}));
  const std::string id = "dev/v1/ConfigMap/argo/token";
  run(event(RequestType::create, before));
  const doc::Value live = world.cluster.objects.at(id);
  world.cluster.apply_error = error_of(ErrorCode::already_exists, "'argo-cd' manages .data.a");
  EXPECT_EQ(run(event(RequestType::update, properties(changed), id)).reason,
            "'argo-cd' manages .data.a");
  Event rollback = event(RequestType::update, before, id);
  rollback.old_properties = properties(changed);
  const Answer back = run(rollback);
  EXPECT_EQ(back.verdict, Verdict::success) << back.reason;
  EXPECT_EQ(back.physical_id, id);
  EXPECT_THAT(printed, HasSubstr("\"event\":\"left alone\""));
  EXPECT_EQ(world.cluster.objects.at(id), live);
}

TEST_F(Handling, TheRollbackOfARefusedUpdateOfASecretFindsItAsItWas) {
  world.secrets["github"] = "value";
  const auto with_value = [](doc::Value object) {
    doc::Value with = properties(std::move(object));
    with.set("SecretValues",
             doc::Value::array({doc::Value::object({{"Key", "token"}, {"Secret", "github"}})}));
    return with;
  };
  const doc::Value before = with_value(manifest("token"));
  doc::Value changed = manifest("token");
  changed.set("type", "Opaque");
  run(event(RequestType::create, before));
  const doc::Value live = world.cluster.objects.at(kId);
  world.cluster.apply_error = error_of(ErrorCode::already_exists, "'argo-cd' manages .data.token");
  EXPECT_EQ(run(event(RequestType::update, with_value(changed))).verdict, Verdict::failed);
  Event rollback = event(RequestType::update, before);
  rollback.old_properties = with_value(changed);
  EXPECT_EQ(run(rollback).verdict, Verdict::success);
  EXPECT_EQ(world.cluster.objects.at(kId), live);
}

TEST_F(Handling, ARefusedNewValueOfASecretIsNotTakenForARollback) {
  world.secrets["github"] = "value";
  doc::Value with = properties();
  with.set("SecretValues",
           doc::Value::array({doc::Value::object({{"Key", "token"}, {"Secret", "github"}})}));
  run(event(RequestType::create, with));
  world.cluster.apply_error = error_of(ErrorCode::already_exists, "'argo-cd' manages .data.token");
  Event rotated = event(RequestType::update, with);
  rotated.old_properties = with;
  EXPECT_EQ(run(rotated).verdict, Verdict::failed);
}

TEST_F(Handling, ACreateWhoseOutcomeIsUnknownIsDeletedByItsRollback) {
  world.cluster.apply_error = error_of(ErrorCode::unavailable, "the connection broke");
  EXPECT_EQ(run(event(RequestType::create)).physical_id, kId);
}

TEST_F(Handling, UpdateOfTheSameObjectChangesNothing) {
  run(event(RequestType::create));
  const doc::Value before = world.cluster.objects.at(kId);
  EXPECT_EQ(run(event(RequestType::update)).verdict, Verdict::success);
  EXPECT_EQ(world.cluster.objects.at(kId), before);
}

TEST_F(Handling, ARenamedObjectIsANewOne) {
  run(event(RequestType::create));
  const Answer answer = run(event(RequestType::update, properties(manifest("other"))));
  EXPECT_EQ(answer.physical_id, "dev/v1/Secret/argo/other");
  EXPECT_EQ(world.cluster.objects.size(), 2U);
}

TEST_F(Handling, AFailedReplacementIsTakenBackAndKeepsTheOldId) {
  run(event(RequestType::create));
  doc::Value with = properties(manifest("web", "Service"));
  with.set("WaitFor", "LoadBalancer");
  const Answer answer = run(event(RequestType::update, with));
  EXPECT_EQ(answer.verdict, Verdict::failed);
  EXPECT_EQ(answer.physical_id, kId);
  EXPECT_THAT(answer.reason, HasSubstr("s while waiting for the load balancer of Service argo/web "
                                       "in cluster dev; 'kubectl -n argo describe service web' "
                                       "shows why it has no address"));
  EXPECT_FALSE(world.cluster.objects.contains("dev/v1/Service/argo/web"));
}

TEST_F(Handling, AClusterOfTheSameNameInAnotherRegionIsAnotherOne) {
  doc::Value with = properties();
  with.set("Region", "eu-west-1");
  const Answer answer = run(event(RequestType::update, with));
  EXPECT_EQ(answer.reason,
            "Token: cluster dev cannot move from region us-east-1 to eu-west-1; give the resource "
            "another logical id as well: the object is then made anew there");
}

TEST_F(Handling, DeleteLeavesAloneWhatIsNotOurs) {
  there_is(kId, doc::Value::object({{"aphex.dev/owner", "cloudformation/1/eu-west-1/Other"}}));
  const Answer answer = run(event(RequestType::remove));
  EXPECT_EQ(answer.verdict, Verdict::success);
  EXPECT_THAT(answer.reason, HasSubstr("was left alone: it belongs to cloudformation/1/"));
  EXPECT_TRUE(world.cluster.objects.contains(kId));
}

TEST_F(Handling, DeleteOfWhatIsGoneSucceeds) {
  EXPECT_EQ(run(event(RequestType::remove)).verdict, Verdict::success);
  world.cluster.get_error = error_of(ErrorCode::unsupported, "no such kind");
  EXPECT_EQ(run(event(RequestType::remove)).verdict, Verdict::success);
  world.connect_error = error_of(ErrorCode::not_found, "no such cluster");
  EXPECT_EQ(run(event(RequestType::remove)).verdict, Verdict::success);
  EXPECT_EQ(run(event(RequestType::remove, properties(), "no id of ours")).verdict,
            Verdict::success);
}

TEST_F(Handling, DeleteNeedsNoPropertyButThoseOfTheCluster) {
  run(event(RequestType::create));
  const doc::Value little = doc::Value::object({{"Region", "eu-west-1"}, {"Old", "1"}});
  EXPECT_EQ(run(event(RequestType::remove, little)).verdict, Verdict::success);
  EXPECT_TRUE(world.cluster.objects.empty());
  EXPECT_EQ(world.connected.back().cluster, "dev");
  EXPECT_EQ(world.connected.back().region, "eu-west-1");
}

TEST_F(Handling, AFailedDeleteSaysWhatToDo) {
  world.connect_error = error_of(ErrorCode::permission, "AccessDenied");
  EXPECT_EQ(run(event(RequestType::remove)).reason,
            "AccessDenied; Secret argo/token in cluster dev may still be there: mend this and "
            "delete the stack again, or delete the object yourself and let CloudFormation retain "
            "the resource");
}

TEST_F(Handling, DeleteWaitsForFinalizersAndNamesThem) {
  run(event(RequestType::create));
  const doc::Value kept = world.cluster.objects.at(kId);
  world.cluster.on_call = [&](const std::string& call) {
    doc::Value object = kept;
    doc::Value metadata = *object.find("metadata");
    metadata.set("finalizers", doc::Value::strings({"example.com/wait"}));
    object.set("metadata", metadata);
    if (call.starts_with("get")) world.cluster.objects[kId] = object;
  };
  const Answer answer = run(event(RequestType::remove));
  EXPECT_EQ(answer.verdict, Verdict::failed);
  EXPECT_THAT(answer.reason, HasSubstr("is marked as deleted, but still there: its finalizers are "
                                       "not done: example.com/wait"));
}

TEST_F(Handling, WaitsForTheHostNameOfALoadBalancer) {
  doc::Value with = properties(manifest("web", "Service"));
  with.set("WaitFor", "LoadBalancer");
  const std::string id = "dev/v1/Service/argo/web";
  int looks = 0;
  world.cluster.on_call = [&](const std::string& call) {
    if (call.starts_with("get") && ++looks == 3) {
      const doc::Value one = doc::Value::object({{"hostname", "lb.example.com"}});
      const doc::Value list = doc::Value::object({{"ingress", doc::Value::array({one})}});
      world.cluster.objects[id].set("status", doc::Value::object({{"loadBalancer", list}}));
    }
  };
  const Answer answer = run(event(RequestType::create, with));
  ASSERT_EQ(answer.verdict, Verdict::success) << answer.reason;
  EXPECT_EQ(answer.data.back(),
            std::make_pair(std::string("Hostname"), std::string("lb.example.com")));
}

TEST_F(Handling, ASecretsValueIsInTheObjectAndNowhereElse) {
  world.secrets["arn:secret"] = "hunter2-of-github";
  world.cluster.apply_error = error_of(
      ErrorCode::usage, "Invalid value: \"hunter2-of-github\" or aHVudGVyMi1vZi1naXRodWI=");
  doc::Value with = properties();
  with.set("SecretValues",
           doc::Value::array({doc::Value::object({{"Key", "token"}, {"Secret", "arn:secret"}})}));
  const Answer refused = run(event(RequestType::create, with));
  EXPECT_EQ(refused.reason, "Invalid value: \"***\" or ***");
  EXPECT_THAT(printed, Not(HasSubstr("hunter2")));
  world.cluster.apply_error.reset();
  EXPECT_EQ(run(event(RequestType::create, with)).verdict, Verdict::success);
  EXPECT_EQ(*world.cluster.objects.at(kId).find({"data", "token"}),
            doc::Value("aHVudGVyMi1vZi1naXRodWI="));
}

TEST_F(Handling, SaysWhatItWasDoingWhenTimeIsUp) {
  os::CancelSource source;
  world.cluster.on_call = [&](const std::string& call) {
    if (call.starts_with("apply")) source.cancel("timed out after 9.0 s");
  };
  const Answer answer = run(event(RequestType::create), source.token());
  EXPECT_EQ(answer.reason,
            "timed out after 9.0 s while applying Secret argo/token in cluster dev; the object may "
            "have been written; deploy again");
  EXPECT_EQ(answer.physical_id, kId);
}

}  // namespace
}  // namespace aphex::provider
