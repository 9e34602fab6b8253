#pragma once
// The few calls that aphex itself makes to STS, CloudFormation, SSM, Secrets Manager and EKS.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "aws/credentials.hpp"

namespace aphex::aws {

// Errors of every call: permission (AccessDenied…), not_found, unavailable (5xx, throttled, no
// connection; retried with exponential backoff and full jitter before it is returned), and the
// service's own code and message in `message`.

struct CallerIdentity {
  std::string account;
  std::string arn;
  std::string user_id;
};
Result<CallerIdentity> get_caller_identity(const AwsContext& context, const std::string& region,
                                           const os::CancelToken& cancel);

// SSM GetParameter; not_found where it does not exist.
Result<std::string> get_parameter(const AwsContext& context, const std::string& region,
                                  const std::string& name, const os::CancelToken& cancel);

// Secrets Manager GetSecretValue of an ARN or a name; the bytes of a binary secret. An ARN of
// another region is read there. not_found where it does not exist. Whatever the error, its words
// hold nothing of the value.
Result<std::string> get_secret_value(const AwsContext& context, const std::string& region,
                                     const std::string& secret, const os::CancelToken& cancel);

struct EksCluster {
  std::string name;
  std::string status;    // ACTIVE, CREATING, …
  std::string endpoint;  // https://…; empty while it is being created
  std::string ca_data;   // base64 of the PEM
};
// EKS DescribeCluster; not_found where it does not exist.
Result<EksCluster> describe_cluster(const AwsContext& context, const std::string& region,
                                    const std::string& name, const os::CancelToken& cancel);

struct StackDescription {
  std::string name;
  std::string id;
  std::string status;  // CREATE_COMPLETE, …
  std::string status_reason;
  std::map<std::string, std::string> outputs;
};
// not_found where there is no such stack.
Result<StackDescription> describe_stack(const AwsContext& context, const std::string& region,
                                        const std::string& name, const os::CancelToken& cancel);

// Begins the deletion, with the role that the stack was created with; a stack that is not there is
// fine.
Status delete_stack(const AwsContext& context, const std::string& region, const std::string& name,
                    const os::CancelToken& cancel);

// CloudFormation GetTemplate, as it was deployed; not_found where there is no such stack.
Result<std::string> get_template(const AwsContext& context, const std::string& region,
                                 const std::string& name, const os::CancelToken& cancel);

struct StackEvent {
  std::string id;
  std::string time;  // as CloudFormation sends it, RFC 3339
  std::string logical_id;
  std::string physical_id;
  std::string resource_type;
  std::string status;
  std::string reason;
};
// Of one call: a stack of 500 resources writes about 2,000 when it is created and rolled back.
inline constexpr std::size_t kMaxStackEvents = 10'000;
// Oldest first; those after the event with id `after` (empty: all). At most the newest
// kMaxStackEvents.
Result<std::vector<StackEvent>> describe_stack_events(const AwsContext& context,
                                                      const std::string& region,
                                                      const std::string& name,
                                                      const std::string& after,
                                                      const os::CancelToken& cancel);

}  // namespace aphex::aws
