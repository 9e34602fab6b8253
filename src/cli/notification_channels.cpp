#include "cli/notification_channels.hpp"

namespace aphex::cli {

server::notify::Surroundings notification_surroundings(
    const server::ServerConfig& config, const os::EnvironmentVariables& environment) {
  server::notify::Surroundings made;
  made.http = aws::make_http_client();
  made.mail = aws::make_mail_client();
  made.clock = os::make_system_clock();
  made.aws.http = made.http;
  made.aws.clock = made.clock;
  made.aws.environment = environment;
  made.aws.credentials = aws::make_default_credentials(
      made.http, made.clock, std::shared_ptr<os::ProcessRunner>(os::make_process_runner()),
      environment);
  made.public_url = config.public_url;
  for (const server::ServedPipeline& pipeline : config.pipelines)
    made.pipelines.push_back({pipeline.name, pipeline.repository, pipeline.config_path});
  return made;
}

}  // namespace aphex::cli
