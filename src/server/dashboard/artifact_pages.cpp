// A run's artifacts: what there is, and the files themselves.
#include <fmt/format.h>

#include "base/text.hpp"
#include "os/files.hpp"
#include "server/dashboard/artifact_list.hpp"
#include "server/dashboard/query.hpp"
#include "server/http/file_answer.hpp"
#include "server/pages.hpp"

namespace aphex::server {
namespace {

// What is brought from S3 to be sent on, and removed when it was.
std::filesystem::path scratch(const Site& site) {
  return site.paths.root / "server" / "tmp";
}

Result<store::RunRecord> run_of(const Exchange& exchange) {
  const std::optional<std::int64_t> id = number_of(exchange.parts.front());
  if (!id)
    return fail(ErrorCode::not_found, fmt::format("there is no run {}", exchange.parts.front()));
  return exchange.site.runs.run(*id);
}

Result<HttpResponse> show(const Exchange& exchange) {
  APHEX_TRY(const store::RunRecord run, run_of(exchange));
  APHEX_TRY(engine::ArtifactPlace place,
            engine::artifacts_of(run, exchange.site.runs, exchange.site.paths,
                                 exchange.site.environment));
  APHEX_TRY(const View artifacts, artifact_list(exchange.site, run, place));
  View values;
  values.set("run", std::to_string(run.id));
  values.set("list", render(pages::kArtifactList, artifacts));
  return page(exchange, {fmt::format("Artifacts of run {}", run.id), "overview"}, pages::kArtifacts,
              values);
}

Result<HttpResponse> send(const Exchange& exchange) {
  APHEX_TRY(const store::RunRecord run, run_of(exchange));
  APHEX_TRY(engine::ArtifactPlace place,
            engine::artifacts_of(run, exchange.site.runs, exchange.site.paths,
                                 exchange.site.environment));
  const std::string key = percent_decode(exchange.parts.back());
  APHEX_TRY(const std::optional<engine::ArtifactManifest> manifest,
            engine::read_manifest(place, scratch(exchange.site), os::CancelToken()));
  // Only what the manifest names: keys are not a way into the store.
  const store::BlobInfo* named = manifest ? manifest->find(key) : nullptr;
  if (named == nullptr)
    return fail(ErrorCode::not_found, fmt::format("run {} has no artifact {}", run.id, key));
  const std::string whole_key = place.prefix + "/" + key;
  SentFile file;
  file.content_type = "application/gzip";
  file.tag = named->sha256;
  file.download_name =
      fmt::format("{}-{}", run.commit_sha.substr(0, kShortCommit), replace_all(key, "/", "-"));
  constexpr std::string_view kScheme = "file://";
  const std::string location = place.store().location();
  if (place.on_machine && location.starts_with(kScheme)) {
    file.path = std::filesystem::path(location.substr(kScheme.size())) / whole_key;
    return file_answer(exchange.request, std::move(file));
  }
  APHEX_CHECK(os::make_directories(scratch(exchange.site)));
  APHEX_TRY(os::TemporaryDirectory directory,
            os::TemporaryDirectory::create(scratch(exchange.site), "artifact-"));
  auto keep = std::make_shared<os::TemporaryDirectory>(std::move(directory));
  file.path = keep->path() / "artifact";
  file.keep = keep;
  APHEX_TRY([[maybe_unused]] const store::BlobInfo got,
            place.store().get_file(whole_key, file.path, os::CancelToken()));
  return file_answer(exchange.request, std::move(file));
}

HttpResponse show_artifacts(const Exchange& exchange) {
  return or_problem(show(exchange));
}

HttpResponse send_artifact(const Exchange& exchange) {
  return or_problem(send(exchange));
}

constexpr Route kRoutes[] = {
    {"GET", "/runs/{}/artifacts", Access::read, show_artifacts},
    {"GET", "/runs/{}/artifacts/*", Access::read, send_artifact},
};

}  // namespace

Result<View> artifact_list(Site& site, const store::RunRecord& run, engine::ArtifactPlace& place) {
  APHEX_TRY(const std::optional<engine::ArtifactManifest> manifest,
            engine::read_manifest(place, scratch(site), os::CancelToken()));
  View rows = list();
  std::uint64_t total = 0;
  if (manifest) {
    for (const store::BlobInfo& file : manifest->files) {
      View row;
      row.set("key", file.key);
      row.set("size", human_bytes(file.size_bytes));
      row.set("sha", file.sha256.substr(0, kShortCommit));
      std::string path;
      for (const std::string& part : split(file.key, '/'))
        path += "/" + percent_encode(part);
      row.set("link", fmt::format("/runs/{}/artifacts{}", run.id, path));
      rows.push_back(row);
      total += file.size_bytes;
    }
  }
  View values;
  values.set("artifacts", rows);
  values.set("has_artifacts", truth(!rows.is_empty_list()));
  values.set("total", human_bytes(total));
  values.set("location", place.store().location());
  return values;
}

std::span<const Route> artifact_routes() {
  return kRoutes;
}

}  // namespace aphex::server
