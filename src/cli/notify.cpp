// aphex notify: whether the server's channels reach anybody.
#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/notification_channels.hpp"
#include "cli/subcommands.hpp"
#include "cli/terminal.hpp"
#include "os/signals.hpp"
#include "server/notify/notifier.hpp"

namespace aphex::cli {
namespace {

class Notify final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    Argument& action = arguments.positional("ACTION", action_, "what to do");
    action.choices = {"test"};
    action.presence = Presence::required;
    arguments.option("--channel", "NAME", channel_, "only this one (default: every channel)");
    arguments
        .option("--config", "FILE", config_,
                "the server's configuration (default: aphex-server.yaml)")
        .completes = Completes::files;
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const server::LoadedServerConfig loaded,
              server::load_server_config(config_, server::notify::Files::must_be_there));
    terminal.progress(render_text(loaded.source, loaded.diagnostics, terminal.err_colour()));
    if (!loaded.config) return ExitCode::invalid_config;
    APHEX_TRY(const std::vector<server::notify::ChannelConfig> chosen, channels(*loaded.config));
    os::CancelSource source;
    const os::SignalGuard signals(source);
    const std::vector<server::notify::OpenChannel> open = server::notify::open_channels(
        chosen, notification_surroundings(*loaded.config, os::current_environment()));
    std::size_t failed = 0;
    for (const server::notify::OpenChannel& each : open) {
      const Result<std::string> done = each.channel->test(source.token());
      if (done) {
        terminal.print(fmt::format("{}: {}\n", each.config.name, *done));
        continue;
      }
      ++failed;
      terminal.print(fmt::format("{}: {}\n", each.config.name, describe(done.error())));
      if (!done.error().hint.empty())
        terminal.print(fmt::format("  hint: {}\n", done.error().hint));
    }
    if (failed == 0) return ExitCode::ok;
    return fail(ErrorCode::unavailable,
                fmt::format("{} of {} channels did not reach everybody", failed, open.size()));
  }

 private:
  Result<std::vector<server::notify::ChannelConfig>> channels(
      const server::ServerConfig& config) const {
    std::vector<server::notify::ChannelConfig> chosen;
    std::vector<std::string> names;
    for (const server::notify::ChannelConfig& each : config.notifications) {
      names.push_back(each.name);
      if (channel_.empty() || each.name == channel_) chosen.push_back(each);
    }
    if (!chosen.empty()) return chosen;
    if (names.empty()) {
      return fail(ErrorCode::not_found,
                  config_ + " has no notifications:", "docs/notifications.md shows them");
    }
    return fail(ErrorCode::not_found, fmt::format("{} has no channel {}", config_, channel_),
                "its channels: " + join(names, ", "));
  }

  std::string action_;
  std::string channel_;
  std::string config_ = "aphex-server.yaml";
};

}  // namespace

std::unique_ptr<Subcommand> make_notify() {
  return std::make_unique<Notify>();
}

}  // namespace aphex::cli
