/**
 * Judges tools and generators. Those that listen are given what the transcript saw: events by the node it names, a request to the nodes it
 * names. Of generated clients the announcements and files count, as ours are of another language; of a description that does not fit
 * its schema the places that are complained of.
 */
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type Connection, openConnection} from '../../../../src/connect/index.ts';
import {type CliTestResult, runCliForTest} from '../../../support/cli.ts';
import type {Lab} from '../../../support/lab.ts';
import {createPathMapper, type Mount} from '../../../support/mounts.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import type {ClientCase} from './_client.ts';
import {compareRun} from './_compare.ts';
import {laterPart} from './_help.ts';
import {programVersions, sharedLab} from './_lab.ts';
import {alignMessages, dropWarnings} from './_messages.ts';

type Problem = string | undefined;

interface Setting {
  readonly lab: Lab;
  readonly mounts: readonly Mount[];
  readonly real: (path: string) => string;
  readonly versions: readonly string[];
}

const waitMsMax = 10_000;

function runTool(
  item: ClientCase,
  setting: Setting,
  more: {readonly signal?: AbortSignal; readonly onOutput?: (text: string) => void} = {},
): Promise<CliTestResult> {
  const {argv, env, stdin, tty} = item;
  return runCliForTest({
    argv,
    mounts: setting.mounts,
    ports: setting.lab.ports,
    env: {MCOLLECTIVE_CERTNAME: 'rip.mcollective', ...env},
    ...(stdin === undefined ? {} : {stdin}),
    ...(tty === undefined ? {} : {tty}),
    ...more,
  });
}

/** Runs a command that ends by an interrupt: `act` once it listens, the interrupt when it showed enough or the time is over. */
async function runListener(
  item: ClientCase,
  setting: Setting,
  how: {
    readonly isListening: (text: string) => boolean;
    readonly act: () => Promise<void>;
    readonly isDone: (text: string) => boolean;
  },
): Promise<CliTestResult> {
  const abort = new AbortController();
  let text = '';
  let acted: Promise<void> | undefined;
  const timer = setTimeout(() => abort.abort(new Error('interrupted')), waitMsMax);
  const result = await runTool(item, setting, {
    signal: abort.signal,
    onOutput: (part) => {
      text += part;
      if (acted === undefined && how.isListening(text)) acted = how.act();
      else if (how.isDone(text)) abort.abort(new Error('interrupted'));
    },
  });
  clearTimeout(timer);
  await acted;
  return result;
}

// --- events ----------------------------------------------------------------------------------------------------------

interface ShownEvent {
  readonly type: string;
  readonly identity: string;
  readonly component: string;
  readonly version: string;
}

function shownEvents(text: string): readonly ShownEvent[] {
  return [...text.matchAll(/^\d\d:\d\d:\d\d \[(\w+)\] (\S+): (\w+)(?: version (\S+))?$/gm)].map(
    ([, type = '', identity = '', component = '', version = '']) => ({type, identity, component, version}),
  );
}

function eventBytes(event: ShownEvent): Buffer {
  const data = {
    protocol: `io.choria.lifecycle.v1.${event.type}`,
    id: '01e72410-d734-4611-9485-8c6a2dd2579b',
    identity: event.identity,
    component: event.component,
    timestamp: Math.floor(Date.now() / 1000),
    ...(event.version === '' ? {} : {version: event.version}),
  };
  const envelope = {
    specversion: '1.0',
    id: data.id,
    source: 'io.choria.lifecycle',
    subject: event.identity,
    type: data.protocol,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    data,
  };
  return Buffer.from(JSON.stringify(envelope));
}

async function connectAs(lab: Lab, name: string): Promise<Connection> {
  const read = (file: string): string => readFileSync(join(lab.files.lab, 'ssl', file), 'utf8');
  const material = {certificatePem: read(`${name}.pem`), keyPem: read(`${name}.key`), caPem: read('ca.pem')};
  return openConnection({
    platform: lab.platform(),
    name,
    servers: ['nats://127.0.0.1:20400'],
    tls: {material, verify: true, legacyNames: false},
    inboxPrefix: 'mcollective.reply',
    attemptsMax: 1,
  });
}

async function runEvents(item: ClientCase, setting: Setting): Promise<CliTestResult> {
  const wanted = shownEvents(item.stdout ?? '');
  const publish = async (): Promise<void> => {
    for (const event of wanted) {
      const connection = await connectAs(setting.lab, event.identity);
      connection.publish(`choria.lifecycle.event.${event.type}.${event.component}`, eventBytes(event));
      await connection.flush({timeoutMs: waitMsMax});
      await connection.close();
    }
  };
  const result = await runListener(item, setting, {
    isListening: (text) => text.includes('Waiting for events'),
    act: publish,
    isDone: (text) => shownEvents(text).length >= wanted.length,
  });
  return result;
}

// --- messages --------------------------------------------------------------------------------------------------------

async function runMessages(item: ClientCase, setting: Setting): Promise<CliTestResult> {
  const nodes = [...(item.stdout ?? '').matchAll(/ on subject \w+\.node\.(\S+)/g)].map((match) => match[1] ?? '');
  const ask = nodes.flatMap((node) => ['-I', node]);
  return runListener(item, setting, {
    isListening: (text) => text.includes('>>> Subscribing'),
    act: async () => {
      // The line comes a moment before the subscription is there; the request is repeated by none, so it waits for it.
      await new Promise((resolve) => setTimeout(resolve, 200));
      await setting.lab.run({argv: ['choria', 'req', 'rpcutil', 'ping', ...ask]});
    },
    isDone: (text) => text.split(' Message received ').length > nodes.length && /Payload: .*\n[║ \n]*\n$/.test(text),
  });
}

