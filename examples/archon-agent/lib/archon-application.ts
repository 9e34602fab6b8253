import * as cdk from 'aws-cdk-lib/core';
import { ArchonAgentStack } from './archon-agent-stack';
import { archonEnvironment } from './archon-environment';
import { ArchonInfrastructureStack } from './archon-infrastructure-stack';
import { ArchonKnowledgeBaseStack } from './archon-knowledge-base-stack';
import { ArchonMonitoringDashboard } from './archon-monitoring-dashboard';

export interface ArchonStacks {
  readonly infrastructure: ArchonInfrastructureStack;
  readonly knowledgeBase: ArchonKnowledgeBaseStack;
  readonly agent: ArchonAgentStack;
  readonly monitoring: ArchonMonitoringDashboard;
}

/**
 * The four stacks of one environment. The knowledge base writes what the agent reads, through
 * tables that belong to neither, so that the two deploy side by side. Stacks bear the same
 * names in every environment: each environment has an account of its own.
 */
export function addArchonStacks(app: cdk.App): ArchonStacks {
  const environment = archonEnvironment(app);
  const props = { env: environment.target, environment };

  const infrastructure = new ArchonInfrastructureStack(app, 'ArchonInfrastructureStack', props);
  const knowledgeBase = new ArchonKnowledgeBaseStack(app, 'ArchonKnowledgeBaseStack', {
    ...props,
    passages: infrastructure.passages,
  });
  const agent = new ArchonAgentStack(app, 'ArchonAgentStack', {
    ...props,
    passages: infrastructure.passages,
    conversations: infrastructure.conversations,
    transcripts: infrastructure.transcripts,
    reviewQueue: infrastructure.reviewQueue,
  });
  const monitoring = new ArchonMonitoringDashboard(app, 'ArchonMonitoringDashboard', {
    ...props,
    alerts: infrastructure.alerts,
    reviewQueue: infrastructure.reviewQueue,
    ingestion: knowledgeBase.ingestion,
    ingestionFailures: knowledgeBase.ingestionFailures,
    answer: agent.answer,
    api: agent.api,
  });

  cdk.Tags.of(app).add('application', 'archon-agent');
  cdk.Tags.of(app).add('environment', environment.name);
  return { infrastructure, knowledgeBase, agent, monitoring };
}
