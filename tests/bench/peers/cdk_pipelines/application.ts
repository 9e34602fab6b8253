// Stands for an application: stacks of one resource each, which depend on one another.
import * as cdk from 'aws-cdk-lib';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

export interface ApplicationStack {
  name: string;
  dependsOn: string[];
}

export function makeStacks(scope: Construct, stacks: ApplicationStack[]): void {
  const made = new Map<string, cdk.Stack>();
  for (const { name, dependsOn } of stacks) {
    const stack = new cdk.Stack(scope, name, { stackName: name });
    new sns.Topic(stack, 'Topic');
    dependsOn.forEach((each) => stack.addStackDependency(made.get(each)!));
    made.set(name, stack);
  }
}
