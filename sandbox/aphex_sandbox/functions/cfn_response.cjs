// CloudFormation's module for functions whose code stands in a template: require('cfn-response').
'use strict';
const http = require('http');

exports.SUCCESS = 'SUCCESS';
exports.FAILED = 'FAILED';

exports.send = (event, context, status, data, physicalResourceId, noEcho) => {
  const body = JSON.stringify({
    Status: status,
    Reason: `See the details in CloudWatch Log Stream: ${context.logStreamName}`,
    PhysicalResourceId: physicalResourceId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: data,
  });
  const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
  const request = http.request(event.ResponseURL, { method: 'PUT', headers }, (answer) => {
    answer.resume();
    console.log(`Status code: ${answer.statusCode}`);
    context.done();
  });
  request.on('error', (error) => {
    console.log(`send failed: ${error.message}`);
    context.done();
  });
  request.end(body);
};
