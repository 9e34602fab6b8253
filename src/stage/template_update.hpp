#pragma once
// The WorkflowTemplates on the cluster, brought to a commit's plan: in one step each, and never
// back to an older commit's.
//
// On the templates, beside what the generator writes:
//   aphex.dev/commit        the commit whose configuration they follow from
//   aphex.dev/commit-time   when it was committed, in seconds since 1970
// and whatever annotations and labels of ours the live object bears (aphex.dev/…): those of the
// provider of the custom resources say whose it is.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "argo/objects.hpp"
#include "engine/step.hpp"
#include "k8s/client.hpp"

namespace aphex::stage {

inline constexpr std::string_view kCommitAnnotation = "aphex.dev/commit";
inline constexpr std::string_view kCommitTimeAnnotation = "aphex.dev/commit-time";

struct TemplateCommit {
  std::string sha;
  std::int64_t time = 0;  // seconds since 1970
};

class TemplateUpdate {
 public:
  // Sets the templates' annotations. `say` is told what is done.
  TemplateUpdate(k8s::Client& client, std::vector<argo::Object> templates, TemplateCommit commit,
                 std::function<void(std::string_view)> say);

  // Whether a newer commit's template stands already: then nothing may be applied.
  Result<bool> superseded(const os::CancelToken& cancel);
  // Asks the server whether it would take each of them. Changes nothing.
  Status rehearse(const os::CancelToken& cancel);
  // The pipeline's own comes last, so that it stands unchanged where another fails.
  Result<engine::PlanStore::Change> apply(const os::CancelToken& cancel);

 private:
  struct Live;
  Result<Live> read(const argo::Object& object, const os::CancelToken& cancel);
  bool is_newer(const Live& live) const;
  bool is_yet_to_come(const argo::Object& object, const Result<Live>& live) const;
  Result<engine::PlanStore::Change> apply_one(const argo::Object& object,
                                              const os::CancelToken& cancel);

  k8s::Client& client_;
  std::vector<argo::Object> templates_;
  TemplateCommit commit_;
  std::function<void(std::string_view)> say_;
};

}  // namespace aphex::stage
