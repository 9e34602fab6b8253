#include "aws/query.hpp"

#include "aws/client.hpp"

namespace aphex::aws {

Result<XmlElement> call_query(const AwsContext& context, const QueryCall& query,
                              const os::CancelToken& cancel) {
  const ServiceEndpoint endpoint =
      resolve_endpoint(query.service, query.region, context.environment);
  const std::string what = query.title + (query.subject.empty() ? "" : " " + query.subject);
  ServiceCall service_call;
  service_call.what = what;
  service_call.service = query.service;
  service_call.region = query.region;
  service_call.max_attempts = query.max_attempts;
  service_call.request = query_request(endpoint.url, encode_query(query.parameters));
  APHEX_TRY(const HttpResponse response, call(context, std::move(service_call), cancel));
  auto root = parse_xml(response.body);
  if (!root) return fail_because(what, std::move(root.error()));
  return root;
}

}  // namespace aphex::aws
