"""CloudWatch alarms and dashboards."""

from typing import Any

from moto.cloudwatch.models import (
    CloudWatchBackend,
    Dimension,
    Metric,
    MetricDataQuery,
    MetricStat,
    cloudwatch_backends,
)
from moto.cloudwatch.utils import make_arn_for_alarm

from . import tags
from .base import Made, Replaced, Target, generated_name


def _backend(target: Target) -> CloudWatchBackend:
    return cloudwatch_backends[target.account][target.region]


class Alarm:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        name = properties.get("AlarmName") or generated_name(target)
        if name in _backend(target).alarms:
            raise RuntimeError(f"{name} already exists")
        return self._put(target, name, properties)

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if properties.get("AlarmName") != old.get("AlarmName"):
            raise Replaced
        return self._put(target, made.physical_id, properties)

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).delete_alarms([made.physical_id])

    @staticmethod
    def _put(target: Target, name: str, properties: dict[str, Any]) -> Made:
        get = properties.get
        _backend(target).put_metric_alarm(
            name=name,
            namespace=get("Namespace", ""),
            metric_name=get("MetricName", ""),
            comparison_operator=properties["ComparisonOperator"],
            evaluation_periods=int(properties["EvaluationPeriods"]),
            period=int(get("Period") or 0),
            threshold=float(get("Threshold") or 0),
            statistic=get("Statistic", ""),
            description=get("AlarmDescription", ""),
            dimensions=get("Dimensions", []),
            alarm_actions=get("AlarmActions", []),
            datapoints_to_alarm=get("DatapointsToAlarm"),
            extended_statistic=get("ExtendedStatistic"),
            ok_actions=get("OKActions", []),
            insufficient_data_actions=get("InsufficientDataActions", []),
            unit=get("Unit"),
            actions_enabled=get("ActionsEnabled", True),
            treat_missing_data=get("TreatMissingData"),
            evaluate_low_sample_count_percentile=get("EvaluateLowSampleCountPercentile"),
            threshold_metric_id=get("ThresholdMetricId"),
            metric_data_queries=[_query(m) for m in get("Metrics", [])],
        )
        arn = make_arn_for_alarm(target.region, target.account, name)
        tags.replace(_backend(target).tagger, arn, get("Tags"))
        return Made(name, {"Arn": arn})


def _query(given: dict[str, Any]) -> MetricDataQuery:
    stat = given.get("MetricStat")
    # Without it, a metric of an alarm is one that it returns.
    returned = str(given.get("ReturnData", "true")).lower() == "true"
    return MetricDataQuery(
        query_id=given["Id"],
        label=given.get("Label"),
        period=given.get("Period"),
        return_data=returned,
        expression=given.get("Expression"),
        metric_stat=_metric_stat(stat) if stat else None,
    )


def _metric_stat(given: dict[str, Any]) -> MetricStat:
    metric = given["Metric"]
    dimensions = [Dimension(d["Name"], d["Value"]) for d in metric.get("Dimensions", [])]
    return MetricStat(
        metric=Metric(metric.get("MetricName"), metric.get("Namespace"), dimensions),
        period=int(given["Period"]),
        stat=given["Stat"],
        unit=given.get("Unit"),
    )


class Dashboard:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        name = properties.get("DashboardName") or generated_name(target)
        _backend(target).put_dashboard(name, properties["DashboardBody"])
        return Made(name)

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if properties.get("DashboardName") != old.get("DashboardName"):
            raise Replaced
        _backend(target).put_dashboard(made.physical_id, properties["DashboardBody"])
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).delete_dashboards([made.physical_id])
