"""SNS subscriptions and the access policies of topics and queues."""

import json
from typing import Any

from moto.sns.models import SNSBackend, sns_backends
from moto.sqs.models import sqs_backends

from .base import Made, Replaced, Target


def _sns(target: Target) -> SNSBackend:
    return sns_backends[target.account][target.region]


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
        return  # a topic falls back to its default policy; moto keeps the last one


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
