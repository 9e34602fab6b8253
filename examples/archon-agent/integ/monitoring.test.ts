import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetDashboardCommand,
} from '@aws-sdk/client-cloudwatch';
import { output } from './deployment';

const cloudwatch = new CloudWatchClient({});

describe('the deployed monitoring', () => {
  it('publishes every alarm to the alerts', async () => {
    const AlarmNames = output('ArchonMonitoringDashboard', 'AlarmNames').split(',');
    const { MetricAlarms = [] } = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames }));
    assert.deepEqual(MetricAlarms.map((alarm) => alarm.AlarmName).sort(), AlarmNames.sort());
    for (const alarm of MetricAlarms) {
      assert.deepEqual(alarm.AlarmActions, [output('ArchonInfrastructureStack', 'AlertsTopicArn')]);
    }
  });

  it('shows the function that is deployed', async () => {
    const DashboardName = output('ArchonMonitoringDashboard', 'DashboardName');
    const { DashboardBody = '' } = await cloudwatch.send(
      new GetDashboardCommand({ DashboardName }),
    );
    const { widgets } = JSON.parse(DashboardBody) as { widgets: unknown[] };
    assert.equal(widgets.length, 5);
    const functionName = output('ArchonAgentStack', 'AnswerFunctionName');
    assert.ok(JSON.stringify(widgets).includes(`"${functionName}"`));
  });
});
