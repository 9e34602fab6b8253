// A CDK application around a template that is already there.
'use strict';
const cdk = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');

const app = new cdk.App({ analyticsReporting: false, context: {
  'aws:cdk:enable-path-metadata': false, 'aws:cdk:disable-asset-staging': true,
} });
const stack = new cdk.Stack(app, 'Including', {
  synthesizer: new cdk.DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
});
new CfnInclude(stack, 'Template', { templateFile: process.argv[2] });
app.synth();
