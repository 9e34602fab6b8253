#include "store/run_records.hpp"

#include <array>
#include <utility>

namespace aphex::store {
namespace {

constexpr std::array<std::pair<RunState, std::string_view>, 7> kRunStates{{
    {RunState::queued, "queued"},
    {RunState::running, "running"},
    {RunState::succeeded, "succeeded"},
    {RunState::failed, "failed"},
    {RunState::cancelled, "cancelled"},
    {RunState::interrupted, "interrupted"},
    {RunState::handed_over, "handed-over"},
}};

constexpr std::array<std::pair<WorkState, std::string_view>, 7> kWorkStates{{
    {WorkState::pending, "pending"},
    {WorkState::running, "running"},
    {WorkState::succeeded, "succeeded"},
    {WorkState::skipped, "skipped"},
    {WorkState::failed, "failed"},
    {WorkState::cancelled, "cancelled"},
    {WorkState::interrupted, "interrupted"},
}};

template <typename State, std::size_t N>
std::string_view name_of(const std::array<std::pair<State, std::string_view>, N>& table,
                         State state) {
  return table[static_cast<std::size_t>(state)].second;
}

template <typename State, std::size_t N>
std::optional<State> state_of(const std::array<std::pair<State, std::string_view>, N>& table,
                              std::string_view text) {
  for (const auto& [state, name] : table) {
    if (name == text) return state;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(RunState state) {
  return name_of(kRunStates, state);
}
std::string_view to_string(WorkState state) {
  return name_of(kWorkStates, state);
}
std::optional<RunState> run_state_from(std::string_view text) {
  return state_of(kRunStates, text);
}
std::optional<WorkState> work_state_from(std::string_view text) {
  return state_of(kWorkStates, text);
}

bool is_finished(RunState state) {
  return state != RunState::queued && state != RunState::running;
}

}  // namespace aphex::store
