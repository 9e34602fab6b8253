// The WorkflowTemplate of a pipeline, as one writes it with cdk8s: what bench_manifests.py compares
// with `aphex manifests`. template.js FILE DIRECTORY; the file says what the configuration says.
// The plans, the variables and the head of the specification come ready-made with it.
import * as fs from 'node:fs';
import { ApiObject, App, Chart } from 'cdk8s';

interface Variable {
  name: string;
  value: string;
}

interface Stage {
  id: string;
  environment?: string;
  timeout: string;
  clones: boolean;
  changesPipeline: boolean;
  files: { name: string; data: string }[];
  variables: Variable[];
}

interface Input {
  metadata: Record<string, unknown> & { name: string; namespace: string };
  head: Record<string, unknown>;
  pipeline: string;
  image: string;
  retryExpression: string;
  cloneVariables: Variable[];
  exitVariables: Variable[];
  stages: Stage[];
}

const LARGE = { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '2', memory: '4Gi' } };
const SMALL = { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '1', memory: '512Mi' } };

function container(input: Input, args: string[], env: Variable[], resources: object) {
  return {
    image: input.image,
    command: ['aphex'],
    args: ['stage', ...args],
    workingDir: '/aphex/work',
    env,
    resources,
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
    },
    volumeMounts: [
      { name: 'work', mountPath: '/aphex/work' },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
}

function retryStrategy(input: Input) {
  return {
    limit: '2',
    retryPolicy: 'Always',
    expression: input.retryExpression,
    backoff: { duration: '30s', factor: '2' },
  };
}

function clone(input: Input) {
  const made = container(input, ['--clone'], input.cloneVariables, SMALL);
  const token = { name: 'github-token', mountPath: '/aphex/github', readOnly: true };
  return {
    volumes: [
      {
        name: 'github-token',
        secret: {
          secretName: `${input.pipeline}-github-token`,
          items: [{ key: 'token', path: 'token' }],
          defaultMode: 0o440,
          optional: true,
        },
      },
    ],
    initContainers: [
      { ...made, name: 'clone', volumeMounts: [...made.volumeMounts, token] },
    ],
  };
}

function metrics(input: Input, stage: Stage) {
  const labels = [
    { key: 'pipeline', value: input.pipeline },
    { key: 'stage', value: stage.id },
    { key: 'status', value: '{{status}}' },
  ];
  return {
    prometheus: [
      {
        name: 'aphex_stages_total',
        help: 'Stages of pipelines that have ended, by status',
        labels,
        counter: { value: '1' },
      },
      {
        name: 'aphex_stage_duration_seconds',
        help: 'Duration of the stages of pipelines',
        labels,
        histogram: { value: '{{duration}}', buckets: [30, 60, 300, 900, 1800, 3600, 7200] },
      },
    ],
  };
}

function template(input: Input, stage: Stage) {
  const name = { 'aphex.dev/stage': stage.id };
  const outcome = {
    name: 'outcome',
    globalName: 'outcome',
    valueFrom: { path: '/aphex/work/outcome', default: 'failed' },
  };
  return {
    name: stage.id,
    metadata: {
      labels: {
        ...name,
        ...(stage.environment ? { 'aphex.dev/environment': stage.environment } : {}),
      },
      annotations: name,
    },
    timeout: stage.timeout,
    retryStrategy: retryStrategy(input),
    inputs: {
      artifacts: stage.files.map(({ name, data }) => ({
        name,
        path: `/aphex/${name}.json`,
        mode: 0o444,
        archive: { none: {} },
        raw: { data },
      })),
    },
    ...(stage.changesPipeline
      ? { automountServiceAccountToken: true, outputs: { parameters: [outcome] } }
      : {}),
    ...(stage.clones ? clone(input) : {}),
    container: container(input, ['--plan', '/aphex/plan.json'], stage.variables, LARGE),
    metrics: metrics(input, stage),
  };
}

function tasks(stages: Stage[]) {
  return stages.map(({ id }, i) => {
    const before = stages[i - 1];
    return {
      name: id,
      template: id,
      ...(before ? { depends: `${before.id}.Succeeded` } : {}),
      ...(before?.changesPipeline
        ? { when: `'{{tasks.${before.id}.outputs.parameters.outcome}}' == 'continue'` }
        : {}),
    };
  });
}

const [file, outdir] = process.argv.slice(2);
const input: Input = JSON.parse(fs.readFileSync(file, 'utf8'));
const app = new App({ outdir });
new ApiObject(new Chart(app, 'pipeline'), 'template', {
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'WorkflowTemplate',
  metadata: input.metadata,
  spec: {
    ...input.head,
    templates: [
      { name: 'main', dag: { tasks: tasks(input.stages) } },
      ...input.stages.map((stage) => template(input, stage)),
      {
        name: 'exit',
        metadata: { labels: { 'aphex.dev/stage': 'exit' } },
        timeout: '900s',
        retryStrategy: retryStrategy(input),
        container: container(input, ['--exit'], input.exitVariables, SMALL),
      },
    ],
  },
});
app.synth();
