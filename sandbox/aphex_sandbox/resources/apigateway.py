"""API Gateway (REST): methods of every integration kind, deployments and stages."""

from typing import Any

from moto.apigateway.models import APIGatewayBackend, apigateway_backends
from moto.apigateway.models import Resource as MotoResource
from moto.apigateway.models import RestAPI as MotoRestApi

from .base import Made, MotoType, Replaced, Target


def _backend(target: Target) -> APIGatewayBackend:
    return apigateway_backends[target.account][target.region]


class RestApi(MotoType):
    def __init__(self) -> None:
        super().__init__(MotoRestApi)

    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        made = super().create(target, {"Name": target.logical_id, **properties})
        made.attributes["RestApiId"] = made.physical_id
        return made

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        api = _backend(target).get_rest_api(made.physical_id)
        api.name = properties.get("Name", target.logical_id)
        api.description = properties.get("Description", "")
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).delete_rest_api(made.physical_id)


class Resource(MotoType):
    def __init__(self) -> None:
        super().__init__(MotoResource)

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        api = _backend(target).get_rest_api(properties["RestApiId"])
        api.resources.pop(made.physical_id, None)


class Method:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        self._put(target, properties)
        return Made(f"{target.stack_name}-{target.logical_id}")

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        self.delete(target, made, old)
        self._put(target, properties)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        api, resource = properties["RestApiId"], properties["ResourceId"]
        _backend(target).get_resource(api, resource).resource_methods.pop(
            properties["HttpMethod"], None
        )

    @staticmethod
    def _put(target: Target, properties: dict[str, Any]) -> None:
        place = {
            "function_id": properties["RestApiId"],
            "resource_id": properties["ResourceId"],
            "method_type": properties["HttpMethod"],
        }
        backend = _backend(target)
        method = backend.put_method(
            **place,
            authorization_type=properties.get("AuthorizationType", "NONE"),
            api_key_required=properties.get("ApiKeyRequired"),
        )
        integration = properties.get("Integration")
        if integration is None:
            return
        backend.put_integration(
            **place,
            integration_type=integration["Type"],
            uri=integration.get("Uri", ""),
            integration_method=integration.get("IntegrationHttpMethod", "POST"),
            request_templates=integration.get("RequestTemplates"),
        )
        for response in properties.get("MethodResponses", []):
            method.create_response(
                str(response["StatusCode"]),
                response.get("ResponseModels", {}),
                response.get("ResponseParameters", {}),
            )
        for response in integration.get("IntegrationResponses", []):
            method.method_integration.create_integration_response(
                str(response["StatusCode"]),
                response.get("SelectionPattern", ""),
                response.get("ResponseTemplates", {}),
                response.get("ResponseParameters", {}),
            )


class Deployment:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        api = _backend(target).get_rest_api(properties["RestApiId"])
        deployment = api.create_deployment(
            properties.get("StageName"), properties.get("Description", "")
        )
        return Made(deployment.id, {"DeploymentId": deployment.id})

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if properties["RestApiId"] != old["RestApiId"]:
            raise Replaced
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        api = _backend(target).get_rest_api(properties["RestApiId"])
        api.deployments.pop(made.physical_id, None)


class Stage:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        name = properties.get("StageName", "default")
        tags = {t["Key"]: t["Value"] for t in properties.get("Tags", [])}
        _backend(target).create_stage(
            function_id=properties["RestApiId"],
            stage_name=name,
            deploymentId=properties["DeploymentId"],
            variables=properties.get("Variables", {}),
            description=properties.get("Description", ""),
            cacheClusterEnabled=properties.get("CacheClusterEnabled"),
            cacheClusterSize=properties.get("CacheClusterSize"),
            tags=tags,
            tracing_enabled=properties.get("TracingEnabled"),
        )
        return Made(name)

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if any(properties.get(n) != old.get(n) for n in ("RestApiId", "StageName")):
            raise Replaced
        stage = _backend(target).get_stage(properties["RestApiId"], made.physical_id)
        stage.deployment_id = properties["DeploymentId"]
        stage.variables = properties.get("Variables", {})
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        api = _backend(target).get_rest_api(properties["RestApiId"])
        api.stages.pop(made.physical_id, None)
