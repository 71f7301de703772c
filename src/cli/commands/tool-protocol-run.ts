/** Reads one message from a file, or listens on a subject, and shows every layer (cli.md 3.7). */
import type {Connection} from '../../connect/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {renderLayers} from '../render/layers.ts';
import {inertLine} from '../render/inert.ts';
import {protocolMessageBytesMax} from '../limits.ts';
import {openCommand} from '../setup.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {isGiven, numberFlag, withClient} from './network.ts';

const connectTimeoutMs = 30_000;
const countDefault = 50;

export async function runToolProtocol(context: CliContext, parsed: ParsedArguments): Promise<number> {
  if (isGiven(parsed, 'subject')) return listen(context, parsed);
  const {paint, logger} = await openCommand(context, parsed);
  try {
    const bytes = await context.platform.files.read(String(parsed.arguments['source']), {
      limitBytes: protocolMessageBytesMax,
    });
    const nowMs = context.platform.clock.nowMs();
    renderLayers(bytes, {sink: context.stdout, paint, nowMs, asJson: isGiven(parsed, 'json')});
    return 0;
  } finally {
    logger.close();
  }
}

async function listen(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {stdout, signal} = context;
  const subject = String(parsed.arguments['source']);
  const count = numberFlag(parsed, 'count') ?? countDefault;
  return withClient(context, parsed, async ({client, paint}) => {
    const connection = await client.connection({timeoutMs: connectTimeoutMs, signal});
    const shownSubject = paint.green(inertLine(subject));
    stdout.write(`>>> Subscribing to subject ${shownSubject} for ${paint.green(String(count))} message(s)\n\n`);
    await untilShown(context, {
      connection,
      subject,
      count,
      show: (number, message) => {
        const nowMs = context.platform.clock.nowMs();
        const time = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
        const place = paint.green(inertLine(message.subject));
        stdout.write(`>>> [${number}] Message received ${paint.green(time)} on subject ${place}\n\n`);
        try {
          renderLayers(message.payload, {sink: stdout, paint, nowMs, asJson: isGiven(parsed, 'json')});
        } catch (error) {
          stdout.write(`>>> [${paint.red('ERROR')}] ${paint.yellow(inertLine(errorMessage(error)))}\n\n`);
        }
        stdout.write('\n');
      },
    });
    return 0;
  });
}

interface Listening {
  readonly connection: Connection;
  readonly subject: string;
  readonly count: number;
  readonly show: (number: number, message: {readonly subject: string; readonly payload: Buffer}) => void;
}

/** Ends after the last message that was asked for, or when it is interrupted. */
function untilShown(context: CliContext, {connection, subject, count, show}: Listening): Promise<void> {
  return new Promise((resolve, reject) => {
    let shown = 0;
    const finish = (): void => {
      subscription.unsubscribe();
      resolve();
    };
    const subscription = connection.subscribe(subject, (message) => {
      if (shown >= count && count > 0) return;
      shown += 1;
      show(shown, message);
      if (shown === count) finish();
    });
    connection.flush({timeoutMs: connectTimeoutMs}).catch(reject);
    context.signal.addEventListener('abort', finish, {once: true});
    if (context.signal.aborted) finish();
  });
}
