/** The connection of the `broker` tools: the user's own security, or the system account's credentials where they look into brokers. */
import type {Config} from '../../config/index.ts';
import {
  type Connection,
  type ConnectionEvents,
  connectSecurity,
  createSecurityProvider,
  openConnection,
  securitySwitches,
  serverSource,
} from '../../connect/index.ts';
import type {SecurityProvider} from '../../crypto/index.ts';
import {inboxPrefix} from '../../protocol/index.ts';
import type {Logger} from '../../lib/logger.ts';
import {ChoriaError, errorMessage} from '../../lib/errors.ts';
import {CliError} from '../errors.ts';
import {openCommand} from '../setup.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

const inboxBytes = 12;

export interface BrokerTool {
  readonly config: Config;
  /** A subject below the user's own inbox, which brokers let nobody else listen to. */
  readonly newInbox: () => string;
  readonly connection: Connection;
}

export interface BrokerToolOptions {
  /** The command's words, for messages; given where the system account is needed. */
  readonly systemCommand?: string;
  /** One broker instead of those that the configuration names. */
  readonly server?: string;
  readonly events?: ConnectionEvents;
}

export interface ToolSetup {
  readonly config: Config;
  readonly logger: Logger & {close(): void};
  readonly provider: SecurityProvider;
}

/** Configuration, log and security of a tool; the caller closes the log. */
export async function openToolSetup(context: CliContext, parsed: ParsedArguments): Promise<ToolSetup> {
  const {config, logger} = await openCommand(context, parsed, {level: 'warn'});
  try {
    const provider = await createSecurityProvider(config, {platform: context.platform, logger, mode: 'client'});
    return {config, logger, provider};
  } catch (error) {
    logger.close();
    throw failed('could not set up security framework', error);
  }
}

/** Opens, runs and closes whatever happens. */
export async function withBroker(
  context: CliContext,
  parsed: ParsedArguments,
  options: BrokerToolOptions & {readonly run: (tool: BrokerTool) => Promise<number>},
): Promise<number> {
  const setup = await openToolSetup(context, parsed);
  try {
    const connection = await connectTool(context, setup, {
      ...options,
      timeoutMs: Number(parsed.flags['connect-timeout']),
    });
    try {
      const newInbox = (): string => `${inboxOf(setup)}.${context.platform.random.bytes(inboxBytes).toString('hex')}`;
      return await options.run({config: setup.config, connection, newInbox});
    } finally {
      await connection.close();
    }
  } finally {
    setup.logger.close();
  }
}

/** @throws {CliError} `ERR_CLI_FAILED` */
export async function connectTool(
  context: CliContext,
  setup: ToolSetup,
  options: BrokerToolOptions & {readonly timeoutMs: number},
): Promise<Connection> {
  const {config, logger, provider} = setup;
  const {platform} = context;
  const switches = securitySwitches({platform, mode: 'client', logger});
  const security = connectSecurity(config, {provider, logger, switches});
  const system = options.systemCommand === undefined ? {} : systemLogin(config, options.systemCommand);
  try {
    return await openConnection({
      platform,
      logger,
      name: 'Choria CLI',
      servers: options.server === undefined ? serverSource(config, {platform, logger}) : [options.server],
      ...security,
      auth: {...security.auth, ...system},
      inboxPrefix: options.systemCommand === undefined ? inboxOf(setup) : '_INBOX',
      connectTimeoutMs: options.timeoutMs,
      attemptsMax: 1,
      signal: context.signal,
      ...(options.events === undefined ? {} : {events: options.events}),
    });
  } catch (error) {
    throw failed('could not connect to the broker', error);
  }
}

/** As the broker grants it to a caller. */
function inboxOf({config, provider}: ToolSetup): string {
  return inboxPrefix(config.get('main_collective'), provider.callerId);
}

function systemLogin(config: Config, command: string): {readonly user: string; readonly password: string} {
  const user = config.get('plugin.choria.network.system.user');
  const password = config.get('plugin.choria.network.system.password');
  if (user === '' || password === '') {
    throw new CliError(
      'ERR_CLI_VALUE',
      `the "broker ${command}" command needs system username and password set using plugin.choria.network.system.*`,
    );
  }
  return {user, password};
}

function failed(what: string, error: unknown): CliError {
  if (error instanceof CliError || !(error instanceof ChoriaError)) throw error;
  return new CliError('ERR_CLI_FAILED', `${what}: ${errorMessage(error)}`, {cause: error});
}
