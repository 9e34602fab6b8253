// Outputs: the merged file, the CLI's file, the variables for tests.
#include "engine/outputs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/files.hpp"

namespace aphex::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(Outputs, ReadBackAsWrittenInTheOrderOfTheFile) {
  const Outputs outputs{{"Web", {{"Url", "https://example.com/?a=\"b\""}}}, {"Empty", {}}};
  EXPECT_EQ(outputs_json(outputs),
            "{\n  \"Web\": {\n    \"Url\": \"https://example.com/?a=\\\"b\\\"\"\n  },\n"
            "  \"Empty\": {}\n}\n");
  const auto read = parse_outputs(outputs_json(outputs), "outputs.json");
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(*read, outputs);
}

TEST(Outputs, RefuseWhatIsNoObjectOfStacks) {
  EXPECT_EQ(parse_outputs("[]", "dev.json").error().message,
            "dev.json: outputs are an object of stacks");
  EXPECT_EQ(parse_outputs(R"({"Web": 1})", "dev.json").error().message,
            "dev.json: Web is no object");
}

TEST(OutputVariables, AreUpperCaseWithUnderscores) {
  const auto variables =
      output_variables(Outputs{{"Dev/Api-stack", {{"QueueUrl", "https://q"}, {"é", "x"}}}});
  EXPECT_THAT(variables.variables,
              ElementsAre(Pair("APHEX_OUTPUT_DEV_API_STACK_QUEUEURL", "https://q"),
                          Pair("APHEX_OUTPUT_DEV_API_STACK___", "x")));
  EXPECT_THAT(variables.notes, IsEmpty());
}

TEST(OutputVariables, SayWhereTwoOutputsShareOneAndKeepTheLater) {
  const auto variables =
      output_variables(Outputs{{"Api", {{"Url", "first"}}}, {"API", {{"url", "second"}}}});
  EXPECT_THAT(variables.variables, ElementsAre(Pair("APHEX_OUTPUT_API_URL", "second")));
  EXPECT_THAT(variables.notes, ElementsAre("Api.Url and API.url share the variable "
                                           "APHEX_OUTPUT_API_URL; it holds API.url"));
}

TEST(OutputVariables, AreBoundedByWhatAProcessCanTake) {
  Outputs outputs;
  for (int i = 0; i < 1200; ++i)
    outputs.push_back({"S" + std::to_string(i), {{"K", std::string(1024, 'v')}}});
  const auto variables = output_variables(outputs);
  EXPECT_LT(variables.variables.size(), 1200U);
  ASSERT_EQ(variables.notes.size(), 1U);
}

TEST(CdkOutputs, AreTakenByThePhysicalName) {
  auto directory =
      os::TemporaryDirectory::create(std::filesystem::temp_directory_path(), "aphex-outputs-");
  ASSERT_TRUE(directory);
  const auto file = directory->path() / "out.json";
  ASSERT_TRUE(os::write_file_atomic(file, R"({"acme-api": {"Url": "https://a"}})"));
  EXPECT_THAT(*read_cdk_outputs(file, "acme-api"), ElementsAre(Pair("Url", "https://a")));
  EXPECT_THAT(*read_cdk_outputs(file, "other"), IsEmpty());
  EXPECT_EQ(read_cdk_outputs(directory->path() / "none.json", "x").error().code,
            ErrorCode::not_found);
}

TEST(CdkOutputs, HaveOneFileAStack) {
  const RunPaths paths{.root = "/runs/7"};
  EXPECT_EQ(stack_outputs_file(paths, "dev", "Dev/Api"), "/runs/7/outputs/dev.stacks/Dev-Api.json");
  EXPECT_EQ(file_name_for(".."), "-..");
  EXPECT_EQ(outputs_key("abc", "dev"), "abc/outputs/dev.json");
}

}  // namespace
}  // namespace aphex::engine
