import assert from 'node:assert/strict';
import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { SignatureV4 } from '@smithy/signature-v4';
import { dynamodb } from '../functions/aws';
import { onStandIn, output } from './deployment';

type Handler<Event, Result> = (event: Event) => Promise<Result>;

const lambda = new LambdaClient({});
let probe: Promise<boolean> | undefined;

/** On AWS functions run, or the tests fail. A stand-in is asked once whether it can. */
export function functionsRun(): Promise<boolean> {
  probe ??= onStandIn ? answersAtAll() : Promise.resolve(true);
  return probe;
}

async function answersAtAll(): Promise<boolean> {
  try {
    const name = output('ArchonAgentStack', 'AnswerFunctionName');
    const refused = await invoke<unknown, { statusCode?: number }>(name, { body: null });
    return refused.statusCode === 400;
  } catch {
    return false;
  }
}

/**
 * Calls a function where it is deployed; where functions do not run, calls its code here with
 * the settings of the deployed one, so that they and all they point to are still proved.
 */
export async function call<Event, Result>(
  functionName: string,
  handler: Handler<Event, Result>,
  event: Event,
): Promise<Result> {
  if (await functionsRun()) {
    return invoke(functionName, event);
  }
  const deployed = await lambda.send(
    new GetFunctionConfigurationCommand({ FunctionName: functionName }),
  );
  Object.assign(process.env, deployed.Environment?.Variables);
  return handler(event);
}

async function invoke<Event, Result>(functionName: string, event: Event): Promise<Result> {
  const invoked = await lambda.send(
    new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(event) }),
  );
  const payload = Buffer.from(invoked.Payload ?? '').toString();
  assert.equal(invoked.FunctionError, undefined, payload);
  return JSON.parse(payload) as Result;
}

/** Posts JSON to an API that wants to know who asks (AWS_IAM). */
export async function signedPost(address: string, body: object): Promise<Response> {
  const url = new URL(address);
  const { credentials, region, sha256 } = dynamodb.config;
  const signer = new SignatureV4({ service: 'execute-api', credentials, region, sha256 });
  const request = {
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    port: url.port === '' ? undefined : Number(url.port),
    path: url.pathname,
    query: {},
    headers: { host: url.host, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const signed = await signer.sign(request);
  return fetch(url, { method: 'POST', headers: signed.headers, body: request.body });
}
