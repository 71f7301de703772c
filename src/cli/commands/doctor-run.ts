/** Shows what the doctor found. */
import {resolve} from 'node:path';
import type {Config} from '../../config/index.ts';
import {diagnose, type Diagnosis, type DoctorRole, type Finding} from '../../doctor/index.ts';
import {serverStateDirectory} from '../../server/index.ts';
import {colours, type Paint} from '../render/colour.ts';
import {inertJson, inertLine} from '../render/inert.ts';
import {configPath} from '../setup.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

const warningsExit = 1;
const errorsExit = 2;

/** 0 nothing was found, 1 warnings only, 2 at least one error: what monitoring systems read. */
export async function runDoctor(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, stdout} = context;
  const given = parsed.flags['role'];
  const hasFile = parsed.given.has('config');
  const role: DoctorRole | undefined = isRole(given) ? given : hasFile ? undefined : 'client';
  const diagnosis = await diagnose({
    platform,
    configPath: resolve(platform.host.workingDirectory, await configPath(context, parsed)),
    isOffline: parsed.flags['offline'] === true,
    stateDirectory: (config: Config) => serverStateDirectory(config, platform),
    signal: context.signal,
    ...(role === undefined ? {} : {role}),
  });
  if (parsed.flags['json'] === true) stdout.write(`${inertJson(JSON.stringify(documentOf(diagnosis), null, 2))}\n`);
  else stdout.write(textOf(diagnosis, colours({sink: stdout, env: platform.env})));
  const {errors, warnings} = counts(diagnosis.findings);
  return errors > 0 ? errorsExit : warnings > 0 ? warningsExit : 0;
}

function isRole(value: unknown): value is DoctorRole {
  return value === 'client' || value === 'server' || value === 'broker';
}

function counts(findings: readonly Finding[]): {readonly errors: number; readonly warnings: number} {
  const errors = findings.filter((item) => item.severity === 'error').length;
  return {errors, warnings: findings.length - errors};
}

function documentOf({role, configPath: path, findings}: Diagnosis): unknown {
  return {config: path, role, healthy: findings.length === 0, ...counts(findings), findings};
}

function plural(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function textOf({role, configPath: path, findings}: Diagnosis, paint: Paint): string {
  const {errors, warnings} = counts(findings);
  const found =
    findings.length === 0 ? 'nothing is wrong' : `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`;
  const blocks = findings.map((item) => {
    const label = item.severity === 'error' ? paint.red('error') : paint.yellow('warning');
    return [
      `${label} ${item.code}: ${item.title}`,
      `  ${inertLine(item.cause)}`,
      `  fix:  ${inertLine(item.fix)}`,
      `  more: ${item.page}`,
      '',
    ].join('\n');
  });
  return [`${inertLine(path)} (${role}): ${found}\n`, ...blocks].join('\n');
}
