#pragma once
// Which names Kubernetes and AWS accept. Sources: kubernetes.io/docs/concepts/overview/
// working-with-objects/names and …/labels (1.34); the EKS API's ClusterName; S3's bucket naming
// rules.

#include <string_view>

namespace aphex::provider {

bool is_cluster_name(std::string_view text);  // EKS
// Both become part of a host name that signed requests go to.
bool is_region(std::string_view text);
bool is_bucket_name(std::string_view text);    // S3
bool is_dns_label(std::string_view text);      // RFC 1123: a namespace's name
bool is_dns_subdomain(std::string_view text);  // RFC 1123: most objects' names
bool is_label_value(std::string_view text);    // not the empty one
bool is_data_key(std::string_view text);       // of a Secret or ConfigMap
bool is_kind(std::string_view text);           // "WorkflowTemplate"
bool is_api_version(std::string_view text);    // "v1", "argoproj.io/v1alpha1"

}  // namespace aphex::provider
