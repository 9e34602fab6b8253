import * as cdk from 'aws-cdk-lib/core';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

/** What differs between the environments that this application is deployed to. */
export interface ArchonEnvironment {
  /** "dev" unless the context says otherwise; names parameters and the dashboard. */
  readonly name: string;
  /** Where the stacks go; empty when nobody said (`cdk synth` without credentials). */
  readonly target: cdk.Environment;
  /** What happens to data when its stack is deleted. Development data may go. */
  readonly removalPolicy: cdk.RemovalPolicy;
  readonly logRetention: RetentionDays;
  /** Receives the alarms by mail, if given. */
  readonly alertsEmail?: string;
}

export interface ArchonStackProps extends cdk.StackProps {
  readonly environment: ArchonEnvironment;
}

/**
 * Reads the environment from the context that the pipeline passes (`-c environment=prod
 * -c account=... -c region=...`); the CDK's own idea of account and region fills the gaps.
 */
export function archonEnvironment(scope: Construct): ArchonEnvironment {
  const name = contextString(scope, 'environment') ?? 'dev';
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
    throw new Error(
      `Context "environment" is "${name}": use 1 to 32 lower-case letters, digits and hyphens`,
    );
  }
  const isDevelopment = name === 'dev';
  return {
    name,
    target: {
      account: contextString(scope, 'account') ?? process.env.CDK_DEFAULT_ACCOUNT,
      region: contextString(scope, 'region') ?? process.env.CDK_DEFAULT_REGION,
    },
    removalPolicy: isDevelopment ? cdk.RemovalPolicy.DESTROY : cdk.RemovalPolicy.RETAIN,
    logRetention: isDevelopment ? RetentionDays.ONE_WEEK : RetentionDays.SIX_MONTHS,
    alertsEmail: contextString(scope, 'alertsEmail'),
  };
}

function contextString(scope: Construct, key: string): string | undefined {
  const value: unknown = scope.node.tryGetContext(key);
  return value === undefined || value === '' ? undefined : String(value);
}
