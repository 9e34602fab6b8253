#pragma once
// Clusters of EKS: their address from DescribeCluster, and tokens that prove an IAM role.

#include <memory>
#include <string>

#include "aws/credentials.hpp"
#include "k8s/client.hpp"
#include "k8s/token.hpp"

namespace aphex::k8s {

struct EksTokenOptions {
  std::string cluster;
  std::string region;
  std::string identity;   // "the IAM role arn:…"
  std::string principal;  // its ARN, for the remedy; empty where it is not known
};
// `k8s-aws-v1.` + base64url of a presigned STS GetCallerIdentity with the signed header
// x-k8s-aws-id, as aws-iam-authenticator defines it. The credentials are the context's.
std::shared_ptr<TokenProvider> make_eks_tokens(aws::AwsContext context, EksTokenOptions options);

struct EksConnection {
  std::string cluster;
  std::string region;
  // Who we are there: these credentials make the tokens, the context's own ask EKS.
  std::shared_ptr<aws::CredentialsProvider> credentials;
  std::string identity;
  std::string principal;
};
// Asks EKS where the cluster is. not_found where there is none.
Result<std::shared_ptr<Client>> connect_eks(const aws::AwsContext& context,
                                            const EksConnection& connection,
                                            const os::CancelToken& cancel);

}  // namespace aphex::k8s
