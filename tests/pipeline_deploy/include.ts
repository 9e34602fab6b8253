// A CDK application in TypeScript around the pipeline's template: argument 1.
import { App, DefaultStackSynthesizer, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { CfnBucket } from 'aws-cdk-lib/aws-s3';

const app = new App({
  analyticsReporting: false,
  context: { 'aws:cdk:enable-path-metadata': false, 'aws:cdk:disable-asset-staging': true },
});
const stack = new Stack(app, 'Including', {
  synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
});
const included = new CfnInclude(stack, 'Pipeline', { templateFile: process.argv[2] });
// The application can reach what is in it, as with a stack of its own.
const bucket = included.getResource(process.argv[3]) as CfnBucket;
bucket.addPropertyOverride('ObjectLockEnabled', false);
app.synth();
