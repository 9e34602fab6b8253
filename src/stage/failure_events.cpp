#include "stage/failure_events.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace aphex::stage {

Result<std::vector<std::string>> keep_failure_events(const FailureEvents& events,
                                                     const os::CancelToken& cancel) {
  std::vector<std::filesystem::path> files;
  std::error_code none_is_fine;
  for (const auto& entry :
       std::filesystem::directory_iterator(events.paths.events(events.environment), none_is_fine)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> kept;
  for (const std::filesystem::path& file : files) {
    const std::string key = fmt::format("{}/events/{}/{}", events.commit_sha, events.environment,
                                        file.filename().string());
    APHEX_TRY([[maybe_unused]] const store::BlobInfo put,
              events.artifacts.put_file(key, file, cancel));
    kept.push_back(events.artifacts.location() + "/" + key);
  }
  return kept;
}

}  // namespace aphex::stage
