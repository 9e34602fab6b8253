import { existsSync, readFileSync } from 'node:fs';

/**
 * The outputs of the deployed stacks, as the pipeline hands them to tests: one environment
 * variable each (APHEX_OUTPUT_<STACK>_<KEY>), or a file {"Stack": {"Key": "value"}} named by
 * APHEX_OUTPUTS_FILE, which is also what `cdk deploy --outputs-file` writes.
 */
export function output(stack: string, key: string): string {
  const variable = `APHEX_OUTPUT_${stack}_${key}`.toUpperCase().replace(/[^A-Z0-9]/g, '_');
  const file = process.env.APHEX_OUTPUTS_FILE;
  const value = process.env[variable] ?? (file && outputsIn(file)[stack]?.[key]);
  if (!value) {
    const places = `neither ${variable} nor ${file ?? 'APHEX_OUTPUTS_FILE'} has it`;
    throw new Error(`No output ${stack}.${key}: ${places}. Deploy first, with --outputs-file.`);
  }
  return value;
}

type Outputs = Record<string, Record<string, string> | undefined>;

function outputsIn(file: string): Outputs {
  if (!existsSync(file)) {
    return {};
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Outputs;
}

/** Whether the stacks are on a local stand-in for AWS, which does less than AWS. */
export const onStandIn = process.env.AWS_ENDPOINT_URL !== undefined;