const message: readonly (readonly [RegExp, string])[] = [
  [/[\d.]+ [KM]?i?B payload/g, '<size> payload'],
  [/\b[0-9a-f]{30}\.\.\.[0-9a-f]{30}\b/g, '<signature>'],
  [/reply\.[0-9a-f]{32}\.[0-9a-f]{32}/g, 'reply.<id>.<id>'],
  [/\b[0-9a-f]{32}\b/g, '<id>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \([^)]*\)/g, '<time> (<duration>)'],
  // A direct request names its nodes in the part that is signed (docs/design/differences.md).
  [/^.* Identity Filter: .*\n/gm, ''],
  [/"(data|signature|pubcert|message|hash)": "[^"]*"/g, '"$1": "<own>"'],
];

function foldMessage(text: string): string {
  return message.reduce((out, [pattern, replacement]) => out.replace(pattern, replacement), text);
}

// --- generators ------------------------------------------------------------------------------------------------------

function announced(text: string): readonly string[] {
  return [...text.matchAll(/msg="(.*)"$/gm)].map((match) => match[1] ?? '');
}

function clientProblem(item: ClientCase, result: CliTestResult, setting: Setting): Problem {
  const [wanted, found] = [announced(item.stdout ?? ''), announced(result.stdout)];
  if (wanted[0] !== found[0]) return `first ${found[0]}`;
  const files = found.slice(1).map((line) => /^Writing (\S+)/.exec(line)?.[1] ?? line);
  if (files.length === 0) return 'no file is announced';
  const lost = files.find((path) => !existsSync(setting.real(path)));
  return lost === undefined ? undefined : `${lost} is announced and not written`;
}

/** Where in the description something does not fit. */
function places(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/^ - (\/[^:\s]*)/gm)].map((match) => (match[1] ?? '').split('/').slice(0, 5).join('/')),
  );
}

function convertProblem(item: ClientCase, result: CliTestResult, setting: Setting): Problem {
  const [wanted, found] = [places(item.stdout ?? ''), places(result.stdout)];
  const lost = [...wanted].find((place) => !found.has(place));
  if (lost !== undefined) return `nothing is said of ${lost}`;
  const isWarned = (text: string): boolean => text.includes('WARN: DDL does not pass JSON Schema Validation');
  if (isWarned(item.stdout ?? '') !== isWarned(result.stdout)) return 'the warning is missing or too much';
  if (!result.stdout.startsWith('Validating JSON DDL against the schema...\n')) return result.stdout;
  const ruby = item.argv.slice(4).filter((word) => !word.startsWith('-'))[1];
  return ruby === undefined || existsSync(setting.real(ruby)) ? undefined : `${ruby} is not there`;
}

// --- judging ---------------------------------------------------------------------------------------------------------

async function judgeCase(item: ClientCase, setting: Setting): Promise<CaseResult> {
  const {name, argv} = item;
  const words = argv.slice(1, 4).join(' ');
  const verdict = (problem: Problem): CaseResult =>
    problem === undefined ? {name, passed: true} : {name, passed: false, expected: 'what the case says', got: problem};
  const isListener = words === 'tool event' || words.startsWith('tool event ');
  const isMessages = words.startsWith('tool protocol') && argv.includes('--subject');
  const result = isListener
    ? await runEvents(item, setting)
    : isMessages
      ? await runMessages(item, setting)
      : await runTool(item, setting);
  const exit =
    result.exit === item.exit ? undefined : `exit ${result.exit}: ${result.stdout}${result.stderr}${result.output}`;
  if (words === 'plugin generate client') return verdict(exit ?? clientProblem(item, result, setting));
  if (words === 'plugin generate ddl') return verdict(exit ?? convertProblem(item, result, setting));
  const stderr = (item.stderr ?? '').includes('level=warn') ? result.stderr : dropWarnings(result.stderr);
  const got = {
    ...result,
    stdout: alignMessages(item.stdout ?? '', result.stdout),
    stderr: alignMessages(item.stderr ?? '', stderr),
  };
  const rewrite = (text: string): string => {
    const times = text.replace(/^(?:\d\d:\d\d:\d\d)(?= \[)/gm, '<clock>');
    return isMessages ? foldMessage(times) : times;
  };
  return compareRun(item, got, {versions: setting.versions, rewrite});
}

const judge: Judge = async function* ({data, vectorsDirectory}) {
  const lab = await sharedLab(vectorsDirectory);
  const scratch = mkdtempSync(join(tmpdir(), 'choria-generators-'));
  const mounts: readonly Mount[] = [...lab.files.mounts, {virtual: '/scratch', real: scratch}];
  const setting = {lab, mounts, real: createPathMapper(mounts).toReal, versions: programVersions(vectorsDirectory)};
  try {
    const parrot = readFileSync(setting.real('/lab/lib/mcollective/agent/parrot.json'), 'utf8');
    writeFileSync(join(scratch, 'parrot.json'), parrot);
    writeFileSync(join(scratch, 'pl.txt'), 'payload');
    for (const item of data as readonly ClientCase[]) {
      const waitsFor = laterPart(item.argv.slice(1));
      // A command that is not there cannot wait for an interrupt either.
      const result = await judgeCase(item, setting);
      yield result.passed || waitsFor === undefined ? result : {...result, waitsFor};
    }
  } finally {
    rmSync(scratch, {recursive: true, force: true});
  }
};

export default judge;
