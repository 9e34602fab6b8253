#pragma once
// What CloudFormation is told about a custom resource, by a PUT to the event's ResponseURL.
// docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "aws/http.hpp"
#include "base/result.hpp"
#include "os/clock.hpp"
#include "provider/event.hpp"

namespace aphex::provider {

// CloudFormation takes no more for the whole answer.
inline constexpr std::size_t kMaxAnswerBytes = 4'096;

enum class Verdict { success, failed };

struct Answer {
  Verdict verdict = Verdict::failed;
  std::string physical_id;
  std::string reason;  // of a failure: what happened, and what mends it
  std::vector<std::pair<std::string, std::string>> data;  // for Fn::GetAtt; of a success
};

// The JSON that is sent, at most kMaxAnswerBytes: the reason is shortened at a character, and ends
// with where the whole of it stands ("see log stream …"; empty where there is none).
std::string answer_json(const Envelope& envelope, const Answer& answer,
                        const std::string& log_stream);

struct AnswerSender {
  aws::HttpClient& http;
  os::Clock& clock;
  std::chrono::steady_clock::time_point until;  // no attempt begins after this
};
// PUT with an empty Content-Type, as the presigned URL is signed; again with backoff where another
// try may help. The error never holds the URL's query. Returns the number of attempts.
Result<int> send_answer(const AnswerSender& sender, const Envelope& envelope,
                        const std::string& json);

}  // namespace aphex::provider
