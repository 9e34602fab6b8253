import * as cdk from 'aws-cdk-lib/core';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ArchonStackProps } from './archon-environment';

export interface ArchonMonitoringDashboardProps extends ArchonStackProps {
  readonly alerts: sns.ITopic;
  readonly reviewQueue: sqs.IQueue;
  readonly ingestion: lambda.IFunction;
  readonly ingestionFailures: sqs.IQueue;
  readonly answer: lambda.IFunction;
  readonly api: apigateway.RestApi;
}

const PERIOD = cdk.Duration.minutes(5);

/** One dashboard over the whole application, and the alarms worth waking somebody for. */
export class ArchonMonitoringDashboard extends cdk.Stack {
  constructor(scope: Construct, id: string, props: ArchonMonitoringDashboardProps) {
    super(scope, id, { description: 'Archon agent: dashboard and alarms', ...props });

    const alarms = this.createAlarms(props);
    const dashboard = this.createDashboard(props, alarms);

    new cdk.CfnOutput(this, 'DashboardName', {
      value: dashboard.dashboardName,
      description: 'The dashboard in CloudWatch',
    });
    new cdk.CfnOutput(this, 'AlarmNames', {
      value: cdk.Fn.join(
        ',',
        alarms.map((alarm) => alarm.alarmName),
      ),
      description: 'Every alarm, separated by commas',
    });
  }

  private createAlarms(props: ArchonMonitoringDashboardProps): cloudwatch.Alarm[] {
    const { answer, ingestionFailures, reviewQueue } = props;
    const alarms = [
      new cloudwatch.Alarm(this, 'AnswerErrors', {
        alarmDescription: 'The agent failed to answer: see the logs of its function',
        metric: answer.metricErrors({ period: PERIOD }),
        threshold: 1,
        evaluationPeriods: 1,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      }),
      new cloudwatch.Alarm(this, 'AnswerLatency', {
        alarmDescription: 'One answer in twenty took longer than 5 seconds for 15 minutes',
        metric: answer.metricDuration({ period: PERIOD, statistic: 'p95' }),
        threshold: cdk.Duration.seconds(5).toMilliseconds(),
        evaluationPeriods: 3,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      }),
      new cloudwatch.Alarm(this, 'IngestionFailed', {
        alarmDescription: 'Documents were given up: their keys are in the failures queue',
        metric: ingestionFailures.metricApproximateNumberOfMessagesVisible({ period: PERIOD }),
        threshold: 1,
        evaluationPeriods: 1,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      }),
      new cloudwatch.Alarm(this, 'ReviewBacklog', {
        alarmDescription: 'A question has waited for more than a day to be reviewed',
        metric: reviewQueue.metricApproximateAgeOfOldestMessage({ period: PERIOD }),
        threshold: cdk.Duration.days(1).toSeconds(),
        evaluationPeriods: 1,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      }),
    ];
    for (const alarm of alarms) {
      alarm.addAlarmAction(new actions.SnsAction(props.alerts));
    }
    return alarms;
  }

  private createDashboard(
    props: ArchonMonitoringDashboardProps,
    alarms: cloudwatch.Alarm[],
  ): cloudwatch.Dashboard {
    const { answer, api, environment, ingestion, ingestionFailures, reviewQueue } = props;
    const dashboard = new cloudwatch.Dashboard(this, 'Dashboard', {
      dashboardName: `archon-agent-${environment.name}`,
      defaultInterval: cdk.Duration.hours(12),
    });
    dashboard.addWidgets(new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms, width: 24 }));
    dashboard.addWidgets(
      new cloudwatch.GraphWidget({
        title: 'Questions',
        left: [api.metricCount(), answer.metricInvocations()],
        right: [api.metricServerError(), answer.metricErrors()],
        width: 12,
      }),
      new cloudwatch.GraphWidget({
        title: 'Time to answer',
        left: [
          answer.metricDuration({ statistic: 'p50' }),
          answer.metricDuration({ statistic: 'p95' }),
        ],
        width: 12,
      }),
    );
    dashboard.addWidgets(
      new cloudwatch.GraphWidget({
        title: 'Ingestion',
        left: [ingestion.metricInvocations(), ingestion.metricErrors()],
        right: [ingestionFailures.metricApproximateNumberOfMessagesVisible()],
        width: 12,
      }),
      new cloudwatch.GraphWidget({
        title: 'Questions to review',
        left: [reviewQueue.metricApproximateNumberOfMessagesVisible()],
        width: 12,
      }),
    );
    return dashboard;
  }
}
