// Runs one invocation of a Node.js handler: `node run_node.cjs TASK_DIR HANDLER FD`.
// stdin: {"event", "context"}; FD: {"value"} or {"error"}; stdout and stderr are the log.
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const { syncBuiltinESMExports } = require('module');
const path = require('path');
const { pathToFileURL } = require('url');

async function load(taskDir, handler) {
  const dot = handler.lastIndexOf('.');
  const base = path.join(taskDir, handler.slice(0, dot));
  const file = ['.js', '.cjs', '.mjs'].map((e) => base + e).find((f) => fs.existsSync(f));
  if (!file) throw new Error(`Cannot find module '${handler.slice(0, dot)}'`);
  let loaded;
  try {
    loaded = require(file);
  } catch (error) {
    if (error.code !== 'ERR_REQUIRE_ESM' && !(error instanceof SyntaxError)) throw error;
    loaded = await import(pathToFileURL(file).href);
  }
  const found = loaded[handler.slice(dot + 1)];
  if (typeof found !== 'function') throw new Error(`${handler} is undefined or not exported`);
  return found;
}

function call(handler, event, context) {
  return new Promise((resolve, reject) => {
    const done = (error, value) => (error ? reject(error) : resolve(value));
    const result = handler(event, { ...context, done, succeed: resolve, fail: reject }, done);
    if (result && typeof result.then === 'function') result.then(resolve, reject);
    // What it has begun goes on: as in Lambda, the end is when nothing is left to do.
    else process.once('beforeExit', () => resolve(result));
  });
}

// CloudFormation's clients answer by https to any address; that of the sandbox is http.
function reachTheSandbox() {
  const endpoint = new URL(process.env.AWS_ENDPOINT_URL);
  const request = https.request;
  https.request = function (options, ...rest) {
    const isOurs =
      options &&
      (options.hostname || options.host) === endpoint.hostname &&
      String(options.path || options.pathname).startsWith('/_aphex/');
    if (!isOurs) return request.call(this, options, ...rest);
    const { hostname, port } = endpoint;
    const plain = { method: options.method, headers: options.headers, path: options.path };
    return http.request({ ...plain, hostname, port }, ...rest);
  };
  syncBuiltinESMExports();
}

function answer(message) {
  fs.writeFileSync(Number(process.argv[4]), JSON.stringify(message));
  process.exit(0);
}

async function main() {
  const [taskDir, handlerName] = process.argv.slice(2, 4);
  const { event, context } = JSON.parse(fs.readFileSync(0, 'utf8'));
  const deadline = Date.now() + context.timeoutMs;
  reachTheSandbox();
  context.getRemainingTimeInMillis = () => Math.max(0, deadline - Date.now());
  try {
    const value = await call(await load(taskDir, handlerName), event, context);
    answer({ value: value === undefined ? null : value });
  } catch (error) {
    const known = error instanceof Error;
    answer({
      error: {
        errorType: known ? error.name : typeof error,
        errorMessage: known ? error.message : String(error),
        trace: known && error.stack ? error.stack.split('\n') : [],
      },
    });
  }
}

main();
