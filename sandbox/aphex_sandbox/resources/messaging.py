"""SNS subscriptions and the access policies of topics and queues."""

import json
from typing import Any

from moto.sns.models import SNSBackend, sns_backends
from moto.sqs.models import sqs_backends

from . import tags
from .base import Made, Replaced, Target, physical_name


def _sns(target: Target) -> SNSBackend:
    return sns_backends[target.account][target.region]


class Topic:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        name = physical_name(target, properties)
        backend = _sns(target)
        attributes = {"FifoTopic": "true"} if _truth(properties, "FifoTopic") else {}
        arn = target.arn("sns", name)
        if arn in backend.topics:
            raise RuntimeError(f"{arn} already exists")
        topic = backend.create_topic(name, attributes)
        made = Made(topic.arn, {"TopicName": name, "TopicArn": topic.arn})
        self._configure(target, made, properties)
        for subscription in properties.get("Subscription", []):
            backend.subscribe(topic.arn, subscription["Endpoint"], subscription["Protocol"])
        return made

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        self._configure(target, made, properties)
        backend, wanted = _sns(target), properties.get("Subscription", [])
        for subscription in [s for s in old.get("Subscription", []) if s not in wanted]:
            place = (made.physical_id, subscription["Protocol"], subscription["Endpoint"])
            for known in list(backend.subscriptions.values()):
                if (known.topic.arn, known.protocol, known.endpoint) == place:
                    backend.unsubscribe(known.arn)
        for subscription in [s for s in wanted if s not in old.get("Subscription", [])]:
            backend.subscribe(made.physical_id, subscription["Endpoint"], subscription["Protocol"])
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _sns(target).delete_topic(made.physical_id)

    @staticmethod
    def _configure(target: Target, made: Made, properties: dict[str, Any]) -> None:
        topic = _sns(target).get_topic(made.physical_id)
        topic.display_name = properties.get("DisplayName", "")
        topic.kms_master_key_id = properties.get("KmsMasterKeyId", "")
        policy = properties.get("DeliveryPolicy", "")
        topic.delivery_policy = json.dumps(policy) if isinstance(policy, dict) else policy
        topic.content_based_deduplication = (
            "true" if _truth(properties, "ContentBasedDeduplication") else "false"
        )
        topic._tags = tags.as_map(properties.get("Tags"))


class Subscription:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        topic, protocol = properties["TopicArn"], properties["Protocol"]
        subscription = _sns(target).subscribe(topic, properties.get("Endpoint", ""), protocol)
        made = Made(subscription.arn, {"Arn": subscription.arn})
        self._configure(target, made, properties)
        return made

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        for name in ("TopicArn", "Protocol", "Endpoint"):
            if properties.get(name) != old.get(name):
                raise Replaced
        self._configure(target, made, properties)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _sns(target).unsubscribe(made.physical_id)

    @staticmethod
    def _configure(target: Target, made: Made, properties: dict[str, Any]) -> None:
        for name in ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy"):
            if name in properties:
                value = properties[name]
                text = value if isinstance(value, str) else json.dumps(value)
                _sns(target).set_subscription_attributes(made.physical_id, name, text)


class TopicPolicy:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        for topic in properties["Topics"]:
            document = json.dumps(properties["PolicyDocument"])
            # moto's name for the attribute, not the API's.
            _sns(target).set_topic_attribute(topic, "policy", document)
        return Made(f"{target.stack_name}-{target.logical_id}")

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        self.create(target, properties)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        for arn in properties["Topics"]:
            topic = _sns(target).topics.get(arn)
            if topic is not None:
                default = topic._create_default_topic_policy(
                    target.region, target.account, topic.name
                )
                topic.policy = json.dumps(default)


class QueuePolicy:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        backend = sqs_backends[target.account][target.region]
        document = json.dumps(properties["PolicyDocument"])
        for url in properties["Queues"]:
            backend.set_queue_attributes(url.rsplit("/", 1)[-1], {"Policy": document})
        return Made(f"{target.stack_name}-{target.logical_id}")

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        self.create(target, properties)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        backend = sqs_backends[target.account][target.region]
        for url in properties["Queues"]:
            name = url.rsplit("/", 1)[-1]
            if name in backend.queues:
                backend.set_queue_attributes(name, {"Policy": ""})


def _truth(properties: dict[str, Any], name: str) -> bool:
    return str(properties.get(name, "")).lower() == "true"
