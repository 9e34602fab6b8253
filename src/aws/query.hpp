#pragma once
// The query protocol: parameters as a form, XML as the answer (STS, CloudFormation, CloudWatch,
// SNS).

#include <string>

#include "aws/credentials.hpp"
#include "aws/uri.hpp"
#include "aws/xml.hpp"
#include "base/result.hpp"

namespace aphex::aws {

struct QueryCall {
  std::string title;    // "CloudFormation DescribeStacks", for messages
  std::string subject;  // may be empty
  std::string service;
  std::string region;
  QueryParameters parameters;
  int max_attempts = 0;  // see ServiceCall
};

// The root of the answer.
Result<XmlElement> call_query(const AwsContext& context, const QueryCall& query,
                              const os::CancelToken& cancel);

}  // namespace aphex::aws
