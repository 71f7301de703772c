/** Checks inventory files, and writes them from what nodes say of themselves (cli.md 3.7, client.md 2.4). */
import {resolve} from 'node:path';
import {ClientError} from '../../client/index.ts';
import {
  type InventoryNodeText,
  inventoryFormatOf,
  inventoryProblems,
  readInventoryDocument,
  renderInventory,
} from '../../discovery/index.ts';
import {jsonMembers} from '../../lib/json-text.ts';
import type {NodeReply} from '../../rpc/index.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import {createProgress} from '../render/progress.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {discoverOptions, isGiven, type NetworkCommand, textFlag, withClient} from './network.ts';
import {replyDataText} from './req-text.ts';
import {fileExists} from '../../lib/file-exists.ts';

const agent = 'rpcutil';
const action = 'inventory';
const missingNamesMax = 10;

export async function runToolInventory(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const path = String(parsed.arguments['file']);
  if (isGiven(parsed, 'validate')) return validate(context, path);
  const exists = await fileExists(context.platform.files, path);
  if (exists && !isGiven(parsed, 'update')) {
    throw new CliError('ERR_CLI_FAILED', `${path} already exist, pass --update to overwrite its nodes`);
  }
  return withClient(context, parsed, async (command) => {
    const nodes = await collectNodes(context, parsed, command);
    const format = inventoryFormatOf(path);
    const groups = exists ? await groupsOf(context, path) : undefined;
    const text = renderInventory(nodes, {format, groups});
    await context.platform.files.writeAtomic(path, text, {mode: 0o644});
    context.stdout.write(
      `Wrote ${nodes.length} nodes to ${inertLine(resolve(context.platform.host.workingDirectory, path))}\n`,
    );
    return 0;
  });
}

async function validate(context: CliContext, path: string): Promise<number> {
  const problems = inventoryProblems(await readInventoryDocument(context.platform.files, path));
  if (problems.length === 0) {
    context.stdout.write(`${inertLine(path)} is a valid inventory file\n`);
    return 0;
  }
  const list = problems.map((problem) => `\t${inertLine(problem)}\n`).join('');
  context.stdout.write(`${inertLine(path)} is not a valid inventory file:\n\n${list}`);
  return 1;
}

/** The groups of the file that is replaced, exactly as they are. */
async function groupsOf(context: CliContext, path: string): Promise<unknown> {
  const document = await readInventoryDocument(context.platform.files, path);
  const groups = (document as {readonly groups?: unknown} | null)?.groups;
  return groups ?? undefined;
}

async function collectNodes(
  context: CliContext,
  parsed: ParsedArguments,
  {client, paint}: NetworkCommand,
): Promise<readonly InventoryNodeText[]> {
  const {signal, stdout, platform} = context;
  const ddl = await client.describe(agent);
  stdout.write('Discovering nodes .... ');
  const found = await client.discover({...(await discoverOptions(context, parsed)), agent}).catch((error: unknown) => {
    stdout.write('0\n');
    throw error;
  });
  stdout.write(`${found.identities.length}\n`);
  signal.throwIfAborted();
  if (found.identities.length === 0) throw new ClientError('ERR_CLIENT_NO_NODES', 'did not discover any nodes');
  const total = found.identities.length;
  const progress = createProgress({sink: stdout, clock: platform.clock, paint, total, what: `${agent}#${action}`});
  const replies = new Map<string, NodeReply>();
  progress.start();
  const {noResponses} = await client
    .perform(
      {
        agent,
        action,
        data: {},
        targets: found.identities,
        collective: textFlag(parsed, 'target'),
        timeoutMs: client.requestTimeoutMs(ddl),
        discoverMs: found.elapsedMs,
        signal,
      },
      {
        reply: (reply) => {
          progress.advance();
          replies.set(reply.sender, reply);
        },
      },
    )
    .finally(() => progress.stop());
  signal.throwIfAborted();
  if (noResponses.length > 0) {
    const names = noResponses.toSorted().slice(0, missingNamesMax).join(', ');
    throw new ClientError(
      'ERR_CLIENT_NO_NODES',
      `Cannot write the inventory: ${noResponses.length} of ${total} nodes did not answer: ${names}`,
      {details: {noResponses}},
    );
  }
  return found.identities.flatMap((name) => {
    const reply = replies.get(name);
    return reply === undefined ? [] : [nodeText(reply)];
  });
}

/** A node that answers with something else than its inventory would make a file that nobody can read. */
function nodeText(reply: NodeReply): InventoryNodeText {
  const members = reply.statusCode === 0 ? jsonMembers(replyDataText(reply)) : new Map<string, string>();
  const wanted = {collectives: '[', facts: '{', classes: '[', agents: '['} as const;
  const text = (name: keyof typeof wanted): string => {
    const value = members.get(name);
    if (value?.startsWith(wanted[name]) === true) return value;
    throw new ClientError(
      'ERR_CLIENT_INPUT',
      `Cannot write the inventory: ${reply.sender} did not tell its ${name}: ${reply.statusMessage}`,
      {details: {node: reply.sender, member: name}},
    );
  };
  return {
    name: reply.sender,
    collectives: text('collectives'),
    facts: text('facts'),
    classes: text('classes'),
    agents: text('agents'),
  };
}
